#include "delivery/schedule.h"

#include <algorithm>

#include "delivery/retry_policy.h"

namespace mailramp::delivery {

Schedule::Schedule(const DeliveryOptions& options, const MailboxOptions& mailbox)
    : options_(options),
      pause_(options.pause),
      concurrency_(mailbox.budget.connections_max, options.pause.connection_regain) {}

Schedule::Next Schedule::next(base::SteadyTime now) const {
    if (stopped_ || !due_) return {};
    base::SteadyTime earliest = due_->at;
    if (blocked_until_) earliest = std::max(earliest, *blocked_until_);
    if (store_until_) earliest = std::max(earliest, *store_until_);
    if (earliest > now) return Next{.start = false, .at = earliest};

    const Pause::Leave leave = pause_.leave(now);
    if (!leave.granted) return Next{.start = false, .at = leave.ask_again};
    if (in_flight_ >= concurrency_.allowed(now))
        return Next{.start = false, .at = concurrency_.next_regain(now)};
    if (starting_ >= std::max<std::size_t>(found_row_, 1)) return {};
    return Next{.start = true, .at = std::nullopt};
}

Schedule::Attempt Schedule::begin() {
    ++in_flight_;
    ++starting_;
    return Attempt{.ticket = pause_.begin(), .wakes = wakes_};
}

void Schedule::refused(const Attempt& attempt, std::optional<base::SteadyTime> ask_again,
                       base::SteadyTime now) {
    abandon(attempt);
    // Without a word about when, a release of ours lifts the block; another node's is noticed after a lease.
    blocked_until_ = ask_again.value_or(now + options_.permit_lease);
}

void Schedule::store_failed(const Attempt& attempt, base::SteadyTime now) {
    abandon(attempt);
    const auto doublings = std::min(store_failures_++, 30);
    const base::Duration pause = options_.store_pause_min * (std::int64_t{1} << doublings);
    store_until_ = now + std::min(pause, options_.store_pause_max);
}

base::WallTime Schedule::claim_time(base::WallTime now) const {
    return due_ ? std::max(now, due_->claim_as) : now;
}

void Schedule::nothing_due(const Attempt& attempt, base::WallTime asked,
                           std::optional<base::WallTime> next_due, Moment now) {
    abandon(attempt);
    learn(attempt, asked, next_due, now);
}

void Schedule::found(const Attempt& attempt, std::optional<base::WallTime> next_due, Moment now) {
    --starting_;
    ++found_row_;
    learn(attempt, base::WallTime::min(), next_due, now);
}

// What became due while the claim was under way is not part of its answer.
void Schedule::learn(const Attempt& attempt, base::WallTime asked, std::optional<base::WallTime> next_due,
                     Moment now) {
    store_failures_ = 0;
    std::optional<Due> due;
    if (next_due) due = due_at(*next_due, asked, now);
    const bool woken = attempt.wakes != wakes_;
    if (!woken || (due && due_ && due->at < due_->at)) due_ = due;
}

Pause::Change Schedule::heard(const Attempt& attempt, const MailboxNews& news, Moment now, double chance) {
    if (news.kind == MailboxNews::Kind::crowded) concurrency_.lower(now.steady);
    return pause_.end(attempt.ticket, news, now, chance);
}

void Schedule::wake(base::SteadyTime now) {
    ++wakes_;
    due_ = Due{.at = now, .claim_as = base::WallTime{}};
}

void Schedule::put_off(base::WallTime due, Moment now) {
    ++wakes_;
    const Due put = due_at(due, base::WallTime::min(), now);
    if (!due_ || put.at < due_->at) due_ = put;
}

bool Schedule::resume(base::SteadyTime now) {
    blocked_until_.reset();
    store_until_.reset();
    wake(now);
    return pause_.resume();
}

// All waiting is done in steady time and never longer than a retry can be put off. A due time beyond that was
// written by a wall clock that has gone back since. The first such one waits for the longest that a retry can
// take; those after it keep their distance from it, so that a whole queue of them waits only once.
Schedule::Due Schedule::due_at(base::WallTime due, base::WallTime asked, Moment now) {
    const base::Duration horizon = retry_delay_horizon(options_.retry);
    Due result;
    if (due - now.wall > horizon) {
        const base::SteadyTime latest = now.steady + horizon;
        if (!far_ || due - far_->claim_as > horizon || far_->at + (due - far_->claim_as) > latest)
            far_ = Due{.at = latest, .claim_as = due};
        result = Due{.at = far_->at + (due - far_->claim_as), .claim_as = due};
    } else {
        const base::Duration wait = std::max(due - now.wall, base::Duration::zero());
        result = Due{.at = now.steady + wait, .claim_as = base::WallTime{}};
    }
    // The store has just said that nothing is due at this time; asking at once again would be a busy loop.
    if (due <= asked)
        result.at = std::max<base::SteadyTime>(result.at, now.steady + options_.store_pause_min);
    return result;
}

void Schedule::abandon(const Attempt& attempt) {
    pause_.withdraw(attempt.ticket);
    --in_flight_;
    --starting_;
    found_row_ = 0;
}

}  // namespace mailramp::delivery
