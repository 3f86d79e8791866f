// How a client of ServerProtocol gets TLS and logs in: STARTTLS (RFC 3207) and AUTH (RFC 4954).
#include <string>
#include <utility>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/smtp/server_protocol.h"

namespace mailramp::smtp {
namespace {

constexpr std::size_t mechanism_shown_bytes_max = 40;

}  // namespace

bool ServerProtocol::offers_starttls() const {
    return options_.starttls == StartTlsOffer::offered && !tls_;
}

bool ServerProtocol::offers_auth() const {
    return options_.auth == AuthOffer::always || (options_.auth == AuthOffer::under_tls && tls_);
}

ServerProtocol::Next ServerProtocol::starttls(std::string_view arguments) {
    if (tls_) return mistake({503, "5.5.1", "TLS is there already"});
    if (!offers_starttls())
        return mistake({502, "5.5.1", "TLS is not offered here; set the encryption to none"});
    if (!arguments.empty()) return mistake({501, "5.5.4", "STARTTLS takes no arguments"});
    if (mail_given_) return mistake({503, "5.5.1", "A message is under way; send RSET first"});
    say({220, "2.0.0", "Ready to start TLS"});
    // Whoever sits in between could put commands here that would later count as said under TLS
    // (CVE-2011-0411).
    input_.clear();
    input_used_ = 0;
    state_ = State::tls;
    return Step::start_tls;
}

void ServerProtocol::tls_started() {
    base::check(state_ == State::tls || state_ == State::greeting,
                "TLS begins with the connection or after STARTTLS");
    tls_ = true;
    if (state_ == State::greeting) return;
    state_ = State::command;
    greeted_ = extended_ = authenticated_ = false;
    helo_.clear();
    user_.clear();
}

ServerProtocol::Next ServerProtocol::auth(std::string_view arguments) {
    if (options_.auth == AuthOffer::none)
        return mistake({502, "5.5.1", "No password is asked for here; switch authentication off"});
    if (!offers_auth())
        return mistake({538, "5.7.11", "A password is taken under TLS only; set the encryption to STARTTLS"});
    // After HELO as well: there are devices that fall back to it, and log in all the same.
    if (!greeted_) return mistake({503, "5.5.1", "Send EHLO first"});
    if (authenticated_) return mistake({503, "5.5.1", "You have logged in already"});
    if (mail_given_) return mistake({503, "5.5.1", "A message is under way; AUTH comes before MAIL"});
    const std::string_view name = arguments.substr(0, arguments.find(' '));
    const auto mechanism = AuthExchange::find(name);
    if (!mechanism)
        return mistake({504, "5.5.4",
                        "Mechanism not offered: " + base::printable(name, mechanism_shown_bytes_max) +
                            "; use PLAIN or LOGIN"});
    exchange_.emplace(*mechanism);
    return auth_step(exchange_->begin(base::trim(arguments.substr(name.size()))));
}

ServerProtocol::Next ServerProtocol::auth_response(std::string_view line) {
    if (shutting_down_)
        return end_session({421, "4.3.2", "mailramp is stopping; try again soon"}, "shutdown");
    return auth_step(exchange_->respond(line));
}

ServerProtocol::Next ServerProtocol::auth_step(AuthExchange::State state) {
    using enum AuthExchange::State;
    switch (state) {
        case challenged:
            state_ = State::auth;
            output_ += std::string("334 ").append(exchange_->challenge()).append("\r\n");
            return {};
        case complete:
            state_ = State::command;
            credentials_ = exchange_->take_credentials();
            exchange_.reset();
            return ask(Asked::auth, Step::auth);
        case cancelled:
            return end_auth({501, "5.7.0", "Authentication cancelled"});
        case not_base64:
            return end_auth({501, "5.5.2", "That is not base64"});
        case malformed:
            return end_auth({501, "5.5.2", "PLAIN wants a user name and a password, a NUL in front of each"});
    }
    return {};
}

ServerProtocol::Next ServerProtocol::end_auth(const ServerReply& reply) {
    state_ = State::command;
    exchange_.reset();
    return mistake(reply);
}

void ServerProtocol::settle_auth(const ServerReply& reply) {
    const Credentials given = std::exchange(credentials_, {});
    // One that nobody had time for counts as well: else guesses would cost least when there are many.
    if (!reply.good() && ++auth_failures_ >= options_.auth_failures_max)
        return close({421, "4.7.0", "Too many refused logins; closing the connection"});
    authenticated_ = reply.good();
    if (authenticated_) user_ = base::printable(given.user, user_shown_bytes_max);
    say(reply);
}

std::optional<ServerReply> ServerProtocol::login_missing() const {
    if (options_.auth_need == AuthNeed::optional || authenticated_) return {};
    if (!offers_auth())
        return ServerReply{530, "5.7.0",
                           "Send STARTTLS, then log in; set encryption and user in the program"};
    return ServerReply{530, "5.7.0", "Log in first; set a user name and a password in the program"};
}

}  // namespace mailramp::smtp
