// inbound/log_pace.h: when to log what strangers can bring about at will; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "mailramp/base/clock.h"

namespace mailramp::inbound {

class LogPace {
  public:
    explicit LogPace(base::Duration interval) : interval_(interval) {}
    // Nothing: not now. Else how many times it was not logged since the last time that it was.
    [[nodiscard]] std::optional<std::uint64_t> due(base::SteadyTime now) {
        if (logged_ && now - *logged_ < interval_) {
            ++left_out_;
            return {};
        }
        logged_ = now;
        return std::exchange(left_out_, 0);
    }

  private:
    base::Duration interval_;
    std::optional<base::SteadyTime> logged_;
    std::uint64_t left_out_ = 0;
};

}  // namespace mailramp::inbound
