// mailramp/base/clock.h: the two kinds of time, and the seam that tells it.
//
// Wall time is what is stored and shown; steady time is what deadlines and timeouts use. Pure code takes
// `now` as an argument; only shells hold a Clock. The real clock is io::SystemClock.
#pragma once

#include <chrono>

namespace mailramp::base {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::microseconds;

// Tells the time. Implemented by io::SystemClock and by the clocks of tests. Safe from every thread.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual WallTime wall() const = 0;
    [[nodiscard]] virtual SteadyTime steady() const = 0;
};

}  // namespace mailramp::base
