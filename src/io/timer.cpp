#include "mailramp/io/timer.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mailramp::io {

Task<> sleep_for(base::Duration duration) {
    const Executor executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, duration);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Event::Event(const Executor& executor) : timer_(executor) {}

void Event::notify() {
    notified_ = true;
    timer_.cancel();
}

Task<> Event::wait() {
    while (!notified_) {
        timer_.expires_at(base::SteadyTime::max());
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    notified_ = false;
}

Task<bool> Event::wait_until(base::SteadyTime deadline) {
    while (!notified_) {
        timer_.expires_at(deadline);
        auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!error && !notified_) co_return false;
    }
    notified_ = false;
    co_return true;
}

}  // namespace mailramp::io
