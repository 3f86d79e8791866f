// delivery/concurrency.h: how many attempts a mailbox makes side by side; pure.
//
// Additive in both directions: one connection less each time the server says that there are too many, one
// more after each quiet `connection_regain`. Another program that uses the mailbox is the usual reason.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "mailramp/base/clock.h"

namespace mailramp::delivery {

class Concurrency {
  public:
    Concurrency(std::size_t connections_max, base::Duration regain)
        : max_(std::max<std::size_t>(connections_max, 1)), regain_(regain), limit_(max_) {}

    void lower(base::SteadyTime now) {
        limit_ = std::max<std::size_t>(allowed(now) - 1, 1);
        since_ = now;
    }
    [[nodiscard]] std::size_t allowed(base::SteadyTime now) const {
        if (limit_ == max_) return max_;
        const auto regained = static_cast<std::size_t>((now - since_) / regain_);
        return std::min(max_, limit_ + regained);
    }
    // When one more is allowed; nothing when all are.
    [[nodiscard]] std::optional<base::SteadyTime> next_regain(base::SteadyTime now) const {
        const std::size_t regained = allowed(now) - limit_;
        if (limit_ + regained == max_) return std::nullopt;
        return since_ + regain_ * static_cast<base::Duration::rep>(regained + 1);
    }

  private:
    std::size_t max_;
    base::Duration regain_;
    std::size_t limit_;
    base::SteadyTime since_;
};

}  // namespace mailramp::delivery
