// mailramp/io/offload_impl.h: how a coroutine and another thread meet. Included by worker.h; include that.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/asio/this_coro.hpp>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/io/timer.h"

namespace mailramp::io::detail {

// What a waiting coroutine and a thread share. The thread may outlive the coroutine and its event loop: after
// the coroutine has left, arrive() touches neither.
class Rendezvous : public std::enable_shared_from_this<Rendezvous> {
  public:
    explicit Rendezvous(Executor executor) : executor_(std::move(executor)) {}
    // From the thread: wakes the coroutine if it is still there. Call it once, after the result is in place.
    void arrive();

  private:
    friend class Waiting;
    void wake();
    std::mutex mutex_;
    Executor executor_;
    Event* waiter_ = nullptr;  // in the coroutine's frame; null before it waits and after it left
};

// The coroutine's side, a local variable of its frame: its end is the coroutine's leaving.
class Waiting {
  public:
    Waiting(const Executor& executor, std::shared_ptr<Rendezvous> rendezvous);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    Task<> wait() { return arrived_.wait(); }
    Task<bool> wait_until(base::SteadyTime deadline) { return arrived_.wait_until(deadline); }

  private:
    Event arrived_;
    std::shared_ptr<Rendezvous> rendezvous_;
};

template <class F>
class Offloaded final : public Rendezvous {
  public:
    using Returned = std::invoke_result_t<F>;
    using Stored = std::conditional_t<std::is_void_v<Returned>, std::monostate, Returned>;

    Offloaded(Executor executor, F work) : Rendezvous(std::move(executor)), work_(std::move(work)) {}

    void run() {
        if constexpr (std::is_void_v<Returned>) {
            std::invoke(*work_);
            result_.emplace();
        } else {
            result_.emplace(std::invoke(*work_));
        }
        work_
            .reset();  // What the work captured ends here, on the worker, not whenever the coroutine goes on.
        arrive();
    }

    [[nodiscard]] Stored take() {
        base::check(result_.has_value(), "an offloaded call has its result when its coroutine goes on");
        return std::move(*result_);
    }

  private:
    std::optional<F> work_;
    std::optional<Stored> result_;
};

}  // namespace mailramp::io::detail

namespace mailramp::io {

template <class F>
Task<std::invoke_result_t<F>> offload(Worker& worker, F work) {
    const Executor executor = co_await asio::this_coro::executor;
    auto offloaded = std::make_shared<detail::Offloaded<F>>(executor, std::move(work));
    detail::Waiting waiting(executor, offloaded);
    worker.post([offloaded] { offloaded->run(); });
    co_await waiting.wait();
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
        co_return;
    } else {
        co_return offloaded->take();
    }
}

}  // namespace mailramp::io
