// delivery/budget.h: how many messages a mailbox may still submit now: a sliding window; pure.
//
// A message takes a place when it is about to be submitted and keeps it until one window after its final
// reply. The server counts it at some instant between these two, so no span of one window, as the server sees
// it, ever holds more than `messages_max`. A single message never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/moment.h"
#include "mailramp/base/clock.h"
#include "mailramp/delivery/budget_store.h"
#include "mailramp/delivery/options.h"

namespace mailramp::delivery {

class Budget {
  public:
    explicit Budget(BudgetLimits limits) : limits_(limits) {}

    // A place, or nothing when all are taken. Without renew() or give_back() it counts as given back, used,
    // at `lease_until`.
    [[nodiscard]] std::optional<std::uint64_t> take(base::SteadyTime now, base::SteadyTime lease_until);
    // False: the place was taken back meanwhile.
    [[nodiscard]] bool renew(std::uint64_t place, base::SteadyTime now, base::SteadyTime lease_until);
    void give_back(std::uint64_t place, LeaseUse use, base::SteadyTime now);

    // The earliest time at which a place is free without anybody giving one back; nothing when none ever is.
    [[nodiscard]] std::optional<base::SteadyTime> next_free(base::SteadyTime now) const;
    [[nodiscard]] std::size_t used(base::SteadyTime now) const;
    [[nodiscard]] const BudgetLimits& limits() const { return limits_; }

    // The window as text: "v1 at:<wall ms> flying:<places> ended:<ms before at>,…". Unknown words are skipped
    // by restore(), so that later versions may add counts of recipients. What is rounded is rounded against
    // us.
    [[nodiscard]] std::string record(Moment now) const;
    // Takes over what an earlier run recorded. Its places in flight count as ended now, since nobody knows
    // when they did; a wall clock that went back meanwhile makes no place older. What is not understood is
    // ignored: a budget is worth less than a start.
    void restore(std::string_view record, Moment now);

  private:
    struct Held {
        std::uint64_t place = 0;
        base::SteadyTime lease_until;
    };
    void expire(base::SteadyTime now);
    void add_end(base::SteadyTime end);

    BudgetLimits limits_;
    std::vector<Held> held_;             // before their final reply
    std::deque<base::SteadyTime> ends_;  // of those after it, in order
    std::uint64_t next_place_ = 1;
};

}  // namespace mailramp::delivery
