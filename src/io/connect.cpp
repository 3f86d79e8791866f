#include "mailramp/io/connect.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/net.h"

namespace mailramp::io {
namespace {

// A connection that is being made, and the timer that gives it up. The timer's handler holds it too.
struct Attempt {
    Attempt(const Executor& executor, FileDescriptor connecting)
        : socket(executor, connecting.release()), timer(executor) {}

    asio::posix::stream_descriptor socket;
    asio::steady_timer timer;
    bool timed_out = false;
};

void give_up_after(const std::shared_ptr<Attempt>& attempt, base::Duration timeout) {
    attempt->timer.expires_after(timeout);
    attempt->timer.async_wait([attempt](const boost::system::error_code& error) {
        if (error || !attempt->socket.is_open()) return;
        attempt->timed_out = true;
        boost::system::error_code ignored;
        attempt->socket.close(ignored);
    });
}

base::Error connect_error(const std::string& name, int code) {
    base::Error error = base::system_error(name, code);
    error.kind = base::ErrorKind::unavailable;
    return error;
}

Task<base::Result<Stream>> connect_one(Endpoint endpoint, base::Duration timeout) {
    const std::string name = to_string(endpoint);
    const Executor executor = co_await asio::this_coro::executor;
    auto address = socket_address(endpoint);
    if (!address) co_return std::unexpected(address.error());
    FileDescriptor socket(::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) co_return std::unexpected(connect_error(name, errno));
    if (::connect(socket.get(), address->get(), address->size) != 0 && errno != EINPROGRESS)
        co_return std::unexpected(connect_error(name, errno));
    auto attempt = std::make_shared<Attempt>(executor, std::move(socket));
    give_up_after(attempt, timeout);
    co_await attempt->socket.async_wait(asio::posix::stream_descriptor::wait_write,
                                        asio::as_tuple(asio::use_awaitable));
    attempt->timer.cancel();
    if (attempt->timed_out)
        co_return base::fail(base::ErrorKind::timeout, name + ": no answer within the time limit");
    int code = 0;
    socklen_t size = sizeof code;
    if (::getsockopt(attempt->socket.native_handle(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    if (code != 0) co_return std::unexpected(connect_error(name, code));
    co_return Stream::adopt(executor, attempt->socket.release());
}

base::Duration left_until(base::SteadyTime deadline) {
    return std::chrono::duration_cast<base::Duration>(deadline - std::chrono::steady_clock::now());
}

}  // namespace

Task<base::Result<Stream>> connect(std::vector<Endpoint> endpoints, ConnectOptions options) {
    base::Error failure{base::ErrorKind::not_found, "no address to connect to"};
    if (endpoints.size() > options.addresses_max) endpoints.resize(options.addresses_max);
    const base::SteadyTime deadline = std::chrono::steady_clock::now() + options.total_timeout;
    bool first = true;
    for (const Endpoint& endpoint : endpoints) {
        const base::Duration timeout = std::min(options.address_timeout, left_until(deadline));
        if (timeout <= base::Duration::zero()) {
            const std::string why = to_string(endpoint) + ": not tried, the time was up";
            failure = {base::ErrorKind::timeout, first ? why : failure.message + "; " + why};
            break;
        }
        auto stream = co_await connect_one(endpoint, timeout);
        if (stream) co_return stream;
        failure.kind = stream.error().kind;
        failure.message = first ? stream.error().message : failure.message + "; " + stream.error().message;
        first = false;
    }
    co_return base::fail("connect", std::move(failure));
}

Task<base::Result<Stream>> connect(std::string host, std::uint16_t port, ConnectOptions options) {
    const base::SteadyTime deadline = std::chrono::steady_clock::now() + options.total_timeout;
    options.resolve_timeout = std::min(options.resolve_timeout, options.total_timeout);
    auto endpoints = co_await resolve(host, port, options);
    if (!endpoints) co_return std::unexpected(endpoints.error());
    options.total_timeout = left_until(deadline);
    auto stream = co_await connect(std::move(*endpoints), options);
    if (!stream) co_return base::fail(host, std::move(stream.error()));
    co_return stream;
}

}  // namespace mailramp::io
