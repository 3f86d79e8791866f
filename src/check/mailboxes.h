// check/mailboxes.h: the login as a mailbox and a message of it, from what was seen to findings. Pure.
#pragma once

#include <optional>
#include <string>

#include "check/claims.h"
#include "mailramp/base/clock.h"
#include "mailramp/check/finding.h"
#include "mailramp/mail/answer.h"
#include "mailramp/provider/preset.h"
#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::check {

struct MailboxFacts {
    std::string address;
    std::string user;  // who logs in: mostly the address
    provider::Dialect dialect = provider::Dialect::any;
    provider::Names names;         // what fills the remedies
    std::optional<Claims> claims;  // of the token that was used; nothing: none, or it cannot be looked into
};

// `failure`: nothing when the server took the login.
[[nodiscard]] Finding judge_login(const MailboxFacts& facts, const mail::Answer* failure);

enum class Taken { yes, no, uncertain };
// `answer`: what the server said last about the message.
[[nodiscard]] Finding judge_message(const MailboxFacts& facts, const std::string& recipient, Taken taken,
                                    const mail::Answer& answer);
// Without --send-to.
[[nodiscard]] Finding message_not_tested(const MailboxFacts& facts);

struct TestMessage {
    std::string from;
    std::string to;
    std::string host_name;  // this machine
    std::string message_id;
    base::WallTime now;
};
// Header section and text, lines ended by CRLF.
[[nodiscard]] std::string write_test_message(const TestMessage& message);

}  // namespace mailramp::check
