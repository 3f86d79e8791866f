#include "sandbox/exchange_session.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/mail/header_section.h"
#include "sandbox/exchange_names.h"
#include "sandbox/from_field.h"

namespace mailramp::sandbox {
namespace {

constexpr std::array lasting_faults{"no-starttls", "no-xoauth2",    "no-8bitmime",
                                    "no-smtputf8", "no-pipelining", "small-size"};
constexpr std::array certificate_faults{"tls", "tls-wrong-name", "tls-expired"};

std::tm parts_of(base::WallTime now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return parts;
}

// "Mon, 04 Aug 2025 11:15:30 +0000"
std::string banner_time(base::WallTime now) {
    const std::tm parts = parts_of(now);
    std::array<char, 64> text{};
    return std::string(text.data(),
                       std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts));
}

// "2024-03-20T10:27:56.000Z"
std::string log_time(base::WallTime now) {
    const std::tm parts = parts_of(now);
    std::array<char, 64> text{};
    return std::string(text.data(),
                       std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts));
}

mail::HeaderFacts facts_of(std::string_view content) {
    mail::HeaderSection section;
    static_cast<void>(section.feed(content));
    if (section.reading()) section.finish();
    return section.facts();
}

}  // namespace

ExchangeSession::ExchangeSession(SessionOptions options, SessionWorld world, std::uint64_t connection,
                                 std::string peer)
    : options_(options), world_(world), connection_(connection), peer_(std::move(peer)) {
    ++world_.counters.connections;
    ++world_.counters.connections_now;
    world_.counters.connections_now_max =
        std::max(world_.counters.connections_now_max, world_.counters.connections_now);
    for (const char* fault : lasting_faults)
        if (world_.faults.take(fault)) session_faults_.insert(fault);
    for (const char* fault : certificate_faults)
        if (certificate_fault_.empty() && world_.faults.take(fault)) certificate_fault_ = fault;
}

ExchangeSession::~ExchangeSession() {
    --world_.counters.connections_now;
    if (!mailbox_.empty()) world_.limits.closed(mailbox_, connection_);
}

ExchangeSession::Step ExchangeSession::next(const Now& now) {
    for (;;) {
        switch (state_) {
            case State::greeting:
                begin(now);
                break;
            case State::command:
            case State::auth_response:
            case State::auth_challenge:
                if (!take_line(now)) return Step::need_bytes;
                break;
            case State::body:
                if (used_ == input_.size()) return Step::need_bytes;
                read_body(now);
                break;
            case State::chunk:
                if (used_ == input_.size() && chunk_left_ > 0) return Step::need_bytes;
                read_chunk(now);
                break;
            case State::message:
                return Step::message;
            case State::tls:
                return Step::start_tls;
            case State::hang:
                return Step::hang;
            case State::closed:
                return Step::closed;
        }
    }
}

void ExchangeSession::begin(const Now& now) {
    state_ = State::command;
    if (interrupted("banner")) return;
    if (world_.faults.take("421-banner")) return hang_up("421 4.3.2 Service not available");
    say("220 " + std::string(host_name) + " Microsoft ESMTP MAIL Service ready at " + banner_time(now.wall) +
        " [08DD000000000001]");
}

bool ExchangeSession::take_line(const Now& now) {
    const std::size_t end = input_.find('\n', used_);
    if (end == std::string::npos) {
        if (input_.size() - used_ > options_.line_bytes_max) {
            hang_up("500 5.3.3 Command too long");
            return true;
        }
        input_.erase(0, std::exchange(used_, 0));
        return false;
    }
    std::string line = input_.substr(used_, end - used_);
    used_ = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    switch (state_) {
        case State::auth_response:
            login(line, now);
            break;
        case State::auth_challenge:
            state_ = State::command;
            say(login_reply_);
            break;
        case State::greeting:
        case State::command:
        case State::body:
        case State::chunk:
        case State::message:
        case State::tls:
        case State::hang:
        case State::closed:
            run(line, now);
            break;
    }
    return true;
}

void ExchangeSession::read_body(const Now& now) {
    if (!std::exchange(body_begun_, true) && interrupted("body")) return;
    used_ += body_.read(std::string_view(input_).substr(used_), content_);
    if (used_ == input_.size()) input_.erase(0, std::exchange(used_, 0));
    if (body_.ended()) end_of_message(now);
}

void ExchangeSession::read_chunk(const Now& now) {
    const std::size_t size = std::min<std::uint64_t>(chunk_left_, input_.size() - used_);
    if (content_.size() <= options_.size_bytes_max) content_.append(input_, used_, size);
    used_ += size;
    chunk_left_ -= size;
    if (used_ == input_.size()) input_.erase(0, std::exchange(used_, 0));
    if (chunk_left_ > 0) return;
    state_ = State::command;
    if (chunk_is_last_) return end_of_message(now);
    say("250 2.6.0 CHUNK received OK");
}

void ExchangeSession::end_of_message(const Now& now) {
    state_ = State::command;
    if (world_.faults.take("drop-dot-lost", mailbox_)) return hang_up();
    if (world_.faults.take("hang-dot", mailbox_)) {
        state_ = State::hang;
        return;
    }
    if (const auto refusal = refusal_of_message(now)) {
        say(*refusal);
        if (refusal->starts_with("421")) state_ = State::closed;
        return reset_message();
    }
    drop_after_message_ = world_.faults.take("drop-after-dot", mailbox_);
    state_ = State::message;
}

// In the order in which Exchange's transport comes upon them: the protocol first, then the mailbox's store.
std::optional<std::string> ExchangeSession::refusal_of_message(const Now& now) {
    const std::uint64_t limit =
        session_faults_.contains("small-size") ? small_size_bytes : options_.size_bytes_max;
    if (std::max<std::uint64_t>(content_.size(), body_.size_bytes()) > limit)
        return "552 5.3.4 Message size exceeds fixed maximum message size";
    if (body_.has_bare_line_end())
        return "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot "
               "be sent "
               "via DATA and receiving system does not support BDAT";
    for (const ReplyFault& fault : message_reply_faults())
        if (world_.faults.take(fault.name, mailbox_))
            return std::to_string(fault.code) + " " + expand(fault.text, now);
    if (options_.security == Security::none) return {};
    if (!world_.limits.session_may_submit(mailbox_, connection_))
        return expand(
            "432 4.3.2 Concurrent connections limit exceeded. Visit "
            "https://aka.ms/concurrent_sending for more information. %h",
            now);
    if (!world_.limits.minute_has_room(mailbox_, now.steady))
        return expand(
            "421 4.4.2 Message submission rate for this client has exceeded the configured limit %h", now);
    if (const auto refused = refusal_of_sender(now)) return refused;
    world_.limits.accepted(mailbox_, now.steady);
    return {};
}

std::optional<std::string> ExchangeSession::refusal_of_sender(const Now& now) const {
    if (options_.send_as == SendAs::any) return {};
    const auto from = from_address(content_);
    if (!from)
        return expand("550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant: " +
                          from.error().message + " %h",
                      now);
    for (const std::string& address : {envelope_.sender, *from}) {
        if (base::equals_ignoring_case(address, mailbox_)) continue;
        return expand(
            "554 5.2.252 SendAsDenied; %m not allowed to send as " + (address.empty() ? "<>" : address) +
                "; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed "
                "to process message due to a permanent exception %h",
            now);
    }
    return {};
}

ReceivedMessage ExchangeSession::take_message() {
    ReceivedMessage message;
    message.envelope = envelope_;
    message.content = std::move(content_);
    message.mailbox = mailbox_;
    message.mechanism = mechanism_;
    message.tls_version = tls_version_;
    message.helo = helo_;
    message.connection = connection_;
    // The reply quotes the Message-ID as Exchange's does.
    content_ = base::printable(facts_of(message.content).message_id, 200);
    return message;
}

void ExchangeSession::stored(const Now& now) {
    ++world_.counters.messages;
    state_ = State::command;
    const std::string message_id = content_.empty() ? "<none>" : content_;
    reset_message();
    if (drop_after_message_) return hang_up();
    say("250 2.0.0 OK " + message_id + " " + expand("%h", now));
}

void ExchangeSession::tls_started(std::string version) {
    ++world_.counters.tls_handshakes;
    tls_version_ = std::move(version);
    state_ = State::command;
    // RFC 3207 §4.2: what was said before TLS is forgotten.
    helo_.clear();
    reset_message();
}

void ExchangeSession::close_with(std::string_view reply) {
    say(reply);
    state_ = State::closed;
}

void ExchangeSession::reset_message() {
    has_sender_ = false;
    envelope_ = {};
    content_.clear();
    body_begun_ = false;
    chunk_left_ = 0;
    chunk_is_last_ = false;
    body_ = BodyReader(options_.size_bytes_max);
}

void ExchangeSession::say(std::string_view reply) {
    output_ += reply;
    output_ += "\r\n";
}

void ExchangeSession::hang_up(std::string_view reply) {
    if (!reply.empty()) say(reply);
    state_ = State::closed;
}

bool ExchangeSession::interrupted(std::string_view phase) {
    if (world_.faults.take("drop-" + std::string(phase), mailbox_)) {
        state_ = State::closed;
        return true;
    }
    if (world_.faults.take("hang-" + std::string(phase), mailbox_)) {
        state_ = State::hang;
        return true;
    }
    return false;
}

std::string ExchangeSession::expand(std::string_view text, const Now& now) const {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = text[i] == '%' && i + 1 < text.size() ? text[i + 1] : '\0';
        if (next == 'm') {
            out += mailbox_;
        } else if (next == 's') {
            out += envelope_.sender;
        } else if (next == 'h' && mailbox_.empty() && options_.security == Security::starttls) {
            out += "[" + std::string(host_name_upper) + " " + log_time(now.wall) + " 08DD000000000001]";
        } else if (next == 'h') {
            out += "[Hostname=" + std::string(host_name) + "]";
        } else {
            out += text[i];
            continue;
        }
        ++i;
    }
    return out;
}

}  // namespace mailramp::sandbox
