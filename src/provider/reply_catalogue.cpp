#include "mailramp/provider/reply_catalogue.h"

#include <algorithm>
#include <array>

#include "mailramp/base/text.h"
#include "mailramp/provider/aadsts.h"
#include "provider/reply_rows.h"

namespace mailramp::provider {
namespace {

using mail::Phase;

bool matches_enhanced(std::string_view pattern, std::string_view enhanced) {
    if (pattern.empty()) return true;
    if (pattern.size() != enhanced.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const bool digit = enhanced[i] >= '0' && enhanced[i] <= '9';
        if (pattern[i] == '?' ? !digit : pattern[i] != enhanced[i]) return false;
    }
    return true;
}

bool matches_code(int wanted, int code) {
    if (wanted == 0) return true;
    if (wanted == no_reply) return code == 0;
    return wanted < 10 ? code / 100 == wanted : code == wanted;
}

bool matches(const Row& row, Dialect dialect, const mail::Answer& answer) {
    return (row.dialect == Dialect::any || row.dialect == dialect) && matches_code(row.code, answer.code) &&
           (row.phases.empty() || std::ranges::find(row.phases, answer.phase) != row.phases.end()) &&
           matches_enhanced(row.enhanced, answer.enhanced) &&
           (row.text.empty() || base::contains_ignoring_case(answer.text, row.text));
}

bool is_session(Phase phase) {
    switch (phase) {
        case Phase::none:
        case Phase::resolve:
        case Phase::connect:
        case Phase::banner:
        case Phase::ehlo:
        case Phase::starttls:
        case Phase::tls:
        case Phase::token:
        case Phase::auth:
        case Phase::quit:
            return true;
        case Phase::mail:
        case Phase::rcpt:
        case Phase::data:
        case Phase::body:
        case Phase::body_end:
            return false;
    }
    return true;
}

Verdict general_transient(const mail::Answer& answer) {
    Verdict verdict{.action = Action::retry,
                    .radius = Radius::message,
                    .cause = "the server refuses for now",
                    .remedy = "nothing to do: it is tried again; the server's words say more"};
    // A server that hangs up on the content may do so because of it, and then the attempt must count.
    const bool content = answer.phase == Phase::body || answer.phase == Phase::body_end;
    if (is_session(answer.phase) || (answer.code == 421 && !content))
        verdict.radius = Radius::connection;
    else if (answer.phase == Phase::rcpt)
        verdict.radius = Radius::recipient;
    return verdict;
}

Verdict general_permanent(const mail::Answer& answer) {
    const bool policy = answer.phase == Phase::mail && answer.enhanced.starts_with("5.7.");
    if (is_session(answer.phase) || policy)
        return {.action = Action::pause,
                .radius = Radius::mailbox,
                .cause = "the server refuses the session, whatever the message",
                .remedy =
                    "read the server's words; check host, port and authentication of mailbox <mailbox>, and "
                    "which senders it may send as"};
    if (answer.phase == Phase::rcpt)
        return {.action = Action::reject,
                .radius = Radius::recipient,
                .cause = "the server refuses this recipient",
                .remedy = "check the address; the server's words say more"};
    return {.action = Action::reject,
            .radius = Radius::message,
            .cause = "the server refuses this message",
            .remedy = "read the server's words; correct the message where it is made"};
}

Verdict general(const mail::Answer& answer) {
    switch (answer.code / 100) {
        case 2:
            return {.action = Action::accept,
                    .radius = answer.phase == Phase::rcpt ? Radius::recipient : Radius::message,
                    .cause = "the server has taken it",
                    .remedy = "nothing to do"};
        case 4:
            return general_transient(answer);
        case 5:
            return general_permanent(answer);
    }
    return {
        .action = Action::retry,
        .radius = Radius::connection,
        .cause = "the connection failed or the server did not speak SMTP",
        .remedy = "nothing to do: it is tried again; check host and port of mailbox <mailbox> if it lasts"};
}

Verdict of_token_answer(const mail::Answer& answer) {
    const TokenErrorVerdict token = explain({}, "", answer.text, answer.code);
    const bool passing = token.kind == TokenErrorClass::transient;
    return {.action = passing ? Action::retry : Action::pause,
            .radius = passing ? Radius::connection : Radius::mailbox,
            .cause = token.cause,
            .remedy = token.remedy};
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    if (with.empty()) return;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

}  // namespace

const char* to_string(Action action) {
    switch (action) {
        case Action::accept:
            return "accept";
        case Action::retry:
            return "retry";
        case Action::requeue:
            return "requeue";
        case Action::lower_concurrency:
            return "lower_concurrency";
        case Action::slow_down:
            return "slow_down";
        case Action::pause:
            return "pause";
        case Action::hold:
            return "hold";
        case Action::reject:
            return "reject";
    }
    return "retry";
}

const char* to_string(Radius radius) {
    switch (radius) {
        case Radius::recipient:
            return "recipient";
        case Radius::message:
            return "message";
        case Radius::sender:
            return "sender";
        case Radius::connection:
            return "connection";
        case Radius::mailbox:
            return "mailbox";
        case Radius::tenant:
            return "tenant";
    }
    return "message";
}

Verdict classify(Dialect dialect, const mail::Answer& answer) {
    if (answer.channel == mail::Channel::http) return of_token_answer(answer);
    if (answer.code / 100 == 2) return general(answer);
    const std::span<const Row> rows = catalogue();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!matches(rows[i], dialect, answer)) continue;
        Verdict verdict = rows[i].verdict;
        verdict.row = i;
        return verdict;
    }
    return general(answer);
}

Verdict of_own_address(Verdict verdict) {
    verdict.action = Action::pause;
    verdict.cause = "the application may not send as the mailbox itself";
    verdict.remedy =
        "Add-MailboxPermission -Identity <mailbox> -User <service principal> -AccessRights FullAccess, and "
        "Add-RecipientPermission <mailbox> -Trustee <service principal> -AccessRights SendAs, or add "
        "<mailbox> to the RBAC scope; a change takes up to 2 hours";
    return verdict;
}

std::string fill(std::string_view remedy, const Names& names) {
    std::string out(remedy);
    replace_all(out, "<mailbox>", names.mailbox);
    replace_all(out, "<app id>", names.app_id);
    replace_all(out, "<tenant>", names.tenant);
    return out;
}

}  // namespace mailramp::provider
