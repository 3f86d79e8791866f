// config/mailbox_checks.h: whether a mailbox, with all that it inherits, can work with its server; pure.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "config/report.h"
#include "mailramp/config/settings.h"
#include "mailramp/io/listener.h"

namespace mailramp::config {

// Where the keys of a mailbox stand in the file.
struct MailboxPlaces {
    Path address;
    Path user;
    std::function<Path(std::string_view key)> upstream;  // the mailbox's own section, or the shared one
};

// `listen` are the daemon's own addresses.
void check_mailbox(const MailboxSettings& mailbox, const std::vector<io::Endpoint>& listen,
                   const MailboxPlaces& places, Report& report);

}  // namespace mailramp::config
