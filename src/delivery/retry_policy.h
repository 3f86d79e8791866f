// delivery/retry_policy.h: when a message is tried again, and when it has been tried for long enough; pure.
#pragma once

#include <cstddef>
#include <deque>

#include "delivery/moment.h"
#include "mailramp/base/clock.h"
#include "mailramp/delivery/options.h"

namespace mailramp::delivery {

// How long to wait after the `attempts`-th attempt (1 and up) that counts. Not shorter than `asked`, what a
// server or a verdict asks for, up to `retry_after_max`. `chance` in [0,1).
[[nodiscard]] base::Duration retry_delay(const RetryOptions& options, int attempts, base::Duration asked,
                                         double chance);
// Nothing that retry_delay() says is longer than this. A due time that lies further ahead comes from a wall
// clock that was changed.
[[nodiscard]] base::Duration retry_delay_horizon(const RetryOptions& options);

struct Age {
    base::Duration age{};     // since it was accepted, without the time its mailbox stood still
    int attempts = 0;         // that count, the one just ended included
    base::Duration uptime{};  // of this run of the daemon
};

// Whether a human should look at it instead of another attempt.
[[nodiscard]] bool has_expired(const RetryOptions& options, const Age& age);

// Notices when the wall clock jumps ahead of the steady one, so that nothing grows old by a jump. A machine
// that slept looks the same, and is treated the same. Observe it often; small drift is no jump.
class WallJumps {
  public:
    WallJumps(const RetryOptions& options, Moment start) : options_(options), last_(start) {}

    void observe(Moment now);
    // The time that really passed since a wall time that was noted before now. A jump back makes things
    // younger than they are, at worst of age zero.
    [[nodiscard]] base::Duration since(base::WallTime noted, Moment now) const;

  private:
    struct Jump {
        base::WallTime before;  // what the wall clock showed when it jumped ahead
        base::Duration length{};
    };
    RetryOptions options_;
    Moment last_;
    std::deque<Jump> jumps_;
};

}  // namespace mailramp::delivery
