// mailramp/io/timer.h: waiting for a time or for each other, without threads.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "mailramp/base/clock.h"
#include "mailramp/io/async.h"

namespace mailramp::io {

// Waits at least this long on the executor of the calling coroutine.
Task<> sleep_for(base::Duration duration);

// A wake-up that is remembered: notify() before wait() makes wait() return at once. One waiter at a time.
// Lives on one event loop; must outlive its waiter.
class Event {
  public:
    explicit Event(const Executor& executor);
    // Wakes the waiter, or the next one to come.
    void notify();
    Task<> wait();
    // True when notified, false when `deadline` (steady) passed first. A notification is used up by being
    // seen.
    Task<bool> wait_until(base::SteadyTime deadline);

  private:
    boost::asio::steady_timer timer_;
    bool notified_ = false;
};

}  // namespace mailramp::io
