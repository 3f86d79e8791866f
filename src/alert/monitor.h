// alert/monitor.h: what of all that is wrong is to be told now; pure.
//
// It is shown everything that is wrong, again and again, and compares. One condition is told once, again when
// it becomes worse, at intervals while it lasts, and for the last time when it is over. Beyond so many alerts
// in an hour the next one waits for its turn; what comes and goes while it waits is only counted. Nothing
// queues up here: what waits is the difference between what is wrong and what has been told.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"
#include "mailramp/base/clock.h"

namespace mailramp::alert {

struct Moment {
    base::WallTime wall;
    base::SteadyTime steady;
};

class Monitor {
  public:
    explicit Monitor(MonitorOptions options) : options_(options) {}

    // `wrong` is all that is wrong now. What is to be told, the most urgent first.
    [[nodiscard]] std::vector<Alert> observe(const std::vector<Condition>& wrong, Moment now);

    // Whether an alert waits because so many have been told in the last hour.
    [[nodiscard]] bool limited() const { return limited_; }

  private:
    using Key = std::pair<Event, std::string>;
    struct Known {
        Condition condition;
        Moment since;
        bool wrong = true;  // false: over, and that has not been told yet
        bool told = false;
        int told_level = 0;
        std::uint64_t times_told = 0;
        base::SteadyTime told_last;
    };
    // In the order of their urgency.
    enum class Why { first, worse, over, reminder, nothing };

    void note(const std::vector<Condition>& wrong, Moment now);
    void forget_untold(Moment now);
    [[nodiscard]] Why why(const Known& known, Moment now) const;
    [[nodiscard]] bool may_tell(base::SteadyTime now);
    [[nodiscard]] Alert tell(Known& known, Why why, Moment now);

    MonitorOptions options_;
    std::map<Key, Known> known_;
    std::deque<base::SteadyTime> told_;  // of the last hour
    std::uint64_t suppressed_ = 0;
    bool limited_ = false;
};

}  // namespace mailramp::alert
