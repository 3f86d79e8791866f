#include "delivery/budget.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;

const base::SteadyTime t0{100h};
const base::WallTime w0{std::chrono::days(20'000)};
const BudgetLimits three_a_minute{.messages_max = 3, .window = 60s, .connections_max = 2};

// Takes a place that must be there.
std::uint64_t take(Budget& budget, base::SteadyTime now) {
    const std::optional<std::uint64_t> place = budget.take(now, now + 10min);
    EXPECT_TRUE(place.has_value());
    return place.value_or(0);
}

void submit(Budget& budget, base::SteadyTime begin, base::SteadyTime end) {
    budget.give_back(take(budget, begin), LeaseUse::used, end);
}

TEST(Budget, LetsASingleMessageGoAtOnce) {
    Budget budget(three_a_minute);
    EXPECT_EQ(budget.next_free(t0), t0);
    EXPECT_TRUE(budget.take(t0, t0 + 1min));
}

TEST(Budget, FreesAPlaceOneWindowAfterTheFinalReply) {
    Budget budget(three_a_minute);
    submit(budget, t0, t0 + 5s);
    submit(budget, t0 + 5s, t0 + 6s);
    submit(budget, t0 + 6s, t0 + 7s);
    EXPECT_FALSE(budget.take(t0 + 8s, t0 + 1h));
    EXPECT_EQ(budget.next_free(t0 + 8s), t0 + 65s);
    EXPECT_FALSE(budget.take(t0 + 65s - 1us, t0 + 1h));
    EXPECT_TRUE(budget.take(t0 + 65s, t0 + 1h));
}

TEST(Budget, KeepsThePlaceOfAMessageInFlightHoweverLongItTakes) {
    Budget budget(three_a_minute);
    const std::uint64_t slow = take(budget, t0);
    take(budget, t0);
    take(budget, t0);
    EXPECT_FALSE(budget.take(t0 + 5min, t0 + 1h));
    budget.give_back(slow, LeaseUse::used, t0 + 5min);
    EXPECT_FALSE(budget.take(t0 + 5min + 59s, t0 + 1h));
    EXPECT_TRUE(budget.take(t0 + 6min, t0 + 1h));
}

TEST(Budget, GivesAnUnusedPlaceBackAtOnce) {
    Budget budget(three_a_minute);
    const std::uint64_t unused = take(budget, t0);
    take(budget, t0);
    take(budget, t0);
    budget.give_back(unused, LeaseUse::unused, t0 + 1s);
    EXPECT_TRUE(budget.take(t0 + 1s, t0 + 1h));
}

TEST(Budget, CountsAPlaceWhoseLeaseRanOutAsUsedThen) {
    Budget budget(three_a_minute);
    const auto lost = budget.take(t0, t0 + 30s);
    take(budget, t0);
    take(budget, t0);
    EXPECT_EQ(budget.next_free(t0 + 10s), t0 + 90s);
    EXPECT_FALSE(budget.take(t0 + 89s, t0 + 1h));
    EXPECT_TRUE(budget.take(t0 + 90s, t0 + 1h));
    EXPECT_FALSE(budget.renew(*lost, t0 + 90s, t0 + 1h));
}

TEST(Budget, KeepsARenewedPlace) {
    Budget budget(three_a_minute);
    const auto place = budget.take(t0, t0 + 30s);
    EXPECT_TRUE(budget.renew(*place, t0 + 10s, t0 + 5min));
    EXPECT_EQ(budget.used(t0 + 4min), 1U);
    EXPECT_TRUE(budget.renew(*place, t0 + 4min, t0 + 5min));
}

TEST(Budget, WithoutALimitNeverRefuses) {
    Budget budget(BudgetLimits{.messages_max = 0, .window = 60s, .connections_max = 1});
    for (int i = 0; i < 1000; ++i)
        ASSERT_TRUE(budget.take(t0, t0 + 1h));
    EXPECT_EQ(budget.used(t0), 0U);
    EXPECT_EQ(budget.record({t0, w0}), "");
}

// The server counts a message at some instant between the begin of its submission and its final reply.
TEST(Budget, NeverLetsTheServerSeeOneTooManyInAnyWindow) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](int limit) {
            return static_cast<int>(random() % static_cast<unsigned>(limit));
        };
        const std::size_t max = 1 + static_cast<std::size_t>(below(30));
        Budget budget(BudgetLimits{.messages_max = max, .window = 60s, .connections_max = 4});
        struct Flying {
            std::uint64_t place;
            base::SteadyTime end;
        };
        std::vector<Flying> flying;
        std::vector<base::SteadyTime> seen;
        base::SteadyTime now = t0;
        const int haste = 1 + below(4000);
        for (int i = 0; i < 400; ++i) {
            now += std::chrono::milliseconds(below(haste));
            std::erase_if(flying, [&](const Flying& message) {
                if (message.end > now) return false;
                budget.give_back(message.place, LeaseUse::used, message.end);
                return true;
            });
            const auto place = budget.take(now, now + 1h);
            if (!place) continue;
            const auto latency = std::chrono::milliseconds(below(below(10) == 0 ? 90'000 : 2'000));
            flying.push_back({*place, now + latency});
            seen.push_back(now + std::chrono::milliseconds(below(static_cast<int>(latency.count()) + 1)));
        }
        std::ranges::sort(seen);
        for (std::size_t i = max; i < seen.size(); ++i)
            ASSERT_GE(seen[i] - seen[i - max], 60s) << "seed " << seed << ", message " << i;
        ASSERT_GT(seen.size(), max / 2) << "seed " << seed;
    }
}

TEST(Budget, UsesWhatIsAllowed) {
    Budget budget(BudgetLimits{.messages_max = 30, .window = 60s, .connections_max = 2});
    base::SteadyTime now = t0;
    int sent = 0;
    while (now < t0 + 10min) {
        now = std::max(now, budget.next_free(now).value());
        submit(budget, now, now + 300ms);
        now += 150ms;  // two connections
        ++sent;
    }
    EXPECT_GE(sent, 291);  // 97 % of 30 a minute
}

// ------------------------------------------------------------------ across a restart

TEST(Budget, RemembersItsWindowAcrossARestart) {
    Budget before(three_a_minute);
    submit(before, t0, t0);
    submit(before, t0 + 10s, t0 + 10s);
    submit(before, t0 + 20s, t0 + 20s);
    const std::string record = before.record({t0 + 30s, w0});

    Budget after(three_a_minute);
    const base::SteadyTime start{5s};  // a steady clock begins anywhere
    after.restore(record, {start, w0 + 10s});
    EXPECT_EQ(after.used(start), 3U);
    const auto free = after.next_free(start);
    ASSERT_TRUE(free);
    EXPECT_GE(*free, start + 20s);
    EXPECT_LE(*free, start + 20s + 2ms);
}

TEST(Budget, CountsWhatWasInFlightAtTheCrashFromTheRestartOn) {
    Budget before(three_a_minute);
    take(before, t0);
    Budget after(three_a_minute);
    after.restore(before.record({t0, w0}), {t0, w0 + 40s});
    EXPECT_EQ(after.used(t0 + 59s), 1U);
    EXPECT_EQ(after.used(t0 + 60s), 0U);
}

TEST(Budget, IsNotFooledByAWallClockThatWentBack) {
    Budget before(three_a_minute);
    submit(before, t0, t0);
    Budget after(three_a_minute);
    after.restore(before.record({t0 + 50s, w0}), {t0, w0 - std::chrono::days(365)});
    EXPECT_EQ(after.used(t0 + 9s), 1U);
    EXPECT_EQ(after.used(t0 + 10s), 0U);  // 50 of its 60 seconds had passed before the restart
}

TEST(Budget, ForgetsItsWindowAfterALongStop) {
    Budget before(three_a_minute);
    submit(before, t0, t0);
    Budget after(three_a_minute);
    after.restore(before.record({t0, w0}), {t0, w0 + std::chrono::days(365)});
    EXPECT_EQ(after.used(t0), 0U);
}

TEST(Budget, SkipsWordsOfALaterVersionInItsRecord) {
    Budget budget(three_a_minute);
    const auto at = std::chrono::floor<std::chrono::milliseconds>(w0.time_since_epoch()).count();
    budget.restore("v1 recipients:5,6,7 at:" + std::to_string(at) + " flying:1 ended:1000 more:x", {t0, w0});
    EXPECT_EQ(budget.used(t0), 2U);
}

TEST(Budget, IgnoresARecordThatItDoesNotUnderstand) {
    for (const std::string record :
         {"", "v2 at:1 ended:0,0", "v1", "v1 ended:", "v1 ended:,,,", "v1 at:x flying:x ended:x,y",
          "\xff\xfe", "v1 flying:-1", "v1 ended:18446744073709551615", "v1 at:18446744073709551615"}) {
        Budget budget(three_a_minute);
        budget.restore(record, {t0, w0});
        EXPECT_EQ(budget.used(t0), 0U) << record;
    }
}

TEST(Budget, TakesNoMorePlacesFromARecordThanThereAre) {
    std::string record = "v1 at:1 flying:999999999 ended:";
    for (int i = 0; i < 10'000; ++i)
        record += "0,";
    Budget budget(three_a_minute);
    budget.restore(record, {t0, base::WallTime(1ms)});
    EXPECT_LE(budget.used(t0), 6U);
    EXPECT_EQ(budget.used(t0 + 60s), 0U);
}

}  // namespace
}  // namespace mailramp::delivery
