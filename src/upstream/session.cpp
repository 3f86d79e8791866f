#include "mailramp/upstream/session.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "mailramp/base/events.h"
#include "mailramp/base/text.h"

namespace mailramp::upstream {
namespace {

constexpr std::size_t read_bytes = 4096;
constexpr std::string_view unreadable = "the content could not be read";
constexpr base::Duration shortest_timeout = std::chrono::milliseconds(1);
constexpr base::Duration longest_timeout = std::chrono::hours(24);  // for deadlines that mean "never"

mail::Answer answer_of(mail::Channel channel, mail::Phase phase, int code, std::string_view enhanced,
                       std::string_view text) {
    return {channel, phase, code, std::string(enhanced), base::printable(text, mail::answer_text_bytes_max)};
}

smtp::ClientOptions client_options(std::shared_ptr<const SessionEnvironment> environment) {
    const ServerOptions& server = environment->server;
    smtp::ClientOptions options;
    options.ehlo_name = server.ehlo_name;
    options.starttls = server.starttls;
    options.authentication = server.authentication;
    options.host = server.host;
    options.port = server.port;
    options.reply = server.reply;
    options.recipients_max = server.recipients_max;
    options.trace = [environment = std::move(environment)](std::string_view from, std::string_view to) {
        environment->logger.debug(base::events::upstream_state, "",
                                  {{"mailbox", environment->server.mailbox}, {"from", from}, {"to", to}});
    };
    return options;
}

// Why nothing may be said over this connection, if so: what was configured need not be where it led.
std::optional<mail::Answer> objection(const SessionEnvironment& environment, const std::string& peer) {
    const ServerOptions& server = environment.server;
    if (server.starttls == smtp::StartTls::none && !is_loopback(peer))
        return answer_of(
            mail::Channel::local, mail::Phase::connect, 554, "5.7.10",
            server.host + " is " + peer + ": starttls none is only for a server on this machine");
    if (is_own_listener(peer, server.port, environment.own_listeners))
        return answer_of(mail::Channel::local, mail::Phase::connect, 554, "5.4.6",
                         server.host + " leads to this daemon's own listener: mail would go in circles");
    return std::nullopt;
}

}  // namespace

// ------------------------------------------------------------------ connecting

io::Task<std::expected<std::unique_ptr<Session>, mail::Answer>> Session::connect(
    std::shared_ptr<const SessionEnvironment> environment, base::SteadyTime deadline) {
    const ServerOptions& server = environment->server;
    const auto left = [&environment, deadline] {
        const auto time = std::chrono::duration_cast<base::Duration>(deadline - environment->clock.steady());
        return std::clamp(time, shortest_timeout, longest_timeout);
    };
    io::ConnectOptions options = server.connect;
    options.resolve_timeout = std::min(options.resolve_timeout, left());
    auto endpoints = co_await io::resolve(server.host, server.port, options);
    if (!endpoints)
        co_return std::unexpected(
            answer_of(mail::Channel::smtp, mail::Phase::resolve, 0, "", endpoints.error().message));
    options.total_timeout = std::min(options.total_timeout, left());
    auto stream = co_await io::connect(std::move(*endpoints), std::move(options));
    if (!stream)
        co_return std::unexpected(
            answer_of(mail::Channel::smtp, mail::Phase::connect, 0, "", stream.error().message));
    if (auto why_not = objection(*environment, stream->peer_address()))
        co_return std::unexpected(std::move(*why_not));
    co_return std::make_unique<Session>(std::move(environment), std::move(*stream));
}

Session::Session(std::shared_ptr<const SessionEnvironment> environment, io::Stream stream)
    : environment_(std::move(environment)),
      stream_(std::move(stream)),
      protocol_(client_options(environment_)),
      buffer_(read_bytes, '\0'),
      listener_done_(environment_->executor) {}

// ------------------------------------------------------------------ asking and hearing

base::Duration Session::until(base::SteadyTime deadline) const {
    return std::clamp(std::chrono::duration_cast<base::Duration>(deadline - now()), shortest_timeout,
                      longest_timeout);
}

base::Duration Session::reply_timeout() const {
    const Timeouts& timeouts = environment_->server.timeouts;
    switch (protocol_.phase()) {
        case mail::Phase::banner:
            return timeouts.banner_timeout;
        case mail::Phase::ehlo:
            return timeouts.ehlo_timeout;
        case mail::Phase::starttls:
            return timeouts.starttls_timeout;
        case mail::Phase::tls:
            return timeouts.tls_timeout;
        case mail::Phase::auth:
            return timeouts.auth_timeout;
        case mail::Phase::mail:
        case mail::Phase::rcpt:
        case mail::Phase::data:
            return timeouts.envelope_timeout;
        case mail::Phase::body:
            return timeouts.body_timeout;
        case mail::Phase::body_end:
            return timeouts.body_end_timeout;
        case mail::Phase::quit:
            return timeouts.quit_timeout;
        case mail::Phase::none:
        case mail::Phase::resolve:
        case mail::Phase::connect:
        case mail::Phase::token:
            break;
    }
    return timeouts.envelope_timeout;
}

void Session::lose(const base::Error& error) {
    protocol_.connection_lost(error);
    stream_.close();
}

void Session::lose_content(std::string_view what, const base::Error& error) {
    const std::string text = std::string(what) + ": " + error.message;
    // Damaged content has no code: it is no refusal that a later attempt might not get.
    content_failure_ = content_damaged_
                           ? answer_of(mail::Channel::local, mail::Phase::body, 0, "", error.message)
                           : answer_of(mail::Channel::local, mail::Phase::body, 451, "4.3.0", text);
    lose(error);
}

// Does what the protocol wants until it wants something that only the caller has.
io::Task<> Session::advance(base::SteadyTime deadline) {
    for (;;) {
        switch (protocol_.next()) {
            case Step::need_bytes:
                co_await converse(deadline);
                break;
            case Step::start_tls:
                co_await start_tls(deadline);
                break;
            case Step::failed:
            case Step::closed:
                stream_.close();
                co_return;
            case Step::need_credentials:
            case Step::ready:
            case Step::need_body:
            case Step::submitted:
                co_return;
        }
    }
}

// Sends what is waiting and hears one reply, or all replies that came with it. One clock runs for the whole
// of a reply, so that a server that sends an octet now and then does not hold us for ever.
io::Task<> Session::converse(base::SteadyTime deadline) {
    const base::SteadyTime reply_deadline = std::min(deadline, now() + reply_timeout());
    const std::uint64_t replies_before = protocol_.replies();
    std::string output = protocol_.take_output();
    if (!output.empty()) {
        auto written = co_await stream_.write(output, until(reply_deadline));
        base::wipe(output);  // it may have held a token
        // Reading goes on: the server may have said why it closed the connection.
        if (!written && written.error().kind == base::ErrorKind::timeout) co_return lose(written.error());
    }
    while (protocol_.next() == Step::need_bytes && protocol_.replies() == replies_before) {
        auto read = co_await stream_.read_some(buffer_, until(reply_deadline));
        if (!read) co_return lose(read.error());
        protocol_.receive(std::string_view(buffer_).substr(0, *read));
    }
}

io::Task<> Session::start_tls(base::SteadyTime deadline) {
    const base::SteadyTime tls_deadline = std::min(deadline, now() + reply_timeout());
    auto started =
        co_await stream_.start_tls(*environment_->tls, environment_->server.host, until(tls_deadline));
    if (!started) co_return lose(started.error());
    protocol_.tls_started();
}

io::Task<> Session::log_in(base::Secret token, base::SteadyTime deadline) {
    co_await advance(deadline);
    if (protocol_.next() != Step::need_credentials) co_return;
    protocol_.authenticate(environment_->server.user, token);
    co_await advance(deadline);
}

bool Session::ready() {
    return protocol_.next() == Step::ready && !stream_.readable_or_closed();
}

io::Task<> Session::quit() {
    protocol_.quit();
    co_await advance(now() + environment_->server.timeouts.quit_timeout);
    stream_.close();
}

// ------------------------------------------------------------------ a message

io::Task<std::vector<smtp::RecipientOutcome>> Session::submit(smtp::OutgoingMessage message,
                                                              delivery::ContentReader content,
                                                              delivery::BeforeEnd before_end,
                                                              base::SteadyTime deadline) {
    content_failure_.reset();
    content_damaged_ = false;
    const std::uint64_t size_bytes = message.size_bytes;
    protocol_.submit(std::move(message));
    co_await advance(deadline);
    if (protocol_.next() == Step::need_body) {
        const base::SteadyTime content_deadline = std::max(deadline, now() + content_time(size_bytes));
        co_await send_content(std::move(content), std::move(before_end), size_bytes, content_deadline);
    }
    co_await advance(deadline);
    auto outcomes = protocol_.take_outcomes();
    if (content_failure_)
        for (smtp::RecipientOutcome& outcome : outcomes)
            if (outcome.fate == smtp::RecipientFate::not_tried) outcome.answer = *content_failure_;
    co_return outcomes;
}

base::Duration Session::content_time(std::uint64_t size_bytes) const {
    const std::uint64_t rate =
        std::max<std::uint64_t>(environment_->server.timeouts.content_bytes_per_second_min, 1);
    const std::uint64_t seconds_max =
        static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(longest_timeout).count());
    return std::chrono::seconds(std::min(size_bytes / rate, seconds_max));
}

// Writes content while a second coroutine listens: a server that has seen enough says so at once, and may
// stop reading. The listener has always ended when this returns.
//
// Once the last octet is out, only the final reply tells whether the message was taken: the wait for it has
// its own time, whatever the attempt's deadline was, since giving up there makes duplicates.
io::Task<> Session::send_content(delivery::ContentReader content, delivery::BeforeEnd before_end,
                                 std::uint64_t size_bytes, base::SteadyTime content_deadline) {
    auto listening = hear_replies();
    boost::asio::co_spawn(environment_->executor, std::move(listening), boost::asio::detached);
    co_await write_content(std::move(content), size_bytes, content_deadline);
    if (before_end && protocol_.next() == Step::need_body) co_await prepare_end(std::move(before_end));
    if (protocol_.next() == Step::need_body) {
        protocol_.end_body();
        co_await write_pending(reply_timeout());
    }
    if (!co_await listener_done_.wait_until(now() + reply_timeout())) {
        lose({base::ErrorKind::timeout, "the final reply did not come within the time limit"});
        co_await listener_done_.wait();
    }
}

// The end of data may go out only when this has left the session as it was.
io::Task<> Session::prepare_end(delivery::BeforeEnd before_end) {
    const auto ending = std::make_shared<Ending>(environment_->executor);
    auto running = Ending::run(ending, std::move(before_end), protocol_.accepted_recipients());
    boost::asio::co_spawn(environment_->executor, std::move(running), boost::asio::detached);
    ending_ = ending;
    const base::SteadyTime patience = now() + environment_->server.timeouts.before_end_timeout;
    bool in_time = true;
    while (!ending->result && in_time && protocol_.next() == Step::need_body)
        in_time = co_await ending->changed.wait_until(patience);
    ending_.reset();
    if (protocol_.next() != Step::need_body) co_return;  // the server spoke up, or the connection broke
    base::Error late{base::ErrorKind::timeout, "the disk did not answer within the time limit"};
    base::Result<> done = std::unexpected(std::move(late));
    if (ending->result) done = std::move(*ending->result);
    if (!done) lose_content("the attempt could not be noted", done.error());
}

io::Task<> Session::Ending::run(std::shared_ptr<Ending> ending, delivery::BeforeEnd before_end,
                                std::vector<std::size_t> accepted) {
    auto result = co_await before_end(std::move(accepted));
    ending->result = std::move(result);
    ending->changed.notify();
}

// All of the content, unless the server stops it or the session is lost.
io::Task<> Session::write_content(delivery::ContentReader content, std::uint64_t size_bytes,
                                  base::SteadyTime content_deadline) {
    const ServerOptions& server = environment_->server;
    std::uint64_t offset = 0;
    while (protocol_.next() == Step::need_body && offset < size_bytes) {
        const std::uint64_t wanted = std::min<std::uint64_t>(server.body_piece_bytes, size_bytes - offset);
        auto piece = co_await content(offset, static_cast<std::size_t>(wanted));
        if (!piece) {
            content_damaged_ = piece.error().kind == base::ErrorKind::invalid;
            co_return lose_content(unreadable, piece.error());
        }
        if (piece->empty() || piece->size() > wanted)
            co_return lose_content(unreadable,
                                   {base::ErrorKind::io, "it is not as long as it is said to be"});
        if (now() >= content_deadline)
            co_return lose({base::ErrorKind::timeout, "the content went out too slowly"});
        if (protocol_.next() != Step::need_body) co_return;  // while it was read the server spoke up
        offset += piece->size();
        protocol_.send_body(*piece);
        co_await write_pending(server.timeouts.body_timeout);
    }
}

io::Task<> Session::write_pending(base::Duration timeout) {
    const std::string output = protocol_.take_output();
    auto written = co_await stream_.write(output, timeout);
    if (written) co_return;
    // The server hung up, perhaps after saying why: give the listener a moment to hear it.
    const base::Duration patience = environment_->server.timeouts.last_words_timeout;
    if (co_await listener_done_.wait_until(now() + patience))
        listener_done_.notify();  // send_content() waits for it too
    lose(written.error());
}

// Ends with the final reply, or with the connection.
io::Task<> Session::hear_replies() {
    while (protocol_.next() == Step::need_body || protocol_.next() == Step::need_bytes) {
        auto read = co_await stream_.read_some(buffer_, longest_timeout);  // send_content() ends it sooner
        if (!read) {
            lose(read.error());
            break;
        }
        protocol_.receive(std::string_view(buffer_).substr(0, *read));
    }
    // A writer that waits for a server that no longer reads is let go.
    if (protocol_.next() == Step::failed) stream_.close();
    listener_done_.notify();
    if (ending_) ending_->changed.notify();
}

}  // namespace mailramp::upstream
