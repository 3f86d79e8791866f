#include "oauth/refresh_machine.h"

#include <chrono>

#include <gtest/gtest.h>

namespace mailramp::oauth {
namespace {

using namespace std::chrono_literals;
using M = RefreshMachine;

const base::SteadyTime t0{1000h};

constexpr TokenCacheOptions options{.refresh_margin = 10min,
                                    .use_margin = 2min,
                                    .refresh_jitter = 0.1,
                                    .forced_refresh_interval = 60s,
                                    .failure_pause_min = 1s,
                                    .failure_pause_max = 5min,
                                    .configuration_failure_pause = 1min,
                                    .configuration_failure_pause_max = 15min};

M::Fetched token(base::SteadyTime obtained, base::Duration life) {
    return {obtained, obtained + life, obtained + life};
}

// A machine that got a token of this life at t0.
M with_token(base::Duration life, double jitter = 0.0) {
    M machine(options, jitter);
    EXPECT_EQ(machine.step(M::Wanted{}, t0).fetch, M::Fetch::start);
    (void)machine.step(token(t0, life), t0);
    return machine;
}

TEST(RefreshMachine, FetchesOnceForAllWhoAsk) {
    M machine(options, 0);
    const auto first = machine.step(M::Wanted{}, t0);
    EXPECT_EQ(first.fetch, M::Fetch::start);
    EXPECT_EQ(first.reply, M::Reply::wait);
    for (int i = 0; i < 100; ++i) {
        const auto next = machine.step(M::Wanted{}, t0 + i * 1s);
        EXPECT_EQ(next.fetch, M::Fetch::no);
        EXPECT_EQ(next.reply, M::Reply::wait);
    }
    EXPECT_EQ(machine.step(M::Tick{}, t0).fetch, M::Fetch::no);
}

TEST(RefreshMachine, FetchesAtTheStartWithoutBeingAsked) {
    M machine(options, 0);
    const auto actions = machine.step(M::Tick{}, t0);
    EXPECT_EQ(actions.fetch, M::Fetch::start);
    EXPECT_EQ(actions.deadline, std::nullopt);
}

TEST(RefreshMachine, HandsOutALiveTokenWithoutFetching) {
    M machine = with_token(1h);
    const auto actions = machine.step(M::Wanted{}, t0 + 49min);
    EXPECT_EQ(actions.reply, M::Reply::token);
    EXPECT_EQ(actions.fetch, M::Fetch::no);
    EXPECT_EQ(actions.deadline, t0 + 50min);
}

TEST(RefreshMachine, RefreshesInTheBackgroundAtTheMarginWhileTheTokenIsInUse) {
    M machine = with_token(1h);
    EXPECT_EQ(machine.step(M::Tick{}, t0 + 50min - 1us).fetch, M::Fetch::no);
    EXPECT_EQ(machine.step(M::Tick{}, t0 + 50min).fetch, M::Fetch::start);
    const auto meanwhile = machine.step(M::Wanted{}, t0 + 51min);
    EXPECT_EQ(meanwhile.reply, M::Reply::token);
    EXPECT_EQ(meanwhile.fetch, M::Fetch::no);
    EXPECT_EQ(machine.step(token(t0 + 50min, 1h), t0 + 51min).deadline, t0 + 100min);
}

TEST(RefreshMachine, RefreshesOnDemandWhenNoKeeperRuns) {
    M machine = with_token(1h);
    const auto actions = machine.step(M::Wanted{}, t0 + 50min);
    EXPECT_EQ(actions.reply, M::Reply::token);
    EXPECT_EQ(actions.fetch, M::Fetch::start);
}

TEST(RefreshMachine, ObeysTheServersWishToRefreshEarlierButNeverLater) {
    M early(options, 0);
    (void)early.step(M::Tick{}, t0);
    EXPECT_EQ(early.step(M::Fetched{t0, t0 + 1h, t0 + 20min}, t0).deadline, t0 + 20min);
    M late(options, 0);
    (void)late.step(M::Tick{}, t0);
    EXPECT_EQ(late.step(M::Fetched{t0, t0 + 1h, t0 + 59min}, t0).deadline, t0 + 50min);
}

TEST(RefreshMachine, SpreadsRefreshesByItsJitter) {
    M machine(options, 0.5);
    (void)machine.step(M::Tick{}, t0);
    EXPECT_EQ(machine.step(token(t0, 1h), t0).deadline, t0 + 1h - 10min - 30s);
}

TEST(RefreshMachine, DoesNotHandOutATokenThatIsAboutToEnd) {
    M machine = with_token(1h);
    EXPECT_TRUE(machine.usable(t0 + 58min - 1us));
    EXPECT_FALSE(machine.usable(t0 + 58min));
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 58min).reply, M::Reply::wait);
}

TEST(RefreshMachine, MakesUseOfTokensWithAShortLife) {
    M machine = with_token(60s);
    EXPECT_TRUE(machine.usable(t0 + 44s));
    EXPECT_FALSE(machine.usable(t0 + 45s));
    EXPECT_EQ(machine.step(M::Tick{}, t0).deadline, t0 + 30s);
}

TEST(RefreshMachine, KeepsTheLiveTokenInUseWhileItsRefreshFails) {
    M machine = with_token(1h);
    base::SteadyTime now = t0 + 50min;
    int fetches = 0;
    while (now < t0 + 58min) {
        const auto tick = machine.step(M::Tick{}, now);
        if (tick.fetch == M::Fetch::start) {
            ++fetches;
            now = *machine.step(M::Failed{}, now).deadline;
        } else {
            now = *tick.deadline;
        }
        EXPECT_EQ(machine.step(M::Wanted{}, std::min(now, t0 + 58min) - 1us).reply, M::Reply::token);
    }
    EXPECT_EQ(fetches, 9);  // after 0, 1, 3, 7, 15, 31, 63, 127, 255 s
}

TEST(RefreshMachine, BacksOffDoublingToAMaximumAndStartsAnewAfterASuccess) {
    M machine(options, 0);
    base::SteadyTime now = t0;
    std::vector<base::Duration> pauses;
    for (int i = 0; i < 12; ++i) {
        EXPECT_EQ(machine.step(M::Tick{}, now).fetch, M::Fetch::start);
        const auto next = *machine.step(M::Failed{}, now).deadline;
        pauses.push_back(std::chrono::duration_cast<base::Duration>(next - now));
        EXPECT_EQ(machine.step(M::Tick{}, next - 1us).fetch, M::Fetch::no);
        now = next;
    }
    const std::vector<base::Duration> expected{1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s, 300s};
    EXPECT_EQ(pauses, expected);
    (void)machine.step(M::Tick{}, now);
    (void)machine.step(token(now, 1h), now);
    now += 50min;
    EXPECT_EQ(machine.step(M::Tick{}, now).fetch, M::Fetch::start);
    EXPECT_EQ(machine.step(M::Failed{}, now).deadline, now + 1s);
}

TEST(RefreshMachine, SpreadsItsPausesByItsJitter) {
    M machine(options, 0.5);
    (void)machine.step(M::Tick{}, t0);
    EXPECT_EQ(machine.step(M::Failed{}, t0).deadline, t0 + 1050ms);
}

TEST(RefreshMachine, WaitsAsLongAsTheServerAsksFor) {
    M machine(options, 0);
    (void)machine.step(M::Wanted{}, t0);
    EXPECT_EQ(machine.step(M::Failed{TokenFailureClass::transient, 10min}, t0).deadline, t0 + 10min);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 10min - 1us).reply, M::Reply::failure);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 10min).fetch, M::Fetch::start);
}

TEST(RefreshMachine, NeverWaitsLessThanItsOwnPause) {
    M machine(options, 0);
    for (int i = 0; i < 5; ++i) {
        (void)machine.step(M::Wanted{}, t0 + i * 1h);
        (void)machine.step(M::Failed{TokenFailureClass::transient, 1s}, t0 + i * 1h);
    }
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 4h + 15s).reply, M::Reply::failure);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 4h + 16s).fetch, M::Fetch::start);
}

TEST(RefreshMachine, AnswersAConfigurationFailureFromMemoryForAMinute) {
    M machine(options, 0);
    (void)machine.step(M::Wanted{}, t0);
    (void)machine.step(M::Failed{TokenFailureClass::configuration, {}}, t0);
    for (const auto after : {0s, 30s, 59s}) {
        const auto actions = machine.step(M::Wanted{}, t0 + after);
        EXPECT_EQ(actions.reply, M::Reply::failure);
        EXPECT_EQ(actions.fetch, M::Fetch::no);
    }
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 60s).fetch, M::Fetch::start);
}

TEST(RefreshMachine, AsksEverMoreRarelyInTheBackgroundUntilAMisconfigurationIsRepaired) {
    M machine(options, 0);
    base::SteadyTime now = t0;
    std::vector<base::Duration> pauses;
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(machine.step(M::Tick{}, now).fetch, M::Fetch::start);
        const auto next = *machine.step(M::Failed{TokenFailureClass::configuration, {}}, now).deadline;
        pauses.push_back(std::chrono::duration_cast<base::Duration>(next - now));
        now = next;
    }
    const std::vector<base::Duration> expected{1min, 2min, 4min, 8min, 15min, 15min};
    EXPECT_EQ(pauses, expected);
    // Somebody who asks is let through after the first minute all the same.
    (void)machine.step(M::Tick{}, now);
    (void)machine.step(M::Failed{TokenFailureClass::configuration, {}}, now);
    EXPECT_EQ(machine.step(M::Wanted{}, now + 59s).reply, M::Reply::failure);
    EXPECT_EQ(machine.step(M::Wanted{}, now + 60s).fetch, M::Fetch::start);
}

TEST(RefreshMachine, FetchesAnotherTokenWhenTheServerRefusesThisOne) {
    M machine = with_token(1h);
    const auto refused = machine.step(M::Refused{}, t0 + 5min);
    EXPECT_EQ(refused.fetch, M::Fetch::start);
    EXPECT_EQ(refused.reply, M::Reply::wait);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 5min).reply, M::Reply::wait);
    (void)machine.step(token(t0 + 5min, 1h), t0 + 5min);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 5min).reply, M::Reply::token);
}

TEST(RefreshMachine, ForcesARefreshAtMostOnceAMinute) {
    M machine = with_token(1h);
    (void)machine.step(M::Refused{}, t0);
    (void)machine.step(token(t0, 1h), t0);
    const auto again = machine.step(M::Refused{}, t0 + 60s - 1us);
    EXPECT_EQ(again.fetch, M::Fetch::no);
    EXPECT_EQ(again.reply, M::Reply::token);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 60s - 1us).reply, M::Reply::token);
    EXPECT_EQ(machine.step(M::Refused{}, t0 + 60s).fetch, M::Fetch::start);
}

TEST(RefreshMachine, FetchesOnceWhenSeveralMailboxesReportTheSameRefusal) {
    M machine = with_token(1h);
    EXPECT_EQ(machine.step(M::Refused{}, t0).fetch, M::Fetch::start);
    const auto second = machine.step(M::Refused{}, t0 + 1s);
    EXPECT_EQ(second.fetch, M::Fetch::no);
    EXPECT_EQ(second.reply, M::Reply::wait);
}

TEST(RefreshMachine, TakesARefreshUnderWayForTheForcedOne) {
    M machine = with_token(1h);
    EXPECT_EQ(machine.step(M::Tick{}, t0 + 50min).fetch, M::Fetch::start);
    const auto refused = machine.step(M::Refused{}, t0 + 50min);
    EXPECT_EQ(refused.fetch, M::Fetch::no);
    EXPECT_EQ(refused.reply, M::Reply::wait);
    EXPECT_EQ(machine.step(M::Wanted{}, t0 + 50min).reply, M::Reply::wait);
}

TEST(RefreshMachine, FallsBackOnTheRefusedTokenWhenTheForcedRefreshFails) {
    M machine = with_token(1h);
    (void)machine.step(M::Refused{}, t0);
    (void)machine.step(M::Failed{}, t0);
    EXPECT_EQ(machine.step(M::Wanted{}, t0).reply, M::Reply::token);
}

TEST(RefreshMachine, DoesNotForceARefreshWhileTheServerWantsToBeLeftAlone) {
    M machine = with_token(1h);
    (void)machine.step(M::Tick{}, t0 + 50min);
    (void)machine.step(M::Failed{TokenFailureClass::transient, 5min}, t0 + 50min);
    EXPECT_EQ(machine.step(M::Refused{}, t0 + 52min).fetch, M::Fetch::no);
    EXPECT_EQ(machine.step(M::Refused{}, t0 + 55min).fetch, M::Fetch::start);
}

TEST(RefreshMachine, DoesNotSpinWhenAFetchIsCancelled) {
    M machine(options, 0);
    (void)machine.step(M::Tick{}, t0);
    EXPECT_EQ(machine.step(M::Failed{TokenFailureClass::cancelled, {}}, t0).deadline, t0 + 1s);
}

}  // namespace
}  // namespace mailramp::oauth
