#include "alert/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/alert/samples.h"

namespace mailramp::alert {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// "+a" for a problem with subject a, "-a" for its end.
std::vector<std::string> told(Monitor& monitor, const std::vector<Condition>& wrong, base::Duration when) {
    std::vector<std::string> words;
    for (const Alert& alert : monitor.observe(wrong, at(when)))
        words.push_back((alert.kind == Alert::Kind::resolved ? "-" : "+") + alert.condition.subject);
    return words;
}

Condition of_level(const std::string& subject, int level, Reminders reminders = Reminders::yes) {
    Condition condition = paused(subject);
    condition.level = level;
    condition.reminders = reminders;
    return condition;
}

Condition patient(const std::string& subject, base::Duration delay) {
    Condition condition = paused(subject);
    condition.delay = delay;
    return condition;
}

TEST(Monitor, TellsOnceAndOnceMoreWhenItIsOver) {
    Monitor monitor({});
    EXPECT_THAT(told(monitor, {}, 0s), IsEmpty());
    EXPECT_THAT(told(monitor, {paused("a")}, 1s), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {paused("a")}, 2s), IsEmpty());
    EXPECT_THAT(told(monitor, {}, 3s), ElementsAre("-a"));
    EXPECT_THAT(told(monitor, {}, 4s), IsEmpty());
    EXPECT_THAT(told(monitor, {paused("a")}, 5s), ElementsAre("+a"));
}

TEST(Monitor, KnowsTroubleByEventAndSubject) {
    Monitor monitor({});
    Condition token = paused("a");
    token.event = Event::token_failing;
    EXPECT_THAT(told(monitor, {paused("a"), paused("b"), token}, 0s), ElementsAre("+a", "+b", "+a"));
    EXPECT_THAT(told(monitor, {paused("b")}, 1s), ElementsAre("-a", "-a"));
}

TEST(Monitor, SaysSinceWhenAndHowOftenItWasTold) {
    Monitor monitor({.repeat_interval = 1h});
    Alert first = monitor.observe({paused("a")}, at(10s)).at(0);
    EXPECT_EQ(first.time, wall_start + 10s);
    EXPECT_EQ(first.since, wall_start + 10s);
    EXPECT_EQ(first.repeats, 0u);
    EXPECT_THAT(monitor.observe({paused("a")}, at(1h + 9s)), IsEmpty());
    const Alert again = monitor.observe({paused("a")}, at(1h + 10s)).at(0);
    EXPECT_EQ(again.repeats, 1u);
    EXPECT_EQ(again.since, wall_start + 10s);
    EXPECT_THAT(monitor.observe({paused("a")}, at(2h + 9s)), IsEmpty());
    const Alert over = monitor.observe({}, at(3h)).at(0);
    EXPECT_EQ(over.kind, Alert::Kind::resolved);
    EXPECT_EQ(over.repeats, 1u);
    EXPECT_EQ(over.since, wall_start + 10s);
}

TEST(Monitor, RemindsOnlyOfWhatWantsReminders) {
    Monitor monitor({.repeat_interval = 1h});
    const Condition once = of_level("a", 1, Reminders::no);
    EXPECT_THAT(told(monitor, {once}, 0s), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {once}, 1000h), IsEmpty());
}

TEST(Monitor, TellsAtOnceWhenItBecomesWorseAndNotWhenItBecomesBetter) {
    Monitor monitor({});
    EXPECT_THAT(told(monitor, {of_level("a", 1)}, 0s), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {of_level("a", 2)}, 1s), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {of_level("a", 1)}, 2s), IsEmpty());
    EXPECT_THAT(told(monitor, {of_level("a", 2)}, 3s), IsEmpty());
    EXPECT_THAT(told(monitor, {of_level("a", 3)}, 4s), ElementsAre("+a"));
}

TEST(Monitor, GivesTimeToWhatMayPassByItself) {
    Monitor monitor({});
    EXPECT_THAT(told(monitor, {patient("a", 5min)}, 0s), IsEmpty());
    EXPECT_THAT(told(monitor, {}, 4min), IsEmpty());
    EXPECT_THAT(told(monitor, {patient("a", 5min)}, 5min), IsEmpty());
    EXPECT_THAT(told(monitor, {patient("a", 5min)}, 10min - 1s), IsEmpty());
    EXPECT_THAT(told(monitor, {patient("a", 5min)}, 10min), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {patient("b", 5min), patient("a", 5min)}, 11min), IsEmpty());
    // It turned out to be nothing that passes.
    EXPECT_THAT(told(monitor, {paused("b"), patient("a", 5min)}, 12min), ElementsAre("+b"));
}

TEST(Monitor, TellsNoMoreInAnHourThanIsAllowedAndTheRestAfterwards) {
    Monitor monitor({.per_hour_max = 2});
    const std::vector<Condition> three{paused("a"), paused("b"), paused("c")};
    EXPECT_THAT(told(monitor, three, 0s), ElementsAre("+a", "+b"));
    EXPECT_TRUE(monitor.limited());
    EXPECT_THAT(told(monitor, three, 1h - 1s), IsEmpty());
    EXPECT_THAT(told(monitor, three, 1h), ElementsAre("+c"));
    EXPECT_FALSE(monitor.limited());
}

TEST(Monitor, CountsWhatCameAndWentWhileItWaited) {
    Monitor monitor({.per_hour_max = 1});
    EXPECT_THAT(told(monitor, {paused("a")}, 0s), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {paused("a"), paused("b")}, 1s), IsEmpty());
    EXPECT_THAT(told(monitor, {paused("a")}, 2s), IsEmpty());  // b was never told
    EXPECT_THAT(told(monitor, {}, 3s), IsEmpty());
    EXPECT_THAT(told(monitor, {paused("a")}, 4s), IsEmpty());  // nor that a had ended
    EXPECT_THAT(told(monitor, {paused("a")}, 2h), IsEmpty());
    const std::vector<Alert> next = monitor.observe({}, at(3h));
    ASSERT_EQ(next.size(), 1u);
    EXPECT_EQ(next[0].suppressed, 2u);
    EXPECT_EQ(monitor.observe({paused("c")}, at(5h)).at(0).suppressed, 0u);
}

TEST(Monitor, DoesNotCountWhatWasNotDueYet) {
    Monitor monitor({.per_hour_max = 1});
    EXPECT_THAT(told(monitor, {paused("a")}, 0s), ElementsAre("+a"));
    EXPECT_THAT(told(monitor, {paused("a"), paused("b"), patient("c", 5min)}, 1s), IsEmpty());
    EXPECT_THAT(told(monitor, {paused("a"), paused("b")}, 2s), IsEmpty());
    EXPECT_EQ(monitor.observe({paused("a"), paused("b")}, at(1h)).at(0).suppressed, 0u);
}

TEST(Monitor, TellsWhatIsNewBeforeWhatIsOverAndThatBeforeReminders) {
    Monitor monitor({.repeat_interval = 2h, .per_hour_max = 3});
    EXPECT_THAT(told(monitor, {of_level("a", 1), paused("b"), of_level("c", 1)}, 0s),
                ElementsAre("+a", "+b", "+c"));
    EXPECT_THAT(told(monitor, {of_level("a", 1), of_level("c", 2), paused("d")}, 2h),
                ElementsAre("+d", "+c", "-b"));
    EXPECT_THAT(told(monitor, {of_level("a", 1), of_level("c", 2), paused("d")}, 3h), ElementsAre("+a"));
}

TEST(Monitor, KnowsABoundedNumberOfConditions) {
    Monitor monitor({.conditions_max = 2});
    EXPECT_THAT(told(monitor, {paused("a"), paused("b"), paused("c")}, 0s), ElementsAre("+a", "+b"));
    EXPECT_THAT(told(monitor, {paused("c"), paused("b")}, 1s), ElementsAre("-a"));
    EXPECT_THAT(told(monitor, {paused("c"), paused("b")}, 2s), ElementsAre("+c"));
}

}  // namespace
}  // namespace mailramp::alert
