// alert/outbox.h: the alerts that one target has not taken yet, and when to try again; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"
#include "mailramp/base/clock.h"

namespace mailramp::alert {

class Outbox {
  public:
    explicit Outbox(OutboxOptions options) : options_(options) {}

    // When it is full, the oldest that is not being sent is lost.
    void push(Alert alert);
    // The oldest, if it may be sent now; taken() or failed() must follow before the next call.
    [[nodiscard]] std::optional<Alert> begin(base::SteadyTime now);
    // When to ask again; nothing: not before the next push().
    [[nodiscard]] std::optional<base::SteadyTime> next() const;

    // The target has the alert.
    void taken();
    enum class Again {
        yes,  // it may be taken later
        no,   // it never will
    };
    // It has not. The next attempt, of whatever alert, comes after a pause that grows from failure to
    // failure, and not before `retry_after` (0: nothing was asked for). After attempts_max the alert is lost.
    void failed(base::SteadyTime now, Again again, base::Duration retry_after);

    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

  private:
    void lose_first();

    OutboxOptions options_;
    std::deque<Alert> waiting_;
    bool sending_ = false;         // the first of them
    std::size_t attempts_ = 0;     // at the first of them
    base::Duration delay_{};       // after the last failure; zero: the last attempt was none
    base::SteadyTime not_before_;  // meaningful with a delay
    std::uint64_t lost_ = 0;
};

}  // namespace mailramp::alert
