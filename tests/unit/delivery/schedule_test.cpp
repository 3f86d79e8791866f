#include "delivery/schedule.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "delivery/retry_policy.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;

Moment at(base::Duration since_start, base::Duration wall_ahead = 0s) {
    return {base::SteadyTime(100h) + since_start,
            base::WallTime(std::chrono::days(20'000)) + since_start + wall_ahead};
}

class ScheduleOf : public ::testing::Test {
  protected:
    static MailboxOptions connections(std::size_t count) {
        MailboxOptions mailbox;
        mailbox.budget.connections_max = count;
        return mailbox;
    }
    static MailboxNews delivered() {
        MailboxNews news;
        news.kind = MailboxNews::Kind::works;
        news.reached = mail::Phase::quit;
        return news;
    }
    bool starts(base::Duration when) { return schedule.next(at(when).steady).start; }
    std::optional<base::SteadyTime> later(base::Duration when) { return schedule.next(at(when).steady).at; }

    DeliveryOptions options;
    Schedule schedule{options, connections(4)};
};

TEST_F(ScheduleOf, AnIdleMailboxWaitsForNothing) {
    EXPECT_FALSE(starts(0s));
    EXPECT_FALSE(later(0s));
}

TEST_F(ScheduleOf, NewMailStartsAtOnce) {
    schedule.wake(at(0s).steady);
    EXPECT_TRUE(starts(0s));
}

TEST_F(ScheduleOf, OneMessageMakesOneWorkerAskTheStore) {
    schedule.wake(at(0s).steady);
    const Schedule::Attempt attempt = schedule.begin();
    EXPECT_FALSE(starts(0s));  // one claim at a time until it is known that there is more
    schedule.found(attempt, std::nullopt, at(0s));
    EXPECT_FALSE(starts(0s));
    EXPECT_FALSE(later(0s));
}

TEST_F(ScheduleOf, ABacklogIsTakenUpByMoreAndMoreWorkersUpToTheConnections) {
    schedule.wake(at(0s).steady);
    std::size_t begun = 0;
    while (starts(0s)) {
        const Schedule::Attempt attempt = schedule.begin();
        schedule.found(attempt, at(0s).wall, at(0s));
        ASSERT_LE(++begun, 4U);
    }
    EXPECT_EQ(begun, 4U);
    schedule.ended();
    EXPECT_TRUE(starts(0s));
}

TEST_F(ScheduleOf, WhatIsDueLaterIsAskedForThen) {
    schedule.wake(at(0s).steady);
    const Schedule::Attempt attempt = schedule.begin();
    schedule.nothing_due(attempt, at(0s).wall, at(10min).wall, at(0s));
    EXPECT_EQ(later(0s), at(10min).steady);
    EXPECT_FALSE(starts(10min - 1us));
    EXPECT_TRUE(starts(10min));
}

TEST_F(ScheduleOf, NewMailDuringAClaimIsNotForgotten) {
    schedule.wake(at(0s).steady);
    const Schedule::Attempt attempt = schedule.begin();
    schedule.wake(at(0s).steady);
    schedule.nothing_due(attempt, at(0s).wall, std::nullopt, at(0s));
    EXPECT_TRUE(starts(0s));
}

TEST_F(ScheduleOf, ARetryPutOffDuringAClaimIsNotForgotten) {
    schedule.wake(at(0s).steady);
    const Schedule::Attempt first = schedule.begin();
    schedule.found(first, at(0s).wall, at(0s));
    const Schedule::Attempt second = schedule.begin();
    schedule.put_off(at(5min).wall, at(0s));
    schedule.nothing_due(second, at(0s).wall, std::nullopt, at(0s));
    schedule.ended();
    EXPECT_TRUE(starts(0s));  // once more, to be sure
    const Schedule::Attempt third = schedule.begin();
    schedule.nothing_due(third, at(0s).wall, at(5min).wall, at(0s));
    EXPECT_EQ(later(0s), at(5min).steady);
}

TEST_F(ScheduleOf, AStoreThatContradictsItselfIsNotAskedWithoutEnd) {
    schedule.wake(at(0s).steady);
    const Schedule::Attempt attempt = schedule.begin();
    schedule.nothing_due(attempt, at(0s).wall, at(0s).wall - 1h, at(0s));
    EXPECT_EQ(later(0s), at(options.store_pause_min).steady);
}

TEST_F(ScheduleOf, AFailingStoreIsAskedLessAndLess) {
    schedule.wake(at(0s).steady);
    base::Duration when = 0s;
    for (const base::Duration pause :
         {200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 15000ms, 15000ms}) {
        ASSERT_TRUE(starts(when));
        schedule.store_failed(schedule.begin(), at(when).steady);
        EXPECT_EQ(later(when), at(when + pause).steady);
        when += pause;
    }
    schedule.nothing_due(schedule.begin(), at(when).wall, at(when + 1s).wall, at(when));
    schedule.store_failed(schedule.begin(), at(when + 1s).steady);
    EXPECT_EQ(later(when + 1s), at(when + 1s + 200ms).steady);
}

TEST_F(ScheduleOf, ABlockOfTheBudgetEndsWithItsTimeOrWithARelease) {
    schedule.wake(at(0s).steady);
    schedule.refused(schedule.begin(), at(20s).steady, at(0s).steady);
    EXPECT_EQ(later(0s), at(20s).steady);
    schedule.wake(at(1s).steady);
    EXPECT_FALSE(starts(1s));
    schedule.budget_changed();
    EXPECT_TRUE(starts(1s));
    schedule.refused(schedule.begin(), std::nullopt, at(1s).steady);
    EXPECT_EQ(later(1s), at(1s + options.permit_lease).steady);
}

TEST_F(ScheduleOf, TooManyConnectionsTakesOneAwayForATime) {
    schedule.wake(at(0s).steady);
    const Schedule::Attempt attempt = schedule.begin();
    schedule.found(attempt, at(0s).wall, at(0s));
    MailboxNews crowded;
    crowded.kind = MailboxNews::Kind::crowded;
    EXPECT_EQ(schedule.heard(attempt, crowded, at(0s), 0.5), Pause::Change::none);
    EXPECT_EQ(schedule.concurrency(at(0s).steady), 3U);
    EXPECT_EQ(schedule.concurrency(at(5min).steady), 4U);
}

TEST_F(ScheduleOf, AStoppedMailboxBeginsNothing) {
    schedule.wake(at(0s).steady);
    schedule.stop();
    EXPECT_FALSE(starts(0s));
    EXPECT_FALSE(later(0s));
}

// ------------------------------------------------------------------ wall clocks that jump

TEST_F(ScheduleOf, ADueTimeThatNoRetryCanHaveIsClaimedAfterTheLongestRetry) {
    const base::Duration horizon = retry_delay_horizon(options.retry);
    const base::WallTime far = at(0s).wall + std::chrono::days(1);  // the clock went back a day
    schedule.wake(at(0s).steady);
    schedule.nothing_due(schedule.begin(), at(0s).wall, far, at(0s));
    EXPECT_EQ(later(0s), at(horizon).steady);
    ASSERT_TRUE(starts(horizon));
    EXPECT_EQ(schedule.claim_time(at(horizon).wall), far);
}

TEST_F(ScheduleOf, NewMailDoesNotStartThatWaitAgain) {
    const base::Duration horizon = retry_delay_horizon(options.retry);
    const base::WallTime far = at(0s).wall + std::chrono::days(1);
    for (base::Duration when = 0s; when < horizon; when += 5min) {
        schedule.wake(at(when).steady);
        const Schedule::Attempt attempt = schedule.begin();
        EXPECT_EQ(schedule.claim_time(at(when).wall), at(when).wall);
        schedule.found(attempt, far, at(when));
        EXPECT_EQ(schedule.heard(attempt, delivered(), at(when), 0.5), Pause::Change::none);
        schedule.ended();
        EXPECT_EQ(later(when), at(horizon).steady);
    }
    EXPECT_TRUE(starts(horizon));
}

TEST_F(ScheduleOf, AWholeQueueOfSuchDueTimesWaitsOnlyOnce) {
    const base::Duration horizon = retry_delay_horizon(options.retry);
    const base::WallTime far = at(0s).wall + std::chrono::days(1);
    schedule.wake(at(0s).steady);
    schedule.nothing_due(schedule.begin(), at(0s).wall, far, at(0s));
    const Schedule::Attempt first = schedule.begin();
    schedule.found(first, far + 2s, at(horizon));
    EXPECT_EQ(later(horizon), at(horizon + 2s).steady);
    const Schedule::Attempt second = schedule.begin();
    schedule.found(second, far + 2s - 10min, at(horizon + 2s));  // one that is older still
    EXPECT_TRUE(starts(horizon + 2s));
    const Schedule::Attempt third = schedule.begin();
    schedule.found(third, far + std::chrono::days(30), at(horizon + 2s));  // of another jump
    EXPECT_EQ(later(horizon + 2s), at(horizon + 2s + horizon).steady);
}

TEST_F(ScheduleOf, AWaitIsNotShortenedByAClockThatGoesBackALittle) {
    schedule.put_off(at(10min).wall, at(0s));
    EXPECT_EQ(later(0s), at(10min).steady);
    ASSERT_TRUE(starts(10min));
    // The clock went back five minutes meanwhile: not due yet.
    const Schedule::Attempt attempt = schedule.begin();
    schedule.nothing_due(attempt, at(10min, -5min).wall, at(10min).wall, at(10min, -5min));
    EXPECT_EQ(later(10min), at(15min).steady);
}

}  // namespace
}  // namespace mailramp::delivery
