#include "inbound/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/socket.h>

#include "mailramp/base/events.h"
#include "mailramp/base/text.h"

namespace mailramp::inbound {
namespace {

smtp::ServerProtocolOptions protocol_options(const Options& options) {
    smtp::ServerProtocolOptions out;
    out.host_name = options.hostname;
    out.domain_if_missing = options.hostname;
    out.message_bytes_max = options.message_bytes_max;
    out.recipients_max = options.recipients_max;
    out.errors_max = options.errors_max;
    out.commands_without_mail_max = options.commands_max;
    return out;
}

constexpr base::Duration shortest_timeout = std::chrono::milliseconds(1);

bool is_allowed(const Options& options, std::string_view client) {
    const auto address = route::IpAddress::parse(client);
    if (!address) return false;
    return address->is_loopback() || std::ranges::any_of(options.allow, [&](const route::Cidr& block) {
               return block.contains(*address);
           });
}

}  // namespace

Session::Session(Context& context, io::Stream stream, std::string listener)
    : context_(context),
      stream_(std::move(stream)),
      listener_(std::move(listener)),
      client_(stream_.peer_address()),
      protocol_(protocol_options(context.options)) {
    if (is_allowed(context_.options, client_)) {
        ++context_.counters.sessions;
        return;
    }
    ++context_.counters.sessions_refused;
    context_.logger.warning(
        base::events::client_refused,
        "This client is not on loopback and not in `allow`; add its network there if it may submit",
        {{"client", client_}, {"listener", listener_}});
    protocol_.refuse("Access denied: " + client_ + " is not in this relay's list of allowed clients (allow)");
}

io::Task<> Session::run() {
    using Step = smtp::ServerProtocol::Step;
    bool open = true;
    while (open) {
        switch (protocol_.next()) {
            case Step::need_bytes:
                open = co_await exchange();
                break;
            case Step::mail:
                mail();
                break;
            case Step::rcpt:
                rcpt();
                break;
            case Step::data:
                data();
                break;
            case Step::body_chunk:
                co_await body_chunk();
                break;
            case Step::body_end:
                co_await body_end();
                break;
            case Step::reset:
                drop_message();
                break;
            case Step::closed: {
                const std::string last_words = protocol_.take_output();
                if (!protocol_.close_reason().empty()) log_end(protocol_.close_reason());
                // Whether the client still hears it or not, the session is over.
                static_cast<void>(co_await stream_.write(last_words, context_.options.write_timeout));
                open = false;
                break;
            }
        }
    }
    stream_.close();
}

io::Task<bool> Session::exchange() {
    const std::string output = protocol_.take_output();
    if (!output.empty()) {
        auto written = co_await stream_.write(output, context_.options.write_timeout);
        if (!written) {
            if (answer_250_due_) ++context_.counters.answers_lost;
            log_end(written.error().message);
            co_return false;
        }
        answer_250_due_ = false;
    }
    const bool in_body = protocol_.in_body();
    if (in_body && too_slow()) {
        protocol_.close({421, "4.4.2", "Data comes too slowly, closing connection"});
        co_return true;
    }
    if (buffer_.empty()) buffer_.resize(context_.options.read_buffer_bytes);
    // One clock for all of a command: a client that sends an octet now and then does not hold its session.
    const base::SteadyTime now = context_.clock.steady();
    if (!protocol_.in_command()) command_deadline_ = now + context_.options.command_timeout;
    const base::Duration timeout =
        in_body ? context_.options.data_timeout
                : std::max(std::chrono::floor<base::Duration>(command_deadline_ - now), shortest_timeout);
    waiting_ = true;
    auto octets = co_await stream_.read_some(buffer_, timeout);
    waiting_ = false;
    if (octets) {
        protocol_.receive(std::string_view(buffer_.data(), *octets));
        co_return true;
    }
    if (intake_ && in_body) ++context_.counters.messages_aborted;
    if (octets.error().kind != base::ErrorKind::closed || intake_) log_end(octets.error().message);
    co_return false;
}

bool Session::too_slow() const {
    const auto elapsed = context_.clock.steady() - body_started_;
    if (elapsed < context_.options.data_timeout) return false;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
    return protocol_.body_bytes() / static_cast<std::uint64_t>(seconds) <
           context_.options.data_bytes_per_second_min;
}

void Session::mail() {
    // Who has said how much will come has its room from here on (RFC 1870 §6.1).
    const std::uint64_t declared_bytes = protocol_.declared_bytes().value_or(0);
    auto room = context_.store.reserve(declared_bytes > 0 ? declared_bytes + added_bytes_max : 0);
    if (!room) {
        protocol_.answer(refusal_for(room.error()));
        return;
    }
    intake_.emplace(context_, Origin{.client_address = client_, .listener = listener_}, std::move(*room));
    protocol_.answer({250, "2.1.0", "Sender OK"});
}

void Session::rcpt() {
    const auto refused = intake_->take_recipient(protocol_.envelope().sender, protocol_.recipient());
    protocol_.answer(refused.value_or(smtp::ServerReply{250, "2.1.5", "Recipient OK"}));
}

void Session::data() {
    if (auto refused = intake_->begin()) {
        protocol_.answer(*refused);
        return;
    }
    body_started_ = context_.clock.steady();
    protocol_.answer({354, "", ""});
}

io::Task<> Session::body_chunk() {
    auto refused = co_await intake_->take(protocol_.chunk(), protocol_.helo(), protocol_.with_protocol());
    if (!refused) co_return;
    ++context_.counters.messages_rejected;
    context_.logger.warning(base::events::message_rejected, refused->text,
                            {{"client", client_},
                             {"from", protocol_.envelope().sender},
                             {"reply", std::to_string(refused->code) + " " + refused->enhanced}});
    protocol_.refuse_body(*std::move(refused));
}

io::Task<> Session::body_end() {
    const std::uint64_t bytes = protocol_.body_bytes();
    const smtp::ServerReply reply =
        co_await intake_->commit(protocol_.envelope(), protocol_.helo(), protocol_.with_protocol());
    if (reply.good()) {
        ++context_.counters.messages_accepted;
        context_.counters.bytes_accepted += bytes;
        answer_250_due_ = true;
    } else {
        ++context_.counters.messages_rejected;
    }
    drop_message();
    protocol_.answer(reply);
}

void Session::cut_off() {
    if (idle() && !stream_.is_tls()) {
        const std::string farewell =
            "421 4.3.2 " + context_.options.hostname + " is shutting down, closing connection\r\n";
        // A client whose receive window is full is not worth waiting for.
        static_cast<void>(
            ::send(stream_.native_handle(), farewell.data(), farewell.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    stream_.close();
}

void Session::log_end(std::string_view reason) const {
    if (intake_)
        context_.logger.info(base::events::session_ended,
                             "in the middle of a message, which was not accepted",
                             {{"client", client_}, {"reason", reason}});
    else
        context_.logger.debug(base::events::session_ended, "", {{"client", client_}, {"reason", reason}});
}

}  // namespace mailramp::inbound
