#include "mailramp/smtp/server_protocol.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "smtp/foreign_protocol.h"
#include "smtp/server_reply.h"

namespace mailramp::smtp {

using base::check;

namespace {

constexpr std::string_view tls_advice(bool has_starttls) {
    return has_starttls ? "This port begins without TLS; set the encryption to STARTTLS, or to none"
                        : "This port speaks SMTP without TLS; set the encryption to none";
}

bool is_auth_command(std::string_view line) {
    return base::starts_with_ignoring_case(line, "AUTH ");
}

}  // namespace

ServerProtocol::ServerProtocol(ServerProtocolOptions options)
    : options_(std::move(options)), reader_(options_.message_bytes_max) {}

ServerProtocol::Step ServerProtocol::next() {
    check(asked_ == Asked::nothing, "the shell answers each question of the SMTP protocol");
    chunk_.clear();
    if (std::exchange(reset_due_, false)) return Step::reset;
    for (;;) {
        switch (state_) {
            case State::greeting:
                greet();
                break;
            case State::command:
            case State::auth:
                if (const Next step = read_line()) return *step;
                break;
            case State::tls:
                return Step::start_tls;
            case State::body:
                if (const Next step = read_body()) return *step;
                break;
            case State::closed:
                return Step::closed;
        }
    }
}

void ServerProtocol::receive(std::string_view octets) {
    input_ += octets;
}

std::string ServerProtocol::take_output() {
    return std::exchange(output_, {});
}

void ServerProtocol::refuse(std::string_view text) {
    check(state_ == State::greeting, "a client is refused before it is greeted");
    refused_ = true;
    refusal_ = text;
}

void ServerProtocol::refuse_body(ServerReply reply) {
    check(state_ == State::body, "a body is refused while it comes");
    if (body_refusal_) return;
    body_refusal_ = std::move(reply);
    reset_due_ = !std::exchange(body_dropped_, true);
}

void ServerProtocol::shutdown() {
    shutting_down_ = true;
}

void ServerProtocol::close(const ServerReply& reply) {
    if (state_ == State::closed) return;
    if (end_session(reply, reply.text) == Step::reset) reset_due_ = true;
}

// RFC 3848 has no word for TLS or a login behind HELO.
mail::WithProtocol ServerProtocol::with_protocol() const {
    using enum mail::WithProtocol;
    if (!extended_) return smtp;
    if (tls_ && authenticated_) return envelope_.smtputf8 ? utf8smtpsa : esmtpsa;
    if (tls_) return envelope_.smtputf8 ? utf8smtps : esmtps;
    if (authenticated_) return envelope_.smtputf8 ? utf8smtpa : esmtpa;
    return envelope_.smtputf8 ? utf8smtp : esmtp;
}

void ServerProtocol::answer(const ServerReply& reply) {
    const Asked asked = std::exchange(asked_, Asked::nothing);
    check(asked != Asked::nothing, "the shell answers only what the SMTP protocol asked");
    if (reply.code == 421) {
        close(reply);
        return;
    }
    switch (asked) {
        case Asked::nothing:
            return;
        case Asked::auth:
            return settle_auth(reply);
        case Asked::mail:
            mail_given_ = reply.good();
            if (!reply.good()) forget_message();
            break;
        case Asked::rcpt:
            if (reply.good()) {
                envelope_.recipients.push_back(recipient_);
                --commands_without_mail_;  // only fruitless commands are counted
            }
            break;
        case Asked::data:
            if (reply.good()) {
                reader_ = DataReader(options_.message_bytes_max);
                state_ = State::body;
                output_ += format_reply(354, "", "Start of the message; end it with <CRLF>.<CRLF>");
                return;
            }
            // smtplib sends no RSET here, and its next MAIL must not be refused as nested.
            reset_due_ = forget_message().has_value();
            data_refused_ = true;
            break;
        case Asked::body_end:
            if (reply.good()) errors_ = commands_without_mail_ = 0;
            forget_message();
            break;
    }
    say(reply);
}

void ServerProtocol::greet() {
    state_ = State::command;
    if (refused_) {
        say({554, "5.7.1", refusal_});
    } else {
        output_ += format_reply(220, "", options_.host_name + " ESMTP mailramp");
    }
}

// Takes one line off the input and runs it.
ServerProtocol::Next ServerProtocol::read_line() {
    const std::string_view input = std::string_view(input_).substr(input_used_);
    const std::size_t line_feed = input.find('\n');
    const bool whole = line_feed != std::string_view::npos;
    const std::size_t length = whole ? line_feed + 1 : input.size();
    if (skipping_line_) {
        skipping_line_ = !whole;
        input_used_ += length;
        return whole ? Next() : need_bytes();
    }
    if (state_ == State::command && looks_like_tls(input))
        return end_session({421, "4.7.0", std::string(tls_advice(offers_starttls()))}, spoke_tls);
    if (const std::size_t length_max = line_bytes_max(input); length > length_max) {
        input_used_ += length;
        skipping_line_ = !whole;
        return overlong_line(input.substr(0, std::min(length, length_max)));
    }
    if (!whole) return need_bytes();
    const std::size_t start = std::exchange(input_used_, input_used_ + length);
    std::string_view line = input.substr(0, line_feed);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (state_ != State::auth && !is_auth_command(line)) return run_line(line);
    const Next step = state_ == State::auth ? auth_response(line) : run_line(line);
    // No password stays in a buffer for the rest of the session.
    std::fill_n(input_.begin() + static_cast<std::ptrdiff_t>(start), length, '\0');
    return step;
}

// RFC 4954 §4: what a mechanism needs is not bound by the limit of other commands.
std::size_t ServerProtocol::line_bytes_max(std::string_view input) const {
    constexpr std::size_t before_response_bytes_max =
        26;  // "AUTH ", a mechanism's name (RFC 4422 §3.1), a space
    if (state_ == State::auth) return options_.auth_line_bytes_max;
    if (!is_auth_command(input)) return options_.command_line_bytes_max;
    return std::max(options_.command_line_bytes_max,
                    before_response_bytes_max + options_.auth_line_bytes_max);
}

ServerProtocol::Next ServerProtocol::overlong_line(std::string_view start) {
    const ServerReply too_long_for_auth{500, "5.5.6", "The line of the authentication is too long"};
    if (state_ == State::auth) return end_auth(too_long_for_auth);
    if (is_auth_command(start)) return unknown(too_long_for_auth);
    if (looks_like_http(start)) return run_line(start);  // which ends the session
    return unknown({500, "5.5.2", "The line is too long"});
}

ServerProtocol::Step ServerProtocol::need_bytes() {
    input_.erase(0, input_used_);
    input_used_ = 0;
    // An idle client must not hold the memory of its last message.
    if (state_ == State::command && input_.capacity() > 2 * options_.command_line_bytes_max)
        input_.shrink_to_fit();
    return Step::need_bytes;
}

ServerProtocol::Next ServerProtocol::read_body() {
    if (reader_.ended()) return end_of_body();
    if (input_used_ == input_.size()) return need_bytes();
    input_used_ += reader_.read(std::string_view(input_).substr(input_used_), chunk_);
    if (body_fault()) {
        chunk_.clear();
        if (reader_.size_bytes() > options_.discarded_bytes_max)
            return end_session(*body_fault(), "a refused message went on and on");
        if (!std::exchange(body_dropped_, true)) return Step::reset;
    }
    return chunk_.empty() ? Next() : Step::body_chunk;
}

ServerProtocol::Next ServerProtocol::end_of_body() {
    state_ = State::command;
    chunk_.shrink_to_fit();  // it is empty
    if (const auto fault = body_fault()) {
        say(*fault);
        forget_message();
        return {};
    }
    // Old programs send 8-bit octets without a word; the next server must be told.
    if (reader_.has_eight_bit()) envelope_.body = mail::BodyType::eight_bit_mime;
    return ask(Asked::body_end, Step::body_end);
}

// Why the message is refused. The order does not depend on what was seen first, so that the reply does not
// depend on how the octets were cut into pieces.
std::optional<ServerReply> ServerProtocol::body_fault() const {
    if (reader_.too_large())
        return ServerReply{552, "5.3.4",
                           "The message is larger than the limit of " +
                               std::to_string(options_.message_bytes_max) +
                               " octets here; make it smaller or raise mailramp's limit"};
    if (reader_.has_nul())
        return ServerReply{554, "5.6.0",
                           "The message has NUL octets, which mail cannot carry; encode it in base64"};
    return body_refusal_;
}

ServerProtocol::Step ServerProtocol::ask(Asked what, Step step) {
    asked_ = what;
    return step;
}

void ServerProtocol::say(const ServerReply& reply) {
    output_ += format_reply(reply.code, reply.enhanced, reply.text);
}

ServerProtocol::Next ServerProtocol::forget_message() {
    const bool shell_knows_of_it = mail_given_ && !body_dropped_;
    mail_given_ = rcpt_tried_ = body_dropped_ = false;
    envelope_ = {};
    recipient_ = {};
    declared_bytes_.reset();
    body_refusal_.reset();
    return shell_knows_of_it ? Next(Step::reset) : Next();
}

ServerProtocol::Step ServerProtocol::end_session(const ServerReply& reply, std::string_view reason) {
    say(reply);
    state_ = State::closed;
    asked_ = Asked::nothing;
    close_reason_ = reason;
    return forget_message().value_or(Step::closed);
}

ServerProtocol::Next ServerProtocol::mistake(const ServerReply& reply) {
    if (++errors_ >= options_.errors_max)
        return end_session({421, "4.7.0", "Too many errors; closing the connection"}, "too many errors");
    say(reply);
    return {};
}

}  // namespace mailramp::smtp
