// The transactions of a client session: MAIL, RCPT, DATA and the content of one message after another.
//
// Every recipient has an outcome from the first moment and is settled once. Commands wait in `unsent_`, go
// out as far as the window allows (one at a time, or `pipelined_bytes_max` when the server offers
// PIPELINING), and wait in `awaited_` for their replies, which come in the same order (RFC 2920 §3).
#include <algorithm>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/smtp/client_protocol.h"
#include "smtp/client_commands.h"

namespace mailramp::smtp {
namespace {

mail::Answer local_answer(mail::Phase phase, int code, std::string_view enhanced, std::string_view text) {
    return {mail::Channel::local, phase, code, std::string(enhanced),
            base::printable(text, mail::answer_text_bytes_max)};
}

// Whether a reply is the one hoped for (354, or any 2yz) or a refusal; everything else is out of step.
bool fits(int hoped_for, const Reply& reply) {
    if (reply.transient() || reply.permanent()) return true;
    return hoped_for == 354 ? reply.code == 354 : reply.positive();
}

}  // namespace

void ClientProtocol::submit(OutgoingMessage message) {
    base::check(state_ == State::ready, "submit() follows Step::ready");
    const std::size_t recipients = message.envelope.recipients.size();
    base::check(recipients > 0 && recipients <= options_.recipients_max,
                "a submission has 1 to recipients_max recipients");
    message_ = std::move(message);
    outcomes_.assign(recipients, {});
    progress_.assign(recipients, Progress::unsettled);
    unsent_.clear();
    awaited_.clear();
    awaited_bytes_ = 0;
    mail_outcome_ = MailOutcome::unknown;
    stuffer_ = {};
    body_end_ = BodyEnd::unsent;
    if (admit_message() == Admission::settled) return enter_submitted();
    admit_recipients();
    if (std::ranges::count(progress_, Progress::unsettled) == 0) return enter_submitted();
    enter_transaction();
}

std::vector<RecipientOutcome> ClientProtocol::take_outcomes() {
    if (state_ == State::submitted) enter(State::ready);
    message_.reset();
    progress_.clear();
    return std::exchange(outcomes_, {});
}

// ------------------------------------------------------------------ what is refused without asking the
// server

ClientProtocol::Admission ClientProtocol::refuse_message(int code, std::string_view enhanced,
                                                         std::string_view text) {
    settle_open(RecipientFate::refused, local_answer(mail::Phase::mail, code, enhanced, text));
    return Admission::settled;
}

// What the server cannot take is refused, not mangled.
ClientProtocol::Admission ClientProtocol::admit_message() {
    const mail::Envelope& envelope = message_->envelope;
    if (!is_safe_path(envelope.sender))
        return refuse_message(501, "5.1.7", "the sender address holds characters that cannot be sent");
    if (const std::uint64_t limit = capabilities_.size_bytes_max.value_or(0);
        limit != 0 && message_->size_bytes > limit)
        return refuse_message(552, "5.3.4",
                              "the message has " + std::to_string(message_->size_bytes) +
                                  " octets and the server takes " + std::to_string(limit));
    if (envelope.body == mail::BodyType::eight_bit_mime && !capabilities_.eight_bit_mime)
        return refuse_message(554, "5.6.3",
                              "the message has 8-bit content and the server does not offer 8BITMIME");
    if (needs_smtputf8(envelope) && !capabilities_.smtputf8)
        return refuse_message(553, "5.6.7", "the message needs SMTPUTF8 and the server does not offer it");
    return Admission::admitted;
}

void ClientProtocol::admit_recipients() {
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        const std::string& address = message_->envelope.recipients[i].address;
        if (!address.empty() && is_safe_path(address)) continue;
        settle(i, RecipientFate::refused,
               local_answer(mail::Phase::rcpt, 501, "5.1.3",
                            "the address is empty or holds characters that cannot be sent"));
    }
}

// ------------------------------------------------------------------ commands

void ClientProtocol::enter_transaction() {
    if (std::exchange(reset_, Reset::unneeded) == Reset::needed) unsent_.push_back({.verb = Verb::rset});
    unsent_.push_back({.verb = Verb::mail});
    for (std::size_t i = 0; i < outcomes_.size(); ++i)
        if (progress_[i] == Progress::unsettled) unsent_.push_back({.verb = Verb::rcpt, .recipient = i});
    unsent_.push_back({.verb = Verb::data});
    enter(State::transaction);
    send_commands();
}

std::string ClientProtocol::line_of(const Command& command) const {
    switch (command.verb) {
        case Verb::rset:
            return "RSET\r\n";
        case Verb::mail:
            return mail_command(*message_, capabilities_);
        case Verb::rcpt:
            return rcpt_command(message_->envelope.recipients[command.recipient], capabilities_);
        case Verb::data:
            return "DATA\r\n";
    }
    return {};
}

// Sends what the window allows; ends the transaction when nothing is left to send or to wait for.
void ClientProtocol::send_commands() {
    while (!unsent_.empty()) {
        if (!awaited_.empty() && !capabilities_.pipelining) return;
        // What is known by now may make the rest pointless: MAIL was refused, or every recipient.
        const bool last_rcpt_known = awaited_.empty() && unsent_.front().verb == Verb::data;
        if (mail_outcome_ == MailOutcome::refused || (last_rcpt_known && accepted_count() == 0)) {
            unsent_.clear();
            break;
        }
        Command command = unsent_.front();
        const std::string line = line_of(command);
        if (!awaited_.empty() && awaited_bytes_ + line.size() > options_.pipelined_bytes_max) return;
        command.bytes = line.size();
        awaited_bytes_ += command.bytes;
        awaited_.push_back(command);
        unsent_.pop_front();
        ask(line);
    }
    if (awaited_.empty()) finish_commands();
}

void ClientProtocol::reply_transaction(const Reply& reply) {
    const Command command = awaited_.front();
    if (!fits(command.verb == Verb::data ? 354 : 200, reply)) return fail_on(reply);
    awaited_.pop_front();
    awaited_bytes_ -= command.bytes;
    switch (command.verb) {
        case Verb::rset:
            reply_rset(reply);
            break;
        case Verb::mail:
            reply_mail(reply);
            break;
        case Verb::rcpt:
            reply_rcpt(reply, command.recipient);
            break;
        case Verb::data:
            reply_data(reply);
            break;
    }
    if (state_ == State::transaction) send_commands();
}

// A server that cannot even reset is not to be trusted with a message; that says nothing about the message.
void ClientProtocol::reply_rset(const Reply& reply) {
    if (reply.positive()) return;
    mail::Answer answer{mail::Channel::smtp, mail::Phase::mail, 0, "", ""};
    answer.text =
        base::printable("the server refused RSET: " + mail::to_string(to_answer(reply, mail::Phase::none)),
                        mail::answer_text_bytes_max);
    fail(std::move(answer));
}

void ClientProtocol::reply_mail(const Reply& reply) {
    mail_outcome_ = reply.positive() ? MailOutcome::accepted : MailOutcome::refused;
    if (!reply.positive()) settle_open(RecipientFate::refused, to_answer(reply, mail::Phase::mail));
}

void ClientProtocol::reply_rcpt(const Reply& reply, std::size_t recipient) {
    if (mail_outcome_ == MailOutcome::refused) {
        // The rest of a pipelined group. A 250 here would be an envelope without a sender.
        if (reply.positive()) fail_on(reply);
        return;
    }
    if (reply.positive())
        progress_[recipient] = Progress::accepted;
    else
        settle(recipient, RecipientFate::refused, to_answer(reply, mail::Phase::rcpt));
}

void ClientProtocol::reply_data(const Reply& reply) {
    if (reply.code != 354) {
        settle_open(RecipientFate::refused, to_answer(reply, mail::Phase::data));
        return;
    }
    if (accepted_count() > 0) return enter(State::body);
    // RFC 2920 §3.1: the server waits for content although there is nobody to send it to; end it at once.
    enter(State::lone_dot);
    ask(".\r\n");
}

// All replies are in and no content goes: the server still has a transaction open.
void ClientProtocol::finish_commands() {
    reset_ = Reset::needed;
    enter_submitted();
}

// ------------------------------------------------------------------ content

void ClientProtocol::send_body(std::string_view octets) {
    if (state_ == State::body)
        stuffer_.write(octets, output_);  // after a failure the driver may be a piece late
}

void ClientProtocol::end_body() {
    if (state_ != State::body) return;
    enter(State::body_end);
    stuffer_.finish(output_);
    ask({});
    body_end_ = BodyEnd::in_output;
}

// The server speaks before it has seen the end of data: the message is not taken, and what it would make of
// the octets still under way is anybody's guess, so the session ends too.
void ClientProtocol::reply_body(const Reply& reply) {
    if (!reply.transient() && !reply.permanent()) return fail_on(reply);
    const mail::Answer answer = to_answer(reply, mail::Phase::body);
    settle_open(RecipientFate::refused, answer);
    fail(answer);
}

void ClientProtocol::reply_body_end(const Reply& reply) {
    if (reply.code / 100 == 3) return fail_on(reply);
    const mail::Answer answer = to_answer(reply, mail::Phase::body_end);
    settle_open(reply.positive() ? RecipientFate::delivered : RecipientFate::refused, answer);
    enter_submitted();
}

void ClientProtocol::enter_submitted() {
    body_end_ = BodyEnd::unsent;
    enter(State::submitted);
}

// ------------------------------------------------------------------ outcomes

void ClientProtocol::settle(std::size_t recipient, RecipientFate fate, mail::Answer answer) {
    if (progress_[recipient] == Progress::settled) return;
    progress_[recipient] = Progress::settled;
    outcomes_[recipient] = {fate, std::move(answer)};
}

void ClientProtocol::settle_open(RecipientFate fate, const mail::Answer& answer) {
    for (std::size_t i = 0; i < progress_.size(); ++i)
        settle(i, fate, answer);
}

std::vector<std::size_t> ClientProtocol::accepted_recipients() const {
    std::vector<std::size_t> accepted;
    for (std::size_t i = 0; i < progress_.size(); ++i)
        if (progress_[i] == Progress::accepted) accepted.push_back(i);
    return accepted;
}

std::size_t ClientProtocol::accepted_count() const {
    return static_cast<std::size_t>(std::ranges::count(progress_, Progress::accepted));
}

}  // namespace mailramp::smtp
