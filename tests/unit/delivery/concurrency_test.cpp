#include "delivery/concurrency.h"

#include <chrono>

#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;

const base::SteadyTime t0{100h};

TEST(Concurrency, BeginsWithAllThatIsAllowed) {
    const Concurrency concurrency(3, 5min);
    EXPECT_EQ(concurrency.allowed(t0), 3U);
    EXPECT_FALSE(concurrency.next_regain(t0));
}

TEST(Concurrency, GivesOneUpAndGetsItBackLater) {
    Concurrency concurrency(3, 5min);
    concurrency.lower(t0);
    EXPECT_EQ(concurrency.allowed(t0), 2U);
    EXPECT_EQ(concurrency.next_regain(t0), t0 + 5min);
    EXPECT_EQ(concurrency.allowed(t0 + 5min - 1us), 2U);
    EXPECT_EQ(concurrency.allowed(t0 + 5min), 3U);
    EXPECT_FALSE(concurrency.next_regain(t0 + 5min));
}

TEST(Concurrency, GetsThemBackOneByOneAndLosesOneOfWhatItHas) {
    Concurrency concurrency(4, 5min);
    concurrency.lower(t0);
    concurrency.lower(t0);
    concurrency.lower(t0);
    EXPECT_EQ(concurrency.allowed(t0), 1U);
    EXPECT_EQ(concurrency.allowed(t0 + 11min), 3U);
    EXPECT_EQ(concurrency.next_regain(t0 + 11min), t0 + 15min);
    concurrency.lower(t0 + 11min);
    EXPECT_EQ(concurrency.allowed(t0 + 11min), 2U);
}

TEST(Concurrency, NeverFallsBelowOne) {
    Concurrency concurrency(2, 5min);
    for (int i = 0; i < 5; ++i)
        concurrency.lower(t0);
    EXPECT_EQ(concurrency.allowed(t0), 1U);
    EXPECT_EQ(Concurrency(0, 5min).allowed(t0), 1U);
}

}  // namespace
}  // namespace mailramp::delivery
