// mailramp/io/worker.h: named threads for work that blocks, and the way back to the event loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mailramp/io/async.h"

namespace mailramp::io {

// A fixed number of threads (usually one) that run what is posted, in order. Started by the constructor.
// Thread names are at most 15 characters (pthread_setname_np). post() is safe from every thread.
class Worker {
  public:
    using Work = std::move_only_function<void()>;

    Worker(const std::string& name, std::size_t threads = 1);
    // Runs what was posted before, then joins. See abandon() for the end that may not wait.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void post(Work work);
    // Drops what was not started and detaches: for shutdown, right before _exit.
    void abandon();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

// Runs `work` on the worker and resumes the calling coroutine on its own executor with the result. `work`
// must be named on a line of its own and moved in (g++ 12 destroys capturing temporaries of a co_await line
// twice). It must not throw.
template <class F>
Task<std::invoke_result_t<F>> offload(Worker& worker, F work);

}  // namespace mailramp::io

#include "mailramp/io/offload_impl.h"
