// sendmail/submission.h: hands one message to the daemon, and tells what became of each recipient.
#pragma once

#include <vector>

#include "mailramp/mail/envelope.h"
#include "mailramp/smtp/client_protocol.h"
#include "sendmail/connection.h"
#include "sendmail/message.h"

namespace mailramp::sendmail {

struct SubmissionLimits {
    // RFC 5321 §4.5.3.2: five minutes for a reply, ten for the one after the end of data.
    Duration reply_timeout = std::chrono::minutes(5);
    Duration final_reply_timeout = std::chrono::minutes(10);
    Duration quit_timeout = std::chrono::seconds(5);  // the message is safe by then
    std::size_t piece_bytes = 64 * 1024;              // of the body at a time
    std::size_t recipients_max = 1000;                // in one transaction; more go in further ones
};

// One outcome for each recipient of the envelope, in its order. A recipient that the daemon does not want
// beside so many others (452 4.5.3, RFC 5321 §4.5.3.1.10) goes in a transaction of its own. Blocks; never
// fails: what went wrong is in the outcomes.
[[nodiscard]] std::vector<smtp::RecipientOutcome> submit(const Connection& connection, std::string ehlo_name,
                                                         const mail::Envelope& envelope,
                                                         const Message& message,
                                                         const SubmissionLimits& limits);

}  // namespace mailramp::sendmail
