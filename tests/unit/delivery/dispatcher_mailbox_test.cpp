// What the dispatcher does with a mailbox as a whole: pauses, rests, connections and budgets.
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/delivery/dispatcher.h"
#include "unit/delivery/world.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using queue::RecipientState;
using testing::answer;
using testing::delivers;
using testing::login_refused;
using testing::mailbox;
using testing::no_connection;
using testing::says;
using testing::ScriptedCourier;
using testing::started;

// ------------------------------------------------------------------ pauses (invariant 4)

TEST(DispatcherOfAMailbox, ARefusedLoginPausesTheMailboxAndNeverFailsCountsOrAgesAMessage) {
    const auto world = started({mailbox("m")});
    bool fixed = false;
    world->courier.script = [&](const Submission& submission) {
        return fixed ? delivers(submission) : says(submission, Fate::refused, login_refused());
    };
    for (int i = 0; i < 50; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(30));
    EXPECT_EQ(world->store.count(RecipientState::queued), 50U);
    for (const testing::FakeRow& row : world->store.rows())
        EXPECT_EQ(row.attempts, 0);
    EXPECT_EQ(world->logged("mailbox_paused"), 1U);  // one alert
    EXPECT_EQ(world->logged("deferred"), 0U);
    EXPECT_EQ(world->logged("held"), 0U);

    fixed = true;
    world->run_for(20min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 50U);
    EXPECT_EQ(world->logged("mailbox_resumed"), 1U);
    EXPECT_EQ(world->dispatcher->counters().paused, 1U);
    EXPECT_EQ(world->dispatcher->counters().resumed, 1U);
    EXPECT_FALSE(world->store.record("m").paused);
}

TEST(DispatcherOfAMailbox, APauseDoesNotAgeWhatIsRefusedForItselfAfterwards) {
    const auto world = started({mailbox("m")});
    bool fixed = false;
    world->courier.script = [&](const Submission& submission) {
        return says(submission, Fate::refused,
                    fixed ? answer(mail::Phase::rcpt, 450, "4.2.2", "over quota") : login_refused());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(30));
    fixed = true;
    world->run_for(std::chrono::days(4));
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    world->run_for(std::chrono::days(2));
    EXPECT_EQ(world->store.count(RecipientState::held), 1U);
}

TEST(DispatcherOfAMailbox, ProbesAfterOneFiveFifteenMinutesWithOneMessageAtATime) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, login_refused());
    };
    for (int i = 0; i < 10; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(52min);
    // Two connections learned of it at the start, then one probe at a time.
    std::vector<base::SteadyTime> began;
    for (const ScriptedCourier::Seen& seen : world->courier.seen)
        began.push_back(seen.began);
    ASSERT_EQ(began.size(), 2U + 5U);
    EXPECT_EQ(std::chrono::round<std::chrono::minutes>(began[2] - began[0]), 1min);
    EXPECT_EQ(std::chrono::round<std::chrono::minutes>(began[3] - began[2]), 5min);
    EXPECT_EQ(std::chrono::round<std::chrono::minutes>(began[4] - began[3]), 15min);
    EXPECT_EQ(std::chrono::round<std::chrono::minutes>(began[5] - began[4]), 15min);
    EXPECT_EQ(std::chrono::round<std::chrono::minutes>(began[6] - began[5]), 15min);
}

TEST(DispatcherOfAMailbox, ProbesWithAnotherMessageEachTime) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, login_refused());
    };
    for (int i = 0; i < 10; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(52min);
    std::map<std::string, int> tried;
    for (const ScriptedCourier::Seen& seen : world->courier.seen)
        ++tried[seen.queue_id];
    for (const auto& [id, times] : tried)
        EXPECT_EQ(times, 1) << id;
}

TEST(DispatcherOfAMailbox, APausedMailboxSaysWhyAndWhatToDo) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(
            submission, Fate::refused,
            answer(mail::Phase::auth, 535, "5.7.139",
                   "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."));
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(30s);
    const MailboxStatus status = world->status("m");
    EXPECT_TRUE(status.paused);
    EXPECT_EQ(status.pause_answer.code, 535);
    EXPECT_THAT(status.cause, ::testing::HasSubstr("SMTP AUTH is switched off"));
    EXPECT_THAT(status.remedy, ::testing::HasSubstr("-Identity m@example.com"));
    ASSERT_TRUE(status.next_probe && status.paused_since);
    EXPECT_EQ(*status.next_probe - *status.paused_since, 1min);
    EXPECT_EQ(world->last("mailbox_paused", "remedy"), status.remedy);
    EXPECT_TRUE(world->store.record("m").paused);
    EXPECT_EQ(world->store.record("m").pause_remedy, status.remedy);
}

TEST(DispatcherOfAMailbox, StaysPausedAcrossARestart) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, login_refused());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(2min);
    const std::size_t tried = world->courier.seen.size();
    EXPECT_EQ(tried, 2U);
    world->kill();
    world->start();
    world->run_for(3min);
    EXPECT_TRUE(world->status("m").paused);
    EXPECT_EQ(world->courier.seen.size(), tried);  // the third is due six minutes after the first
    world->run_for(2min);
    EXPECT_EQ(world->courier.seen.size(), tried + 1);
}

TEST(DispatcherOfAMailbox, ResumesAtOnceByAnOperatorsWord) {
    const auto world = started({mailbox("m")});
    bool fixed = false;
    world->courier.script = [&](const Submission& submission) {
        return fixed ? delivers(submission) : says(submission, Fate::refused, login_refused());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(10min);
    fixed = true;
    EXPECT_TRUE(world->dispatcher->resume("m"));
    EXPECT_FALSE(world->dispatcher->resume("nobody"));
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_FALSE(world->status("m").paused);
    EXPECT_FALSE(world->store.record("m").paused);
    EXPECT_EQ(world->logged("mailbox_resumed"), 1U);
}

TEST(DispatcherOfAMailbox, StandsStillByAnOperatorsWordUntilAnother) {
    const auto world = started({mailbox("m"), mailbox("other")});
    world->courier.script = delivers;
    EXPECT_TRUE(world->dispatcher->pause("m", "ann paused it"));
    EXPECT_FALSE(world->dispatcher->pause("nobody", "ann paused it"));
    world->store.accept("m", {"a@example.net"});
    world->store.accept("other", {"b@example.net"});
    world->run_for(24h);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->courier.seen.size(), 1U) << "not even a probe";
    const MailboxStatus status = world->status("m");
    EXPECT_TRUE(status.paused);
    EXPECT_TRUE(status.paused_by_operator);
    EXPECT_EQ(status.cause, "ann paused it");
    EXPECT_EQ(status.remedy, "mailramp mailbox resume m");
    EXPECT_FALSE(status.next_probe);
    EXPECT_TRUE(world->store.record("m").by_operator) << "also over a restart";
    EXPECT_TRUE(world->dispatcher->resume("m"));
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 2U);
    EXPECT_FALSE(world->store.record("m").by_operator);
}

TEST(DispatcherOfAMailbox, APausedMailboxNeverDelaysAnother) {
    const auto world = started({mailbox("bad"), mailbox("good")});
    world->courier.script = [](const Submission& submission) {
        return submission.mailbox == "good" ? delivers(submission)
                                            : says(submission, Fate::refused, login_refused());
    };
    for (int i = 0; i < 5; ++i)
        world->store.accept("bad", {"a@example.net"});
    world->run_for(1h);
    world->store.accept("good", {"a@example.net"});
    world->settle_down();
    EXPECT_EQ(world->courier.seen.back().mailbox, "good");
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_TRUE(world->status("bad").paused);
    EXPECT_FALSE(world->status("good").paused);
}

TEST(DispatcherOfAMailbox, StoresAPauseOnceTheStoreCan) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, login_refused());
    };
    bool broken = true;
    world->store.fails = [&](std::string_view operation) { return broken && operation == "save"; };
    world->store.accept("m", {"a@example.net"});
    world->run_for(30s);
    EXPECT_FALSE(world->store.record("m").paused);
    broken = false;
    world->run_for(15s);
    EXPECT_TRUE(world->store.record("m").paused);
}

// ------------------------------------------------------------------ tokens, networks, throttles

TEST(DispatcherOfAMailbox, ATokenThatNeedsAHumanPausesTheMailbox) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused,
                    mail::Answer{
                        .channel = mail::Channel::http,
                        .phase = mail::Phase::token,
                        .code = 401,
                        .enhanced = "",
                        .text = "invalid_client AADSTS7000222: The provided client secret keys are expired"});
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(7));
    EXPECT_TRUE(world->status("m").paused);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    EXPECT_EQ(world->store.rows()[0].attempts, 0);
}

TEST(DispatcherOfAMailbox, ATokenEndpointThatIsDownIsAskedAgainSoonAndCountsForNoMessage) {
    const auto world = started({mailbox("m")});
    bool up = false;
    world->courier.script = [&](const Submission& submission) {
        if (up) return delivers(submission);
        return says(submission, Fate::refused,
                    mail::Answer{.channel = mail::Channel::http,
                                 .phase = mail::Phase::token,
                                 .code = 503,
                                 .enhanced = "",
                                 .text = "Service Unavailable"});
    };
    for (int i = 0; i < 20; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(1h);
    EXPECT_FALSE(world->status("m").paused);
    EXPECT_TRUE(world->status("m").resting_until);
    EXPECT_EQ(world->logged("mailbox_paused"), 0U);
    EXPECT_LT(world->courier.seen.size(), 500U);  // no busy loop
    for (const testing::FakeRow& row : world->store.rows())
        EXPECT_EQ(row.attempts, 0);
    up = true;
    world->run_for(15s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 20U);
}

TEST(DispatcherOfAMailbox, AnUnreachableServerCostsNoAttemptAndNoPatience) {
    const auto world = started({mailbox("m")});
    bool up = false;
    world->courier.script = [&](const Submission& submission) {
        return up ? delivers(submission) : says(submission, Fate::refused, no_connection());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(6));
    EXPECT_EQ(world->store.rows()[0].attempts, 0);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    EXPECT_EQ(world->dispatcher->counters().deferred, 0U);
    std::size_t warnings = world->logged("mailbox_resting");
    EXPECT_GT(warnings, 1U);  // all but the first at level debug
    up = true;
    world->run_for(11s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->logged("mailbox_resumed"), 1U);
}

TEST(DispatcherOfAMailbox, AnOutageDoesNotAgeWhatIsRefusedForItselfAfterwardsAlsoAcrossARestart) {
    const auto world = started({mailbox("m")});
    bool up = false;
    world->courier.script = [&](const Submission& submission) {
        return says(submission, Fate::refused,
                    up ? answer(mail::Phase::rcpt, 450, "4.2.2", "over quota") : no_connection());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(3));
    world->kill();
    world->start();
    world->run_for(std::chrono::days(3));
    EXPECT_EQ(world->store.saves, 1U);  // the beginning; each rest is not worth a write
    up = true;
    world->run_for(std::chrono::days(4));
    EXPECT_EQ(world->store.saves, 2U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    world->run_for(std::chrono::days(2));
    EXPECT_EQ(world->store.count(RecipientState::held), 1U);
}

TEST(DispatcherOfAMailbox, AMessageThatBreaksItsConnectionGrowsOldAlthoughTheMailboxRests) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::not_tried, answer(mail::Phase::rcpt, 0, "", "connection reset"));
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(4));
    EXPECT_TRUE(world->status("m").resting_until);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    world->run_for(std::chrono::days(2));
    EXPECT_EQ(world->store.count(RecipientState::held), 1U);
}

TEST(DispatcherOfAMailbox, TooManyConnectionsLowersTheirNumberAndHarmsNoMessage) {
    MailboxOptions options = mailbox("m");
    options.budget.connections_max = 3;
    const auto world = started({options});
    world->courier.script = [&](const Submission& submission) {
        if (world->courier.in_flight > 1)
            return says(
                submission, Fate::refused,
                answer(mail::Phase::body_end, 432, "4.3.2", "Concurrent connections limit exceeded."));
        return delivers(submission);
    };
    for (int i = 0; i < 12; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->status("m").concurrency, 1U);
    world->run_for(3min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 12U);
    for (const testing::FakeRow& row : world->store.rows())
        EXPECT_EQ(row.attempts, 1);
    world->run_for(10min);
    EXPECT_EQ(world->status("m").concurrency, 3U);
}

// ------------------------------------------------------------------ the budget

TEST(DispatcherOfAMailbox, PacesABacklogToTheMailboxsBudget) {
    const auto world = started({mailbox("m")});
    for (int i = 0; i < 310; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(50s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 30U);
    const MailboxStatus status = world->status("m");
    EXPECT_EQ(status.budget.messages, 30U);
    EXPECT_EQ(status.budget.messages_max, 30U);
    world->run_for(10min - 50s);
    EXPECT_GE(world->store.count(RecipientState::delivered), 291U);  // 97 % of what is allowed
    const auto& seen = world->courier.seen;
    for (std::size_t i = 30; i < seen.size(); ++i)
        ASSERT_GT(seen[i].began - seen[i - 30].began, 60s) << i;
    world->run_for(10min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 310U);
    EXPECT_LT(world->store.empty_claims, 310U);
}

TEST(DispatcherOfAMailbox, RemembersTheBudgetAcrossAKill) {
    const auto world = started({mailbox("m")});
    for (int i = 0; i < 60; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(20s);
    EXPECT_EQ(world->courier.seen.size(), 30U);
    world->kill();
    world->start();
    world->run_for(30s);
    EXPECT_EQ(world->courier.seen.size(), 30U);
    world->run_for(15s);
    EXPECT_EQ(world->courier.seen.size(), 60U);
    const auto& seen = world->courier.seen;
    for (std::size_t i = 30; i < seen.size(); ++i)
        ASSERT_GE(seen[i].began - seen[i - 30].began, 60s) << i;
}

TEST(DispatcherOfAMailbox, AFailedLoginTakesNothingFromTheBudget) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, login_refused());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->status("m").budget.messages, 0U);
}

TEST(DispatcherOfAMailbox, AFullBudgetNeverDelaysAnotherMailbox) {
    const auto world = started({mailbox("busy"), mailbox("calm")});
    for (int i = 0; i < 100; ++i)
        world->store.accept("busy", {"a@example.net"});
    world->run_for(30s);
    world->store.accept("calm", {"a@example.net"});
    world->settle_down();
    EXPECT_EQ(world->courier.seen.back().mailbox, "calm");
}

}  // namespace
}  // namespace mailramp::delivery
