#include "delivery/retry_policy.h"

#include <chrono>

#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

const RetryOptions options;
const base::SteadyTime t0{100h};
const base::WallTime w0{days(20'000)};

TEST(RetryPolicy, DoublesFromAMinuteToAnHour) {
    struct Case {
        int attempts;
        base::Duration delay;
    };
    for (const Case& c : {Case{1, 1min}, Case{2, 2min}, Case{3, 4min}, Case{6, 32min}, Case{7, 1h},
                          Case{8, 1h}, Case{100'000, 1h}})
        EXPECT_EQ(retry_delay(options, c.attempts, 0s, 0.5), c.delay) << c.attempts;
}

TEST(RetryPolicy, SpreadsADelayByAFifthBothWays) {
    EXPECT_EQ(retry_delay(options, 7, 0s, 0.0), 48min);
    EXPECT_GT(retry_delay(options, 7, 0s, 0.999), 71min);
    EXPECT_LT(retry_delay(options, 7, 0s, 0.999), 72min);
}

TEST(RetryPolicy, WaitsAtLeastAsLongAsTheServerAsks) {
    EXPECT_EQ(retry_delay(options, 1, 5min, 0.0), 5min);
    EXPECT_GE(retry_delay(options, 1, 5min, 0.9), 5min);
    EXPECT_EQ(retry_delay(options, 7, 1min, 0.5), 1h);
}

TEST(RetryPolicy, NeverWaitsLongerThanItsHorizonWhateverTheServerAsks) {
    for (const double chance : {0.0, 0.3, 0.999999})
        for (const int attempts : {0, 1, 5, 500})
            for (const base::Duration asked : {base::Duration(0s), base::Duration(days(3650))})
                EXPECT_LE(retry_delay(options, attempts, asked, chance), retry_delay_horizon(options));
}

TEST(RetryPolicy, ExpiresOnlyWhenOldAndTriedAndUp) {
    EXPECT_TRUE(has_expired(options, {.age = days(5), .attempts = 5, .uptime = 6h}));
    EXPECT_FALSE(has_expired(options, {.age = days(5) - 1us, .attempts = 5, .uptime = 6h}));
    EXPECT_FALSE(has_expired(options, {.age = days(5), .attempts = 4, .uptime = 6h}));
    EXPECT_FALSE(has_expired(options, {.age = days(5), .attempts = 5, .uptime = 6h - 1us}));
}

TEST(RetryPolicy, EndsWithTheAttemptsWhateverTheClockSays) {
    EXPECT_TRUE(has_expired(options, {.age = 0s, .attempts = 500, .uptime = 0s}));
    EXPECT_FALSE(has_expired(options, {.age = 0s, .attempts = 499, .uptime = 1000h}));
}

// ------------------------------------------------------------------ clocks that jump

TEST(WallJumps, MeasuresTimeThatPassed) {
    WallJumps jumps(options, {t0, w0});
    jumps.observe({t0 + 1h, w0 + 1h});
    EXPECT_EQ(jumps.since(w0, {t0 + 2h, w0 + 2h}), 2h);
}

TEST(WallJumps, LeavesAJumpAheadOutOfTheAgeOfWhatWasThereBefore) {
    WallJumps jumps(options, {t0, w0});
    jumps.observe({t0 + 1h, w0 + 1h + days(3650)});
    const Moment now{t0 + 2h, w0 + 2h + days(3650)};
    EXPECT_EQ(jumps.since(w0, now), 2h);
    EXPECT_EQ(jumps.since(w0 + 1h + days(3650), now), 1h);  // accepted after the jump
}

TEST(WallJumps, MakesNothingOlderThanNewWhenTheClockGoesBack) {
    WallJumps jumps(options, {t0, w0});
    jumps.observe({t0 + 1h, w0 + 1h - days(1)});
    EXPECT_EQ(jumps.since(w0, {t0 + 2h, w0 + 2h - days(1)}), 0s);
}

TEST(WallJumps, ForgivesADriftingClock) {
    WallJumps jumps(options, {t0, w0});
    jumps.observe({t0 + 1h, w0 + 1h + 59s});
    EXPECT_EQ(jumps.since(w0, {t0 + 1h, w0 + 1h + 59s}), 1h + 59s);
}

TEST(WallJumps, RemembersTheSumOfMoreJumpsThanItKeeps) {
    WallJumps jumps(options, {t0, w0});
    Moment now{t0, w0};
    for (int i = 0; i < 100; ++i) {
        now.steady += 1min;
        now.wall += 1min + days(1);
        jumps.observe(now);
    }
    EXPECT_EQ(jumps.since(w0, now), 100min);
}

}  // namespace
}  // namespace mailramp::delivery
