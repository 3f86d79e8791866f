// sendmail/report.h: what a caller is told of the outcomes, and with which status it ends. Pure.
#pragma once

#include <string>
#include <vector>

#include "mailramp/mail/envelope.h"
#include "mailramp/smtp/client_protocol.h"
#include "sendmail/exit_status.h"
#include "sendmail/invocation.h"

namespace mailramp::sendmail {

struct Report {
    std::vector<std::string>
        lines;  // without the program's name; empty when all went well and Talk::of_trouble
    ExitStatus status = ExitStatus::done;
};

// Recipients with the same answer share a line. `outcomes` are those of `recipients`, in their order.
[[nodiscard]] Report report_on(const std::vector<mail::Recipient>& recipients,
                               const std::vector<smtp::RecipientOutcome>& outcomes, Talk talk);

}  // namespace mailramp::sendmail
