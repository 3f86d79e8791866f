// AUTH of ExchangeSession: XOAUTH2 in one step or two, and how it is refused.
#include <algorithm>
#include <array>

#include "mailramp/base/text.h"
#include "sandbox/exchange_session.h"

namespace mailramp::sandbox {
namespace {

// The audiences that Exchange takes (Microsoft's own diagnostic tool lists them).
constexpr std::array<std::string_view, 3> audiences{
    "https://outlook.office365.com", "https://outlook.office.com", "https://outlook.office365.us"};
constexpr std::size_t auth_line_bytes_max = 512;  // RFC 4954 §4, CRLF included
constexpr std::size_t user_bytes_max = 320;

}  // namespace

void ExchangeSession::auth(const Line& line, const Now& now) {
    if (options_.security == Security::none) return say("503 5.5.2 Bad sequence of commands");
    if (tls_version_.empty()) return say(expand("451 5.7.3 STARTTLS is required to send mail %h", now));
    if (helo_.empty()) return say("503 5.5.2 Send hello first");
    if (!mailbox_.empty()) return say("503 5.5.2 Already authenticated");
    const std::size_t end = std::min(line.arguments.find(' '), line.arguments.size());
    const std::string_view mechanism = line.arguments.substr(0, end);
    const std::string_view response = base::trim(line.arguments.substr(end));
    if (line.verb.size() + 1 + line.arguments.size() + 2 > auth_line_bytes_max)
        ++world_.counters.auth_lines_over_512;
    if (base::equals_ignoring_case(mechanism, "LOGIN") || base::equals_ignoring_case(mechanism, "PLAIN"))
        return say(
            expand("535 5.7.139 Authentication unsuccessful, basic authentication is disabled. %h", now));
    const bool google = options_.auth_shape == AuthShape::google;
    const bool xoauth2 = base::equals_ignoring_case(mechanism, "XOAUTH2");
    const bool bearer = google && base::equals_ignoring_case(mechanism, "OAUTHBEARER");
    if ((!xoauth2 && !bearer) || session_faults_.contains("no-xoauth2"))
        return say("504 5.7.4 Unrecognized authentication type");
    mechanism_ = xoauth2 ? "XOAUTH2" : "OAUTHBEARER";
    if (!response.empty()) {
        mechanism_ += " (one step)";
        return login(response, now);
    }
    mechanism_ += " (two steps)";
    if (interrupted("auth")) return;
    state_ = State::auth_response;
    say("334 ");
}

void ExchangeSession::login(std::string_view response, const Now& now) {
    state_ = State::command;
    if (response == "*") return say("501 5.7.0 Authentication cancelled");
    const auto login =
        mechanism_.starts_with("XOAUTH2") ? parse_xoauth2(response) : parse_oauthbearer(response);
    const std::string user = login ? base::to_lower(login->user) : std::string();
    for (const std::string kind : {"drop-auth", "hang-auth"}) {
        if (!world_.faults.take(kind, user)) continue;
        state_ = kind == "drop-auth" ? State::closed : State::hang;
        return;
    }
    if (const auto refusal = login_refusal(login, now)) return refuse_login(*refusal);
    ++world_.counters.auths;
    mailbox_ = user;
    world_.limits.opened(mailbox_, connection_);
    say("235 2.7.0 Authentication successful");
}

std::optional<std::string> ExchangeSession::login_refusal(const std::optional<BearerLogin>& login,
                                                          const Now& now) {
    const auto refuse = [&](std::string why) {
        world_.counters.last_auth_refusal = std::move(why);
        return expand("535 5.7.3 Authentication unsuccessful %h", now);
    };
    if (!login) return refuse("the response is not user=…^Aauth=Bearer …^A^A in base64");
    for (const ReplyFault& fault : auth_reply_faults()) {
        if (!world_.faults.take(fault.name, login->user)) continue;
        world_.counters.last_auth_refusal = "the fault " + std::string(fault.name);
        return std::to_string(fault.code) + " " + expand(fault.text, now);
    }
    const auto claims = world_.signer.verify(login->token, now.wall);
    if (!claims) return refuse(claims.error().message);
    if (std::ranges::find(audiences, claims->audience) == audiences.end())
        return refuse("the token is for " + base::printable(claims->audience, user_bytes_max));
    if (options_.permission == Permission::classic &&
        std::ranges::find(claims->roles, "SMTP.SendAsApp") == claims->roles.end())
        return refuse("the token lacks the role SMTP.SendAsApp");
    if (world_.faults.take("wrong-object-id", login->user))
        return refuse("Exchange knows the application by another object ID than the token's oid");
    const App* app = world_.directory.find(claims->tenant, claims->app_id);
    if (app == nullptr || !Directory::may_submit(*app, login->user))
        return refuse("the application may not submit as " + base::printable(login->user, user_bytes_max));
    return {};
}

// Google's way (RFC 7628 §3.2.2): the reason as a challenge, and the 535 only when the client has answered
// it.
void ExchangeSession::refuse_login(const std::string& reply) {
    ++world_.counters.auths_refused;
    if (options_.auth_shape == AuthShape::microsoft || !reply.starts_with("535 5.7.3")) return say(reply);
    login_reply_ =
        "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials - gsmtp";
    state_ = State::auth_challenge;
    say("334 " + base::base64_encode("{\"status\":\"401\",\"schemes\":\"bearer mac\","
                                     "\"scope\":\"https://mail.google.com/\"}\n"));
}

}  // namespace mailramp::sandbox
