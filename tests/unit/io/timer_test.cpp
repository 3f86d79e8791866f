#include "mailramp/io/timer.h"

#include <gtest/gtest.h>

#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

using testing::Loop;
using namespace std::chrono_literals;

Task<bool> wait_for_it(Event& event, base::Duration timeout) {
    const base::SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    co_return co_await event.wait_until(deadline);
}

Task<bool> wait_twice(Event& event) {
    co_await event.wait();
    co_return co_await wait_for_it(event, 1ms);
}

Task<base::Duration> measure_sleep(base::Duration duration) {
    const auto start = std::chrono::steady_clock::now();
    co_await sleep_for(duration);
    co_return std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - start);
}

TEST(Event, RemembersANotificationThatCameBeforeTheWait) {
    Loop loop;
    Event event(loop.executor());
    event.notify();
    EXPECT_TRUE(loop.run(wait_for_it(event, testing::patient)));
}

TEST(Event, IsUsedUpByBeingSeen) {
    Loop loop;
    Event event(loop.executor());
    event.notify();
    EXPECT_FALSE(loop.run(wait_twice(event)));
}

TEST(Event, WakesAWaiterThatIsAlreadyThere) {
    Loop loop;
    Event event(loop.executor());
    EXPECT_TRUE(loop.run(wait_for_it(event, testing::patient), [&] { event.notify(); }));
}

TEST(Event, GivesUpAtItsDeadline) {
    Loop loop;
    Event event(loop.executor());
    EXPECT_FALSE(loop.run(wait_for_it(event, 1ms)));
}

TEST(Event, WorksAgainAfterADeadline) {
    Loop loop;
    Event event(loop.executor());
    EXPECT_FALSE(loop.run(wait_for_it(event, 1ms)));
    event.notify();
    EXPECT_TRUE(loop.run(wait_for_it(event, testing::patient)));
}

TEST(SleepFor, WaitsAtLeastAsLongAsAsked) {
    Loop loop;
    EXPECT_GE(loop.run(measure_sleep(3ms)), 3ms);
}

}  // namespace
}  // namespace mailramp::io
