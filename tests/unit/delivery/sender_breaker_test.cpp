#include "delivery/sender_breaker.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using Heard = SenderBreaker::Heard;

const base::SteadyTime start{std::chrono::hours(100)};

mail::Answer denied(std::string text = "SendAsDenied; a not allowed to send as b") {
    return {mail::Channel::smtp, mail::Phase::body_end, 554, "5.2.252", std::move(text)};
}

SenderBreaker breaker() {
    return SenderBreaker({.first_probe = 15min, .probe_max = 1h, .senders_max = 3});
}

TEST(SenderBreaker, StopsOnlyTheSenderThatWasRefused) {
    SenderBreaker senders = breaker();
    EXPECT_EQ(senders.stopped("root@db1", start), nullptr);
    EXPECT_TRUE(senders.refused("root@db1", denied(), start));
    ASSERT_NE(senders.stopped("root@db1", start + 14min), nullptr);
    EXPECT_EQ(senders.stopped("root@db1", start + 14min)->text, denied().text);
    EXPECT_EQ(senders.stopped("other@db1", start), nullptr);
}

TEST(SenderBreaker, LetsOneTryAfterAWhileAndWaitsLongerEachTime) {
    SenderBreaker senders = breaker();
    ASSERT_TRUE(senders.refused("a", denied(), start));
    base::SteadyTime now = start + 15min;
    EXPECT_EQ(senders.stopped("a", now), nullptr);
    EXPECT_NE(senders.stopped("a", now), nullptr);  // the others wait for what the first one hears
    EXPECT_FALSE(senders.refused("a", denied("again"), now));
    EXPECT_NE(senders.stopped("a", now + 29min), nullptr);
    EXPECT_EQ(senders.stopped("a", now + 30min), nullptr);
    EXPECT_FALSE(senders.refused("a", denied(), now + 30min));
    EXPECT_FALSE(senders.refused("a", denied(), now + 30min));
    EXPECT_NE(senders.stopped("a", now + 30min + 59min), nullptr);
    EXPECT_EQ(senders.stopped("a", now + 30min + 60min), nullptr);  // never longer than probe_max
}

TEST(SenderBreaker, ShowsTheFirstFewByName) {
    SenderBreaker senders = breaker();
    for (const char* sender : {"c", "a", "b"})
        ASSERT_TRUE(senders.refused(sender, denied(sender), start));
    const auto first = senders.first(2);
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].first, "a");
    EXPECT_EQ(first[0].second.text, denied("a").text);
    EXPECT_EQ(first[1].first, "b");
}

TEST(SenderBreaker, IsClosedByAMessageThatIsTaken) {
    SenderBreaker senders = breaker();
    ASSERT_TRUE(senders.refused("a", denied(), start));
    ASSERT_EQ(senders.stopped("a", start + 15min), nullptr);
    senders.heard("a", Heard::accepted, start + 15min);
    EXPECT_EQ(senders.stopped("a", start + 15min), nullptr);
    EXPECT_EQ(senders.stopped("a", start + 15min), nullptr);
    EXPECT_EQ(senders.size(), 0u);
}

TEST(SenderBreaker, LetsStrangersWaitWhenSeveralOthersWereRefused) {
    SenderBreaker senders(
        {.first_probe = 15min, .probe_max = 1h, .refused_senders_max = 2, .senders_max = 9});
    senders.heard("known", Heard::accepted, start);
    ASSERT_TRUE(senders.refused("a", denied(), start));
    EXPECT_EQ(senders.crowded("stranger", start), 0s);
    ASSERT_TRUE(senders.refused("b", denied(), start + 5min));
    ASSERT_TRUE(senders.refused("c", denied(), start + 6min));
    EXPECT_EQ(senders.crowded("stranger", start + 6min), 14min);  // then c alone is left
    EXPECT_EQ(senders.crowded("stranger", start + 20min), 0s);
    EXPECT_EQ(senders.crowded("known", start + 6min), 0s);
    EXPECT_EQ(senders.crowded("a", start + 6min), 0s) << "stopped() has judged it";
    senders.clear();
    EXPECT_EQ(senders.crowded("stranger", start + 6min), 0s);
}

TEST(SenderBreaker, KnowsASenderNoMoreAsGoodOnceItIsRefused) {
    SenderBreaker senders(
        {.first_probe = 15min, .probe_max = 1h, .refused_senders_max = 1, .senders_max = 2});
    for (const char* good : {"x", "y", "z"})
        senders.heard(good, Heard::accepted, start);
    ASSERT_TRUE(senders.refused("a", denied(), start));
    EXPECT_EQ(senders.crowded("z", start), 0s);
    EXPECT_EQ(senders.crowded("x", start), 15min) << "more than senders_max are not remembered";
    ASSERT_TRUE(senders.refused("z", denied(), start));
    senders.heard("a", Heard::accepted, start);
    EXPECT_EQ(senders.crowded("z", start), 0s) << "stopped() has judged it";
}

TEST(SenderBreaker, TriesAgainAtOnceAfterAProbeThatToldNothing) {
    SenderBreaker senders = breaker();
    ASSERT_TRUE(senders.refused("a", denied(), start));
    ASSERT_EQ(senders.stopped("a", start + 15min), nullptr);
    ASSERT_NE(senders.stopped("a", start + 16min), nullptr);
    senders.heard("a", Heard::nothing, start + 16min);
    EXPECT_EQ(senders.stopped("a", start + 16min), nullptr);
}

TEST(SenderBreaker, ForgetsTheOneLongestUnheardOf) {
    SenderBreaker senders = breaker();
    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE(senders.refused(std::to_string(i), denied(), start + i * 1s));
    EXPECT_EQ(senders.size(), 3u);
    EXPECT_EQ(senders.stopped("0", start + 5s), nullptr);
    EXPECT_NE(senders.stopped("1", start + 5s), nullptr);
}

TEST(SenderBreaker, IsClearedByAHuman) {
    SenderBreaker senders = breaker();
    ASSERT_TRUE(senders.refused("a", denied(), start));
    senders.clear();
    EXPECT_EQ(senders.stopped("a", start), nullptr);
}

}  // namespace
}  // namespace mailramp::delivery
