#include "sandbox/smtp_connection.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mailramp/io/system_clock.h"
#include "mailramp/io/timer.h"

namespace mailramp::sandbox {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_bytes = 64 * 1024;  // at a time
constexpr std::size_t ignored_bytes = 4096;    // at a time, of a client that is not listened to
constexpr base::Duration write_timeout = std::chrono::seconds(30);
// Longer than any session lives: the watchdog below cuts, because it can still say why.
constexpr base::Duration read_timeout = std::chrono::hours(24);

Now now_at(const SmtpWorld& world) {
    const io::SystemClock clock;
    return Now{clock.wall() + world.options.clock_offset, clock.steady()};
}

// One session with its socket; the watchdog holds it too.
struct Connection {
    Connection(io::Stream connected, const SmtpWorld& shared, std::uint64_t number,
               const io::Executor& executor)
        : stream(std::move(connected)),
          world(shared),
          session(shared.options.session, shared.session, number, stream.peer_address()),
          timer(executor),
          began(std::chrono::steady_clock::now()),
          last_heard(began) {}

    [[nodiscard]] base::SteadyTime deadline() const {
        return std::min(last_heard + world.options.idle_timeout, began + world.options.session_age_max);
    }

    io::Stream stream;
    const SmtpWorld& world;
    ExchangeSession session;
    asio::steady_timer timer;
    base::SteadyTime began;
    base::SteadyTime last_heard;
    bool ended = false;
};

std::string duration_text(base::SteadyTime::duration duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                  static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
    return text.data();
}

// Cuts an idle or old session as Exchange does: with a reply.
io::Task<> watch(std::shared_ptr<Connection> connection) {
    while (!connection->ended) {
        connection->timer.expires_at(connection->deadline());
        auto [error] = co_await connection->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (connection->ended) co_return;
        if (error || connection->deadline() > std::chrono::steady_clock::now()) continue;
        const std::string reply = "421 4.4.1 Connection timed out. Total session duration: " +
                                  duration_text(std::chrono::steady_clock::now() - connection->began) +
                                  "\r\n";
        static_cast<void>(co_await connection->stream.write(reply, write_timeout));
        connection->stream.close();
        co_return;
    }
}

io::Task<bool> flush(Connection& connection) {
    const std::string output = connection.session.take_output();
    if (output.empty()) co_return true;
    if (connection.world.session.faults.take("slow"))
        co_await io::sleep_for(connection.world.options.slow_delay);
    auto written = co_await connection.stream.write(output, write_timeout);
    co_return written.has_value();
}

io::Task<bool> read(Connection& connection) {
    std::array<char, read_bytes> buffer;  // not cleared: this is the hot path
    auto got = co_await connection.stream.read_some(buffer, read_timeout);
    if (!got) co_return false;
    connection.last_heard = std::chrono::steady_clock::now();
    connection.session.receive(std::string_view(buffer.data(), *got));
    co_return true;
}

io::Task<bool> secure(Connection& connection) {
    const auto certificate = connection.world.certificates.find(connection.session.certificate_fault());
    if (certificate == connection.world.certificates.end()) co_return false;
    auto shaken = co_await connection.stream.accept_tls(certificate->second, write_timeout);
    if (shaken) connection.session.tls_started(connection.stream.tls_info().version);
    co_return shaken.has_value();
}

bool keep_message(Connection& connection) {
    const Now now = now_at(connection.world);
    const auto stored = connection.world.recorder.store(connection.session.take_message(), now.wall);
    if (stored) {
        connection.session.stored(now);
    } else {
        std::fprintf(stderr, "mailramp-sandbox: %s\n", stored.error().message.c_str());
        connection.session.close_with("452 4.3.1 Insufficient system resources: see the sandbox's own log");
    }
    return true;
}

// Silence until the client goes or the watchdog cuts.
io::Task<bool> wait_for_the_end(Connection& connection) {
    std::array<char, ignored_bytes> ignored{};
    for (;;) {
        auto got = co_await connection.stream.read_some(ignored, read_timeout);
        if (!got) co_return false;
    }
}

io::Task<> converse(std::shared_ptr<Connection> connection) {
    bool goes_on = true;
    while (goes_on) {
        const ExchangeSession::Step step = connection->session.next(now_at(connection->world));
        goes_on = co_await flush(*connection);
        if (!goes_on) break;
        switch (step) {
            case ExchangeSession::Step::need_bytes:
                goes_on = co_await read(*connection);
                break;
            case ExchangeSession::Step::start_tls:
                goes_on = co_await secure(*connection);
                break;
            case ExchangeSession::Step::message:
                goes_on = keep_message(*connection);
                break;
            case ExchangeSession::Step::hang:
                goes_on = co_await wait_for_the_end(*connection);
                break;
            case ExchangeSession::Step::closed:
                goes_on = false;
                break;
        }
    }
    connection->ended = true;
    connection->timer.cancel();
    connection->stream.close();
}

}  // namespace

io::Task<> serve_smtp(io::Stream stream, const SmtpWorld& world, std::uint64_t number) {
    const io::Executor executor = co_await asio::this_coro::executor;
    auto connection = std::make_shared<Connection>(std::move(stream), world, number, executor);
    asio::co_spawn(executor, watch(connection), asio::detached);
    co_await converse(connection);
}

}  // namespace mailramp::sandbox
