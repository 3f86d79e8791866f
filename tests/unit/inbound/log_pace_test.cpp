#include "inbound/log_pace.h"

#include <chrono>

#include <gtest/gtest.h>

namespace mailramp::inbound {
namespace {

using namespace std::chrono_literals;

TEST(LogPace, IsDueAtOnceAndThenOnceInAnIntervalWithWhatWasLeftOut) {
    LogPace pace(1min);
    const base::SteadyTime start{};
    EXPECT_EQ(pace.due(start), 0u);
    EXPECT_FALSE(pace.due(start));
    EXPECT_FALSE(pace.due(start + 59s));
    EXPECT_EQ(pace.due(start + 60s), 2u);
    EXPECT_FALSE(pace.due(start + 119s));
    EXPECT_EQ(pace.due(start + 1h), 1u);
    EXPECT_EQ(pace.due(start + 2h), 0u);
}

}  // namespace
}  // namespace mailramp::inbound
