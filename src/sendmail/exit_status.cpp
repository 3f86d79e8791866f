#include "sendmail/exit_status.h"

#include <array>
#include <string_view>

namespace mailramp::sendmail {
namespace {

struct Meaning {
    std::string_view enhanced;  // how the code begins; "X" is the first digit, any
    ExitStatus status;
};

// RFC 3463 §3; the first row that fits counts.
constexpr std::array meanings{
    Meaning{"X.1.2", ExitStatus::no_host},       // bad destination system
    Meaning{"X.1.7", ExitStatus::data},          // bad sender's address
    Meaning{"X.1.8", ExitStatus::data},          // bad sender's system
    Meaning{"X.1.", ExitStatus::no_user},        // addresses
    Meaning{"X.2.1", ExitStatus::no_user},       // mailbox disabled
    Meaning{"X.3.4", ExitStatus::data},          // message too big for the system
    Meaning{"X.2.3", ExitStatus::data},          // message longer than the mailbox takes
    Meaning{"X.6.", ExitStatus::data},           // content
    Meaning{"X.7.", ExitStatus::no_permission},  // policy
};

bool begins_so(std::string_view enhanced, std::string_view pattern) {
    return !enhanced.empty() && enhanced.substr(1).starts_with(pattern.substr(1));
}

}  // namespace

ExitStatus status_of(const mail::Answer& refusal) {
    constexpr int too_large = 552;   // without an enhanced code: RFC 5321 §4.2.3
    constexpr int no_mailbox = 550;  // the same
    if (refusal.code / 100 != 5) return ExitStatus::try_again;
    for (const Meaning& meaning : meanings)
        if (begins_so(refusal.enhanced, meaning.enhanced)) return meaning.status;
    if (refusal.code == too_large) return ExitStatus::data;
    if (refusal.code == no_mailbox && refusal.phase == mail::Phase::rcpt) return ExitStatus::no_user;
    return ExitStatus::unavailable;
}

ExitStatus worse_of(ExitStatus first, ExitStatus second) {
    if (first == ExitStatus::done || second == ExitStatus::try_again) return second;
    return first;
}

}  // namespace mailramp::sendmail
