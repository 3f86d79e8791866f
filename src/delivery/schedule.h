// delivery/schedule.h: when a mailbox begins its next attempt; pure.
//
// Brings together what is due, what the store and the budget said, the pause, and how many attempts are under
// way. Ask next() after every event; it starts attempts one by one and only as fast as claims keep finding
// messages, so that a single message does not make every worker ask the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "delivery/concurrency.h"
#include "delivery/moment.h"
#include "delivery/pause.h"
#include "mailramp/base/clock.h"
#include "mailramp/delivery/options.h"

namespace mailramp::delivery {

class Schedule {
  public:
    Schedule(const DeliveryOptions& options, const MailboxOptions& mailbox);

    struct Next {
        bool start = false;
        std::optional<base::SteadyTime> at;  // otherwise: ask again then; nothing: after the next event
    };
    [[nodiscard]] Next next(base::SteadyTime now) const;

    // One attempt that has begun.
    struct Attempt {
        Pause::Ticket ticket;
        std::uint64_t wakes = 0;
    };
    // After next() said start. Then one of refused(), store_failed(), nothing_due() ends it, or found(),
    // heard() and ended() follow in this order.
    [[nodiscard]] Attempt begin();

    // The budget lends nothing now.
    void refused(const Attempt& attempt, std::optional<base::SteadyTime> ask_again, base::SteadyTime now);
    void store_failed(const Attempt& attempt, base::SteadyTime now);
    // The wall time for a claim. Later than the clock's when a due time turned out to be impossibly far
    // ahead.
    [[nodiscard]] base::WallTime claim_time(base::WallTime now) const;
    void nothing_due(const Attempt& attempt, base::WallTime asked, std::optional<base::WallTime> next_due,
                     Moment now);
    // `next_due`: of what is left.
    void found(const Attempt& attempt, std::optional<base::WallTime> next_due, Moment now);
    [[nodiscard]] Pause::Change heard(const Attempt& attempt, const MailboxNews& news, Moment now,
                                      double chance);
    // The message went back without having been tried.
    void withdrawn(const Attempt& attempt) { pause_.withdraw(attempt.ticket); }
    void ended() { --in_flight_; }

    // Something may be due now.
    void wake(base::SteadyTime now);
    // Something was put to a later time.
    void put_off(base::WallTime due, Moment now);
    // The budget got something back.
    void budget_changed() { blocked_until_.reset(); }
    [[nodiscard]] bool resume(base::SteadyTime now);
    void stop() { stopped_ = true; }

    [[nodiscard]] Pause& pause() { return pause_; }
    [[nodiscard]] const Pause& pause() const { return pause_; }
    [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
    [[nodiscard]] std::size_t concurrency(base::SteadyTime now) const { return concurrency_.allowed(now); }

  private:
    struct Due {
        base::SteadyTime at;      // ask the store then
        base::WallTime claim_as;  // pretending that it is at least this late
    };
    [[nodiscard]] Due due_at(base::WallTime due, base::WallTime asked, Moment now);
    void learn(const Attempt& attempt, base::WallTime asked, std::optional<base::WallTime> next_due,
               Moment now);
    void abandon(const Attempt& attempt);

    DeliveryOptions options_;
    Pause pause_;
    Concurrency concurrency_;
    std::optional<Due> due_;
    std::optional<Due> far_;                         // the first of those that were impossibly far ahead
    std::optional<base::SteadyTime> blocked_until_;  // by the budget
    std::optional<base::SteadyTime> store_until_;    // by the store
    int store_failures_ = 0;                         // in a row
    std::size_t in_flight_ = 0;
    std::size_t starting_ = 0;   // of those, before found()
    std::size_t found_row_ = 0;  // claims in a row that found a message
    std::uint64_t wakes_ = 0;
    bool stopped_ = false;
};

}  // namespace mailramp::delivery
