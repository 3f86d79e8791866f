// The session around the transactions: from the banner to `ready`, and its end.
#include "mailramp/smtp/client_protocol.h"

#include <utility>

#include "mailramp/base/text.h"
#include "smtp/client_commands.h"
#include "smtp/echoes.h"
#include "smtp/xoauth2.h"

namespace mailramp::smtp {
namespace {

// The next word of an EHLO line; `rest` goes behind it.
std::string_view take_word(std::string_view& rest) {
    rest = base::trim(rest);
    const std::size_t length = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, length);
    rest.remove_prefix(length);
    return word;
}

mail::Answer no_reply(mail::Phase phase, std::string_view why) {
    mail::Answer answer;
    answer.channel = mail::Channel::smtp;
    answer.phase = phase;
    answer.text = base::printable(why, mail::answer_text_bytes_max);
    return answer;
}

}  // namespace

ClientProtocol::ClientProtocol(ClientOptions options)
    : options_(std::move(options)), parser_(options_.reply) {}

ClientProtocol::Step ClientProtocol::next() const {
    switch (state_) {
        case State::banner:
        case State::ehlo:
        case State::starttls:
        case State::auth:
        case State::auth_prompt:
        case State::auth_response:
        case State::auth_challenge:
        case State::transaction:
        case State::body_end:
        case State::lone_dot:
        case State::quit:
            return Step::need_bytes;
        case State::tls:
            return Step::start_tls;
        case State::credentials:
            return Step::need_credentials;
        case State::ready:
            return Step::ready;
        case State::body:
            return Step::need_body;
        case State::submitted:
            return Step::submitted;
        case State::closed:
            return Step::closed;
        case State::failed:
            return Step::failed;
    }
    return Step::failed;
}

mail::Phase ClientProtocol::phase() const {
    switch (state_) {
        case State::banner:
            return mail::Phase::banner;
        case State::ehlo:
            return mail::Phase::ehlo;
        case State::starttls:
            return mail::Phase::starttls;
        case State::tls:
            return mail::Phase::tls;
        case State::credentials:
        case State::auth:
        case State::auth_prompt:
        case State::auth_response:
        case State::auth_challenge:
            return mail::Phase::auth;
        case State::transaction:
            break;
        case State::body:
            return mail::Phase::body;
        case State::body_end:
        case State::lone_dot:
            return mail::Phase::body_end;
        case State::quit:
        case State::closed:
            return mail::Phase::quit;
        case State::ready:
        case State::submitted:
            return mail::Phase::none;
        case State::failed:
            return failure_.phase;
    }
    if (awaited_.empty()) return mail::Phase::mail;
    switch (awaited_.front().verb) {
        case Verb::rset:
        case Verb::mail:
            return mail::Phase::mail;
        case Verb::rcpt:
            return mail::Phase::rcpt;
        case Verb::data:
            return mail::Phase::data;
    }
    return mail::Phase::mail;
}

std::string_view ClientProtocol::name(State state) {
    switch (state) {
        case State::banner:
            return "banner";
        case State::ehlo:
            return "ehlo";
        case State::starttls:
            return "starttls";
        case State::tls:
            return "tls";
        case State::credentials:
            return "credentials";
        case State::auth:
            return "auth";
        case State::auth_prompt:
            return "auth_prompt";
        case State::auth_response:
            return "auth_response";
        case State::auth_challenge:
            return "auth_challenge";
        case State::ready:
            return "ready";
        case State::transaction:
            return "transaction";
        case State::body:
            return "body";
        case State::body_end:
            return "body_end";
        case State::lone_dot:
            return "lone_dot";
        case State::submitted:
            return "submitted";
        case State::quit:
            return "quit";
        case State::closed:
            return "closed";
        case State::failed:
            return "failed";
    }
    return "failed";
}

std::string_view ClientProtocol::state_name() const {
    return name(state_);
}

void ClientProtocol::enter(State state) {
    if (options_.trace) options_.trace(name(state_), name(state));
    state_ = state;
}

// ------------------------------------------------------------------ octets in and out

// Puts a line out whose reply is awaited.
void ClientProtocol::ask(std::string_view line) {
    output_ += line;
    ++replies_due_after_output_;
}

std::string ClientProtocol::take_output() {
    replies_due_ += std::exchange(replies_due_after_output_, 0);
    if (body_end_ == BodyEnd::in_output) body_end_ = BodyEnd::taken;
    return std::exchange(output_, std::string());
}

void ClientProtocol::receive(std::string_view bytes) {
    while (!bytes.empty() && state_ != State::failed && state_ != State::closed) {
        // A reply to something not yet asked was put there by somebody in the middle, or the server is out of
        // step. Only while content flows may it speak up early.
        if (replies_due_ == 0 && state_ != State::body && state_ != State::body_end) {
            fail(no_reply(phase(), state_ == State::tls ? "the server sent octets between STARTTLS and TLS"
                                                        : "the server sent a reply that nobody asked for"));
            return;
        }
        auto reply = parser_.consume(bytes);
        if (!reply) {
            fail(no_reply(phase(), reply.error().message));
            return;
        }
        if (!*reply) return;
        for (std::string& line : (*reply)->lines)
            silence_echoes(line, echoes_);
        handle(**reply);
    }
}

void ClientProtocol::handle(const Reply& reply) {
    const mail::Phase asked = phase();
    const bool early = replies_due_ == 0;
    if (!early) --replies_due_;
    ++replies_;
    switch (state_) {
        case State::banner:
            reply_banner(reply);
            break;
        case State::ehlo:
            reply_ehlo(reply);
            break;
        case State::starttls:
            reply_starttls(reply);
            break;
        case State::auth:
        case State::auth_response:
            reply_auth(reply);
            break;
        case State::auth_prompt:
            reply_auth_prompt(reply);
            break;
        case State::auth_challenge:
            reply_auth_challenge(reply);
            break;
        case State::transaction:
            reply_transaction(reply);
            break;
        case State::body:
            reply_body(reply);
            break;
        case State::body_end:
            early ? reply_body(reply) : reply_body_end(reply);
            break;
        case State::lone_dot:
            enter_submitted();
            break;
        case State::quit:
            enter(State::closed);
            break;
        case State::tls:
        case State::credentials:
        case State::ready:
        case State::submitted:
        case State::closed:
        case State::failed:
            break;  // receive() let nothing through
    }
    // RFC 5321 §3.8: the server says 421 to whatever was asked and closes the connection.
    if (reply.code == 421 && state_ != State::closed && state_ != State::failed)
        fail(to_answer(reply, asked));
}

// ------------------------------------------------------------------ how a session fails

void ClientProtocol::fail(mail::Answer answer) {
    const bool final_reply_missing = state_ == State::body_end && body_end_ == BodyEnd::taken;
    failure_ = std::move(answer);
    settle_open(final_reply_missing ? RecipientFate::uncertain : RecipientFate::not_tried, failure_);
    base::wipe(output_);
    response_ = {};
    replies_due_ = replies_due_after_output_ = 0;
    enter(State::failed);
}

void ClientProtocol::fail_locally(mail::Phase phase, int code, std::string_view enhanced,
                                  std::string_view text) {
    mail::Answer answer = no_reply(phase, text);
    answer.channel = mail::Channel::local;
    answer.code = code;
    answer.enhanced = enhanced;
    fail(std::move(answer));
}

// The server refuses to go on, or says something that does not fit.
void ClientProtocol::fail_on(const Reply& reply) {
    if (reply.transient() || reply.permanent()) return fail(to_answer(reply, phase()));
    fail(no_reply(phase(), "the server gave a reply that does not fit: " + std::to_string(reply.code) + " " +
                               reply.text()));
}

void ClientProtocol::connection_lost(const base::Error& error) {
    if (state_ == State::failed || state_ == State::closed) return;
    if (state_ == State::quit) return enter(State::closed);
    fail(no_reply(phase(), error.message));
}

// ------------------------------------------------------------------ banner, EHLO, STARTTLS

void ClientProtocol::reply_banner(const Reply& reply) {
    greeting_ = reply.text();
    if (reply.code != 220) return fail_on(reply);
    enter_ehlo();
}

void ClientProtocol::enter_ehlo() {
    if (!is_safe_ehlo_name(options_.ehlo_name))
        return fail_locally(mail::Phase::ehlo, 501, "5.5.4", "the configured ehlo_name is not a host name");
    capabilities_ = {};
    enter(State::ehlo);
    ask("EHLO " + options_.ehlo_name + "\r\n");
}

void ClientProtocol::reply_ehlo(const Reply& reply) {
    if (reply.code != 250) return fail_on(reply);
    read_capabilities(reply);
    if (options_.starttls == StartTls::required && security_ == Security::plain) return enter_starttls();
    if (options_.authentication == Authentication::none) return enter(State::ready);
    enter_credentials();
}

void ClientProtocol::read_capabilities(const Reply& reply) {
    for (std::size_t i = 1; i < reply.lines.size(); ++i) {  // the first line is the server's name
        std::string_view rest = reply.lines[i];
        const std::string keyword = base::to_lower(take_word(rest));
        if (keyword == "starttls") capabilities_.starttls = true;
        if (keyword == "pipelining") capabilities_.pipelining = true;
        if (keyword == "8bitmime") capabilities_.eight_bit_mime = true;
        if (keyword == "smtputf8") capabilities_.smtputf8 = true;
        if (keyword == "dsn") capabilities_.dsn = true;
        if (keyword == "size")
            capabilities_.size_bytes_max = base::parse_number(base::trim(rest)).value_or(0);
        if (keyword == "auth") read_auth_mechanisms(rest);
    }
}

void ClientProtocol::read_auth_mechanisms(std::string_view words) {
    for (std::size_t i = 0; i < options_.auth_mechanisms_max; ++i) {
        const std::string_view mechanism = take_word(words);
        if (mechanism.empty()) return;
        if (base::equals_ignoring_case(mechanism, "XOAUTH2")) capabilities_.auth_xoauth2 = true;
        if (base::equals_ignoring_case(mechanism, "OAUTHBEARER")) capabilities_.auth_oauthbearer = true;
    }
}

void ClientProtocol::enter_starttls() {
    if (!capabilities_.starttls)
        return fail_locally(mail::Phase::starttls, 554, "5.7.10",
                            "the server does not offer STARTTLS, and nothing is sent without TLS");
    enter(State::starttls);
    ask("STARTTLS\r\n");
}

void ClientProtocol::reply_starttls(const Reply& reply) {
    if (reply.code != 220) return fail_on(reply);
    enter(State::tls);  // receive() refuses whatever else came in plain text
}

void ClientProtocol::tls_started() {
    base::check(state_ == State::tls, "tls_started() follows Step::start_tls");
    security_ = Security::verified_tls;
    enter_ehlo();
}

// ------------------------------------------------------------------ AUTH

void ClientProtocol::enter_credentials() {
    if (security_ != Security::verified_tls)
        return fail_locally(mail::Phase::auth, 538, "5.7.11", "no token is sent without verified TLS");
    if (!capabilities_.auth_xoauth2 && !capabilities_.auth_oauthbearer)
        return fail_locally(mail::Phase::auth, 504, "5.7.4",
                            "the server offers neither XOAUTH2 nor OAUTHBEARER");
    mechanism_ = capabilities_.auth_xoauth2 ? Mechanism::xoauth2 : Mechanism::oauthbearer;
    enter(State::credentials);
}

void ClientProtocol::authenticate(std::string_view user, const base::Secret& token) {
    base::check(state_ == State::credentials, "authenticate() follows Step::need_credentials");
    auto response = mechanism_ == Mechanism::xoauth2
                        ? xoauth2_response(user, token)
                        : oauthbearer_response(user, options_.host, options_.port, token);
    if (!response) return fail_locally(mail::Phase::auth, 501, "5.5.2", response.error().message);
    echoes_ = {beginning_of(token.reveal()), beginning_of(response->reveal())};
    enter_auth(mechanism_ == Mechanism::xoauth2 ? "XOAUTH2" : "OAUTHBEARER", std::move(*response));
}

void ClientProtocol::enter_auth(std::string_view mechanism, base::Secret response) {
    std::string line = "AUTH " + std::string(mechanism);
    if (!fits_auth_command(mechanism, response)) {  // RFC 4954 §4: then it goes on a line of its own
        response_ = std::move(response);
        enter(State::auth_prompt);
        return ask(line + "\r\n");
    }
    enter(State::auth);
    line.reserve(auth_command_bytes_max);
    line.append(" ").append(response.reveal()).append("\r\n");
    ask(line);
    base::wipe(line);
}

void ClientProtocol::reply_auth_prompt(const Reply& reply) {
    const base::Secret response = std::move(response_);
    if (reply.code != 334) return fail_on(reply);
    enter(State::auth_response);
    output_.reserve(response.reveal().size() + 2);
    output_ += response.reveal();
    ask("\r\n");
}

void ClientProtocol::reply_auth(const Reply& reply) {
    if (reply.positive()) return enter(State::ready);
    if (reply.code != 334) return fail_on(reply);
    // The token was refused; the server explains why in JSON and waits for an acknowledgement before it says
    // 535: an empty line for XOAUTH2, a single ^A for OAUTHBEARER (RFC 7628 §3.2.3).
    challenge_ = explain_auth_challenge(reply.text(options_.reply.line_bytes_max)).value_or("");
    silence_echoes(challenge_, echoes_);
    enter(State::auth_challenge);
    ask(mechanism_ == Mechanism::xoauth2 ? "\r\n" : "AQ==\r\n");
}

void ClientProtocol::reply_auth_challenge(const Reply& reply) {
    if (!reply.transient() && !reply.permanent()) return fail_on(reply);
    mail::Answer answer = to_answer(reply, phase());
    if (!challenge_.empty())
        answer.text = base::printable(
            reply.text(mail::answer_text_bytes_max - challenge_.size() - 3) + " (" + challenge_ + ")",
            mail::answer_text_bytes_max);
    fail(std::move(answer));
}

// ------------------------------------------------------------------ the end

void ClientProtocol::quit() {
    if (state_ != State::ready) return enter(State::closed);
    enter(State::quit);
    ask("QUIT\r\n");
}

}  // namespace mailramp::smtp
