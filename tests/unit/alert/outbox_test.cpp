#include "alert/outbox.h"

#include <gtest/gtest.h>

#include "unit/alert/samples.h"

namespace mailramp::alert {
namespace {

using namespace std::chrono_literals;
using Again = Outbox::Again;

constexpr OutboxOptions options{
    .waiting_max = 3, .attempts_max = 4, .retry_delay = 10s, .retry_delay_max = 35s};

std::string begun(Outbox& outbox, base::Duration when) {
    const auto alert = outbox.begin(at(when).steady);
    return alert ? alert->condition.subject : std::string();
}

TEST(Outbox, GivesOneAfterTheOther) {
    Outbox outbox(options);
    EXPECT_EQ(begun(outbox, 0s), "");
    EXPECT_FALSE(outbox.next());
    outbox.push(problem("a"));
    outbox.push(problem("b"));
    ASSERT_TRUE(outbox.next());
    EXPECT_LE(*outbox.next(), at(0s).steady);
    EXPECT_EQ(begun(outbox, 0s), "a");
    EXPECT_EQ(begun(outbox, 0s), "");
    EXPECT_FALSE(outbox.next());
    outbox.taken();
    EXPECT_EQ(begun(outbox, 0s), "b");
    outbox.taken();
    EXPECT_EQ(outbox.waiting(), 0u);
    EXPECT_EQ(outbox.lost(), 0u);
}

TEST(Outbox, WaitsLongerAfterEachFailureUpToALimit) {
    Outbox outbox(options);
    outbox.push(problem("a"));
    base::Duration now = 0s;
    for (const base::Duration pause : {10s, 20s, 35s}) {
        ASSERT_EQ(begun(outbox, now), "a");
        outbox.failed(at(now).steady, Again::yes, 0s);
        EXPECT_EQ(outbox.next(), at(now + pause).steady);
        EXPECT_EQ(begun(outbox, now + pause - 1ms), "");
        now += pause;
    }
    EXPECT_EQ(begun(outbox, now), "a");
}

TEST(Outbox, GivesAnAlertUpAfterSoManyAttemptsAndKeepsThePause) {
    Outbox outbox(options);
    outbox.push(problem("a"));
    outbox.push(problem("b"));
    for (std::size_t attempt = 0; attempt < options.attempts_max; ++attempt) {
        ASSERT_EQ(begun(outbox, 1h * attempt), "a");
        outbox.failed(at(1h * attempt).steady, Again::yes, 0s);
    }
    EXPECT_EQ(outbox.lost(), 1u);
    EXPECT_EQ(begun(outbox, 3h), "");
    EXPECT_EQ(begun(outbox, 3h + 35s), "b");
    outbox.taken();
    outbox.push(problem("c"));
    EXPECT_EQ(begun(outbox, 3h + 35s), "c");
    outbox.failed(at(4h).steady, Again::yes, 0s);
    EXPECT_EQ(outbox.next(), at(4h + 10s).steady);
}

TEST(Outbox, TriesNothingAgainThatIsRefusedForGood) {
    Outbox outbox(options);
    outbox.push(problem("a"));
    EXPECT_EQ(begun(outbox, 0s), "a");
    outbox.failed(at(0s).steady, Again::no, 0s);
    EXPECT_EQ(outbox.waiting(), 0u);
    EXPECT_EQ(outbox.lost(), 1u);
}

TEST(Outbox, HonoursWhatTheTargetAsksForWithinTheLimit) {
    Outbox outbox(options);
    outbox.push(problem("a"));
    EXPECT_EQ(begun(outbox, 0s), "a");
    outbox.failed(at(0s).steady, Again::yes, 30s);
    EXPECT_EQ(outbox.next(), at(30s).steady);
    EXPECT_EQ(begun(outbox, 30s), "a");
    outbox.failed(at(30s).steady, Again::yes, 24h);
    EXPECT_EQ(outbox.next(), at(30s + 35s).steady);
}

TEST(Outbox, LosesTheOldestThatIsNotOnItsWayWhenItIsFull) {
    Outbox outbox(options);
    outbox.push(problem("a"));
    EXPECT_EQ(begun(outbox, 0s), "a");
    for (const char* subject : {"b", "c", "d"})
        outbox.push(problem(subject));
    EXPECT_EQ(outbox.waiting(), 3u);
    EXPECT_EQ(outbox.lost(), 1u);
    outbox.taken();
    EXPECT_EQ(begun(outbox, 0s), "c");
    outbox.taken();
    outbox.push(problem("e"));
    outbox.push(problem("f"));
    outbox.push(problem("g"));
    EXPECT_EQ(begun(outbox, 0s), "e");
    EXPECT_EQ(outbox.lost(), 2u);
}

}  // namespace
}  // namespace mailramp::alert
