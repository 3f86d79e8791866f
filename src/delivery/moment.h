// delivery/moment.h: one instant, told by both clocks.
#pragma once

#include "mailramp/base/clock.h"

namespace mailramp::delivery {

// Steady time decides how long to wait; wall time is what is stored and shown.
struct Moment {
    base::SteadyTime steady;
    base::WallTime wall;
};

[[nodiscard]] inline Moment moment(const base::Clock& clock) {
    return Moment{clock.steady(), clock.wall()};
}

// base::Duration has microseconds, the steady clock nanoseconds.
[[nodiscard]] inline base::Duration between(base::SteadyTime from, base::SteadyTime to) {
    return std::chrono::floor<base::Duration>(to - from);
}

}  // namespace mailramp::delivery
