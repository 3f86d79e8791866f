#include "mailramp/delivery/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/io/system_clock.h"
#include "unit/delivery/world.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using queue::RecipientState;
using testing::accepted;
using testing::answer;
using testing::delivers;
using testing::login_refused;
using testing::mailbox;
using testing::report;
using testing::says;
using testing::ScriptedCourier;
using testing::started;
using testing::World;
using Reply = ScriptedCourier::Reply;

// ------------------------------------------------------------------ the straight way

TEST(Dispatcher, DeliversNewMailWithoutWaitingForAnyTimer) {
    const auto world = started({mailbox("m")});
    ASSERT_TRUE(world->start_result && *world->start_result);
    world->store.accept("m", {"a@example.net", "b@example.net"});
    world->settle_down();  // no time passes
    ASSERT_EQ(world->courier.seen.size(), 1U);
    EXPECT_THAT(world->courier.seen[0].recipients, ::testing::ElementsAre("a@example.net", "b@example.net"));
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 2U);
    EXPECT_EQ(world->store.rows()[0].receipt, accepted().text);
    EXPECT_EQ(world->dispatcher->counters().delivered, 2U);
    EXPECT_EQ(world->logged("delivered"), 2U);
    EXPECT_EQ(world->last("delivered", "delay_ms"), "100");
    EXPECT_EQ(world->last("delivered", "receipt"), accepted().text);
    EXPECT_FALSE(world->dispatcher->next_deadline());  // idle means idle
}

TEST(Dispatcher, FindsWhatLiesInTheQueueAtTheStart) {
    World world({mailbox("m")});
    world.store.accept("m", {"a@example.net"});
    world.start();
    world.run_for(1s);
    EXPECT_EQ(world.store.count(RecipientState::delivered), 1U);
}

TEST(Dispatcher, AsksTheStoreOnceForOneMessage) {
    const auto world = started({mailbox("m")});
    const std::uint64_t before = world->store.claims;
    world->store.accept("m", {"a@example.net"});
    world->run_for(1h);
    EXPECT_EQ(world->store.claims - before, 1U);
}

TEST(Dispatcher, UsesAsManyConnectionsAsAllowedAndNoMore) {
    MailboxOptions options = mailbox("m");
    options.budget.connections_max = 3;
    const auto world = started({options});
    for (int i = 0; i < 20; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(10s);
    EXPECT_EQ(world->courier.in_flight_most, 3U);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 20U);
}

TEST(Dispatcher, SplitsWhatHasMoreRecipientsThanOneAttemptMayHave) {
    MailboxOptions options = mailbox("m");
    options.recipients_max = 2;
    const auto world = started({options});
    world->store.accept(
        "m", {"a@example.net", "b@example.net", "c@example.net", "d@example.net", "e@example.net"});
    world->run_for(10s);
    EXPECT_EQ(world->courier.seen.size(), 3U);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 5U);
}

TEST(Dispatcher, CountsMailForAMailboxThatNobodyConfigured) {
    const auto world = started({mailbox("m")});
    world->store.accept("other", {"a@example.net"});
    world->store.accept("other", {"a@example.net"});
    world->run_for(1min);
    EXPECT_EQ(world->dispatcher->counters().mailbox_unknown, 2U);
    EXPECT_EQ(world->logged("delivery_waits"), 1U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 2U);
}

TEST(Dispatcher, SaysAtTheStartThatMailWaitsForAMailboxThatIsGone) {
    World world({mailbox("m")});
    world.store.accept("old", {"a@example.net", "b@example.net"});
    world.start();
    EXPECT_EQ(world.logged("delivery_waits"), 1U);
    EXPECT_EQ(world.last("delivery_waits", "mailbox"), "old");
    EXPECT_EQ(world.last("delivery_waits", "recipients"), "2");
    EXPECT_THAT(world.last("delivery_waits", "reason"), ::testing::HasSubstr("configuration"));
    ASSERT_EQ(world.dispatcher->mailboxes().size(), 2U);
    EXPECT_TRUE(world.status("m").configured);
    EXPECT_FALSE(world.status("old").configured);
    EXPECT_THAT(world.status("old").cause, ::testing::HasSubstr("not configured"));
    EXPECT_FALSE(world.status("old").remedy.empty());
    world.store.accept("old", {"c@example.net"});
    EXPECT_EQ(world.logged("delivery_waits"), 1U);  // said once
}

TEST(Dispatcher, AMessageThatIsUncertainAgainAndAgainIsHeld) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::uncertain, answer(mail::Phase::body_end, 0, "", "connection lost"));
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(24h);
    EXPECT_EQ(world->courier.seen.size(), 3U);
    EXPECT_EQ(world->store.count(RecipientState::held), 1U);
    EXPECT_THAT(world->last("held", "cause"), ::testing::HasSubstr("perhaps delivered"));
    EXPECT_THAT(world->last("held", "remedy"), ::testing::HasSubstr("ask the recipient"));
    EXPECT_TRUE(world->store.rows().at(0).maybe_delivered);
}

TEST(Dispatcher, DoesNotStartWhenTheStoreCannotBeRead) {
    World world({mailbox("m")});
    world.store.fails = [](std::string_view operation) { return operation == "mailboxes"; };
    world.start();
    ASSERT_TRUE(world.start_result);
    ASSERT_FALSE(*world.start_result);
    EXPECT_THAT(world.start_result->error().message, ::testing::HasSubstr("load the mailboxes"));
}

// ------------------------------------------------------------------ retry and outcomes

TEST(Dispatcher, TriesAgainWithGrowingDelaysUntilItWorks) {
    const auto world = started({mailbox("m")});
    int failures = 4;
    world->courier.script = [&](const Submission& submission) {
        if (failures-- > 0)
            return says(submission, Fate::refused, answer(mail::Phase::rcpt, 450, "4.2.0", "greylisted"));
        return delivers(submission);
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(2h);
    ASSERT_EQ(world->courier.seen.size(), 5U);
    base::Duration expected = 1min;
    for (std::size_t i = 1; i < 5; ++i, expected *= 2) {
        const auto waited = world->courier.seen[i].began - world->courier.seen[i - 1].began;
        EXPECT_GE(waited, expected * 8 / 10);
        EXPECT_LE(waited, expected * 12 / 10 + 1s);
    }
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->store.rows()[0].attempts, 5);
    EXPECT_EQ(world->logged("deferred"), 4U);
}

TEST(Dispatcher, GivesEveryRecipientItsOwnOutcome) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        Reply reply;
        for (const mail::Recipient& recipient : submission.envelope.recipients) {
            if (recipient.address == "unknown@example.net")
                reply.report.recipients.push_back(
                    report(Fate::refused, answer(mail::Phase::rcpt, 550, "5.1.1", "User unknown")));
            else if (recipient.address == "busy@example.net" && submission.envelope.recipients.size() > 1)
                reply.report.recipients.push_back(
                    report(Fate::refused, answer(mail::Phase::rcpt, 450, "4.2.1", "busy")));
            else
                reply.report.recipients.push_back(report(Fate::delivered, accepted()));
        }
        return reply;
    };
    world->store.accept("m", {"good@example.net", "unknown@example.net", "busy@example.net"});
    world->run_for(1s);
    std::map<std::string, RecipientState> states;
    for (const testing::FakeRow& row : world->store.rows())
        states[row.recipient.address] = row.state;
    EXPECT_EQ(states["good@example.net"], RecipientState::delivered);
    EXPECT_EQ(states["unknown@example.net"], RecipientState::held);
    EXPECT_EQ(states["busy@example.net"], RecipientState::queued);
    EXPECT_FALSE(world->last("held", "cause").empty());
    EXPECT_FALSE(world->last("held", "remedy").empty());
    world->run_for(2min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 2U);
    EXPECT_THAT(world->courier.seen.back().recipients, ::testing::ElementsAre("busy@example.net"));
    EXPECT_EQ(world->dispatcher->counters().held, 1U);
}

TEST(Dispatcher, SplitsAMessageWithTooManyRecipientsWithoutCountingAFailure) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        Reply reply;
        for (std::size_t i = 0; i < submission.envelope.recipients.size(); ++i)
            reply.report.recipients.push_back(
                i < 2
                    ? report(Fate::delivered, accepted())
                    : report(Fate::refused, answer(mail::Phase::rcpt, 452, "4.5.3", "Too many recipients")));
        return reply;
    };
    world->store.accept(
        "m", {"a@example.net", "b@example.net", "c@example.net", "d@example.net", "e@example.net"});
    world->run_for(2s);  // no waiting between the parts
    EXPECT_EQ(world->store.count(RecipientState::delivered), 5U);
    EXPECT_EQ(world->courier.seen.size(), 3U);
    for (const testing::FakeRow& row : world->store.rows())
        EXPECT_EQ(row.attempts, 1);
}

TEST(Dispatcher, OnlyTheRecipientThatTheServerHangsUpOnStaysBehind) {
    for (const int code : {0, 421}) {  // without a word, or with one
        const auto world = started({mailbox("m")});
        world->courier.script = [code](const Submission& submission) {
            for (const mail::Recipient& recipient : submission.envelope.recipients)
                if (recipient.address == "poison@example.net")
                    return says(submission, Fate::not_tried,
                                answer(mail::Phase::rcpt, code, "", "Service closing"));
            return delivers(submission);
        };
        std::vector<std::string> recipients;
        for (int i = 0; i < 30; ++i)
            recipients.push_back(i == 17 ? "poison@example.net" : "r" + std::to_string(i) + "@example.net");
        world->store.accept("m", recipients);
        world->run_for(1min);
        EXPECT_EQ(world->store.count(RecipientState::delivered), 0U) << "the line may have broken by chance";
        world->run_for(15min);
        EXPECT_EQ(world->store.count(RecipientState::delivered), 29U);
        EXPECT_LT(world->courier.seen.size(), 25U);
        EXPECT_THAT(world->courier.seen.back().recipients, ::testing::ElementsAre("poison@example.net"));
        world->run_for(std::chrono::days(6));
        EXPECT_EQ(world->store.count(RecipientState::held), 1U);
    }
}

TEST(Dispatcher, HoldsAMessageThatIsTooOldWithItsLastAnswer) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, answer(mail::Phase::rcpt, 450, "4.2.2", "over quota"));
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(std::chrono::days(5) - 2h);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    world->run_for(4h);
    EXPECT_EQ(world->store.count(RecipientState::held), 1U);
    EXPECT_EQ(world->store.rows()[0].answer.code, 450);
    EXPECT_EQ(world->logged("held"), 1U);
    EXPECT_LT(world->courier.seen.size(), 160U);
}

TEST(Dispatcher, TriesAnUncertainMessageAgainAfterAWhileAndSaysSo) {
    const auto world = started({mailbox("m")});
    bool first = true;
    world->courier.script = [&](const Submission& submission) {
        if (std::exchange(first, false))
            return says(submission, Fate::uncertain, answer(mail::Phase::body_end, 0, "", "connection lost"));
        return delivers(submission);
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(4min);
    EXPECT_EQ(world->store.count(RecipientState::uncertain), 1U);
    EXPECT_EQ(world->dispatcher->counters().uncertain, 1U);
    EXPECT_EQ(world->logged("uncertain"), 1U);
    world->run_for(4min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->courier.seen.size(), 2U);  // one duplicate at most
    EXPECT_EQ(world->dispatcher->counters().repeated_uncertain, 1U);
}

// ------------------------------------------------------------------ a store that fails

TEST(Dispatcher, GoesOnWhenTheStoreWorksAgain) {
    const auto world = started({mailbox("m")});
    bool broken = true;
    world->store.fails = [&](std::string_view) { return broken; };
    world->store.accept("m", {"a@example.net"});
    world->run_for(10min);
    EXPECT_TRUE(world->courier.seen.empty());  // no claim, no attempt
    EXPECT_EQ(world->logged("delivery_waits"), 1U);
    EXPECT_LT(world->dispatcher->counters().store_failures, 60U);
    EXPECT_EQ(world->status("m").budget.messages, 0U);
    broken = false;
    world->run_for(16s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
}

TEST(Dispatcher, RepeatsASettlementUntilItIsStoredAndSendsNothingTwice) {
    const auto world = started({mailbox("m")});
    bool broken = true;
    world->store.fails = [&](std::string_view operation) { return broken && operation == "settle"; };
    for (int i = 0; i < 5; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(10min);
    EXPECT_EQ(world->courier.seen.size(), 2U);  // as many as there are connections, and they wait
    EXPECT_EQ(world->store.count(RecipientState::claimed), 2U);
    EXPECT_EQ(world->logged("outcome_unsaved"), 2U);
    broken = false;
    world->run_for(1min);
    EXPECT_EQ(world->courier.seen.size(), 5U);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 5U);
}

TEST(Dispatcher, SendsNothingOnAPermitThatRanOutDuringASlowClaim) {
    const auto world = started({mailbox("m")});
    bool fixed = false;
    world->courier.script = [&](const Submission& submission) {
        return fixed ? delivers(submission) : says(submission, Fate::refused, login_refused());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(30s);
    ASSERT_TRUE(world->status("m").paused);
    fixed = true;
    base::Duration disk = 40s;  // longer than the lease
    world->store.claim_wait = [&] { return world->loop->sleep(disk); };
    world->run_for(40s);
    EXPECT_EQ(world->store.count(RecipientState::claimed), 0U);
    disk = 1s;
    world->run_for(40s);
    EXPECT_EQ(world->courier.seen.size(), 2U);  // the first, and a probe whose claim was quick enough
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->store.rows()[0].attempts, 1);
    EXPECT_FALSE(world->status("m").paused);
}

// ------------------------------------------------------------------ clocks

TEST(Dispatcher, NothingExpiresByAClockThatJumpsAhead) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, answer(mail::Phase::rcpt, 450, "4.2.2", "over quota"));
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(24h);
    world->clock.jump_wall(std::chrono::days(3650));
    world->run_for(std::chrono::days(3));
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    world->run_for(std::chrono::days(2));
    EXPECT_EQ(world->store.count(RecipientState::held), 1U);
}

TEST(Dispatcher, AClockThatGoesBackDelaysNothingLongerThanARetry) {
    const auto world = started({mailbox("m")});
    bool first = true;
    world->courier.script = [&](const Submission& submission) {
        if (std::exchange(first, false))
            return says(submission, Fate::refused, answer(mail::Phase::rcpt, 450, "4.2.2", "over quota"));
        return delivers(submission);
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(10s);
    world->clock.jump_wall(-std::chrono::days(1));
    world->run_for(75min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
}

// ------------------------------------------------------------------ the end

std::function<Reply(const Submission&)> delivers_after(base::Duration latency) {
    return [latency](const Submission& submission) {
        Reply reply = delivers(submission);
        reply.latency = latency;
        return reply;
    };
}

// The outcome of neither comes to the disk in time.
void drain_with_one_sent_and_one_under_way(World& world) {
    world.courier.script = [](const Submission& submission) {
        return delivers_after(submission.envelope.recipients.size() == 1 ? 1s : 1h)(submission);
    };
    world.store.accept("m", {"a@example.net"});
    world.store.accept("m", {"a@example.net", "b@example.net"});
    world.run_for(5s);
    world.begin_drain(8s);
    world.run_for(9s);
    ASSERT_TRUE(world.drained);
    EXPECT_EQ(world.drained->left_claimed, 2U);
}

TEST(Dispatcher, DrainsWithAnAttemptInFlight) {
    const auto world = started({mailbox("m")});
    world->courier.script = delivers_after(3s);
    for (int i = 0; i < 10; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    world->begin_drain(8s);
    world->run_for(1s);
    EXPECT_FALSE(world->drained);
    world->run_for(2s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->drained->finished, 2U);
    EXPECT_EQ(world->drained->marked_uncertain, 0U);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 2U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 8U);  // nothing new was begun
    world->run_for(1h);
    EXPECT_EQ(world->courier.seen.size(), 2U);
}

TEST(Dispatcher, MarksWhatDidNotEndInTimeAsUncertain) {
    const auto world = started({mailbox("m")});
    world->courier.script = delivers_after(1h);
    world->store.accept("m", {"a@example.net", "b@example.net"});
    world->run_for(1s);
    world->begin_drain(8s);
    world->run_for(9s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->drained->marked_uncertain, 1U);
    EXPECT_EQ(world->store.count(RecipientState::uncertain), 2U);
    world->run_for(2h);  // what the courier says now is too late to be stored
    EXPECT_TRUE(world->store.broken_promises.empty());
    EXPECT_EQ(world->store.count(RecipientState::uncertain), 2U);
}

// The second recipient of a message is refused at RCPT; the end of data waits for its answer.
Reply refuses_the_second(const Submission& submission) {
    Reply reply = delivers(submission);
    reply.report.recipients.at(1) = {.fate = Fate::refused,
                                     .answer = answer(mail::Phase::rcpt, 550, "5.1.1", "nobody")};
    reply.latency = 1h;
    return reply;
}

TEST(Dispatcher, WhoeverWasRefusedIsNotUncertainWhenItStops) {
    const auto world = started({mailbox("m")});
    world->courier.script = refuses_the_second;
    world->store.accept("m", {"a@example.net", "b@example.net"});
    world->run_for(1s);
    world->begin_drain(8s);
    world->run_for(9s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->store.rows()[0].state, RecipientState::uncertain);
    EXPECT_EQ(world->store.rows()[1].state, RecipientState::queued);
    EXPECT_FALSE(world->store.rows()[1].maybe_delivered);
}

TEST(Dispatcher, WhoeverWasRefusedIsNotUncertainAfterAKill) {
    const auto world = started({mailbox("m")});
    world->courier.script = refuses_the_second;
    world->store.accept("m", {"a@example.net", "b@example.net"});
    world->run_for(1s);
    ASSERT_EQ(world->courier.in_flight, 1U);
    world->kill();
    EXPECT_EQ(world->store.rows()[0].state, RecipientState::uncertain);
    EXPECT_EQ(world->store.rows()[1].state, RecipientState::queued);
}

TEST(Dispatcher, LeavesToTheNextStartWhatItCannotMark) {
    const auto world = started({mailbox("m")});
    world->store.fails = [](std::string_view operation) { return operation == "settle"; };
    drain_with_one_sent_and_one_under_way(*world);
    EXPECT_EQ(world->store.count(RecipientState::claimed), 3U);
    world->kill();
    EXPECT_EQ(world->store.count(RecipientState::uncertain), 3U);
}

TEST(Dispatcher, GivesBackWhatHadNotComeToItsEndInTime) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        Reply reply = delivers(submission);
        reply.before_end = 1h;
        return reply;
    };
    world->store.accept("m", {"a@example.net", "b@example.net"});
    world->run_for(1s);
    world->begin_drain(8s);
    world->run_for(9s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->drained->returned, 1U);
    EXPECT_EQ(world->drained->marked_uncertain, 0U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 2U);
    EXPECT_EQ(world->store.rows()[0].attempts, 0);
    EXPECT_FALSE(world->store.rows()[0].maybe_delivered);
    EXPECT_EQ(world->logged("uncertain"), 0U);
    world->run_for(2h);  // and its end goes out no more
    EXPECT_EQ(world->courier.stopped_before_end, 1U);
    EXPECT_TRUE(world->store.broken_promises.empty());
}

TEST(Dispatcher, SendsNoEndWhoseMarkIsReadyAfterTheMessageWasGivenBack) {
    const auto world = started({mailbox("m")});
    world->store.marked_wait = [&] { return world->loop->sleep(20s); };
    world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    world->begin_drain(8s);
    world->run_for(9s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->drained->returned, 1U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    EXPECT_EQ(world->courier.stopped_before_end, 0U);
    world->run_for(1min);
    EXPECT_EQ(world->courier.stopped_before_end, 1U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
}

TEST(Dispatcher, AKillBeforeTheEndCountsForNothing) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        Reply reply = delivers(submission);
        reply.before_end = 1h;
        return reply;
    };
    world->store.accept("m", {"a@example.net"});
    for (int kills = 1; kills <= 5; ++kills) {
        world->run_for(2min);
        ASSERT_EQ(world->courier.in_flight, 1U);
        world->kill();
        world->start();
    }
    world->courier.script = delivers;
    world->run_for(2min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->store.rows()[0].times_uncertain, 0);
    EXPECT_EQ(world->store.rows()[0].attempts, 1);
    EXPECT_EQ(world->dispatcher->counters().repeated_uncertain, 0U);
}

TEST(Dispatcher, TriesAgainWhatCouldNotBeMarked) {
    const auto world = started({mailbox("m")});
    bool ill = true;
    world->store.fails = [&](std::string_view operation) { return ill && operation == "mark"; };
    world->store.accept("m", {"a@example.net"});
    world->run_for(10s);
    EXPECT_EQ(world->courier.stopped_before_end, 1U);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1U);
    EXPECT_FALSE(world->store.rows()[0].maybe_delivered);
    EXPECT_EQ(world->dispatcher->counters().store_failures, 1U);
    ill = false;
    world->run_for(2min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
}

TEST(Dispatcher, LogsEveryRecipientThatADrainMarks) {
    const auto world = started({mailbox("m")});
    world->courier.script = delivers_after(1h);
    world->store.accept("m", {"a@example.net", "b@example.net"});
    world->run_for(1s);
    world->begin_drain(8s);
    world->run_for(9s);
    EXPECT_EQ(world->logged("uncertain"), 2U);
    EXPECT_EQ(world->last("uncertain", "to"), "b@example.net");
    EXPECT_EQ(world->dispatcher->counters().uncertain, 2U);
}

TEST(Dispatcher, ACourierMayEndWhileItsAttemptIsBeingMarked) {
    const auto world = started({mailbox("m")});
    world->courier.script = delivers_after(8s + 100ms);
    world->store.settle_wait = [&] { return world->loop->sleep(500ms); };
    world->store.accept("m", {"a@example.net"});
    world->settle_down();
    world->begin_drain(8s);
    world->run_for(8s + 200ms);
    EXPECT_EQ(world->courier.in_flight, 0U);  // it has ended, the mark waits for the disk
    EXPECT_FALSE(world->drained);
    EXPECT_EQ(world->store.count(RecipientState::claimed), 1U);
    world->run_for(1s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->drained->finished, 0U);
    EXPECT_EQ(world->drained->marked_uncertain, 1U);
    EXPECT_EQ(world->drained->left_claimed, 0U);
    EXPECT_EQ(world->store.count(RecipientState::uncertain), 1U);
    EXPECT_EQ(world->last("uncertain", "to"), "a@example.net");
    EXPECT_TRUE(world->store.broken_promises.empty());
}

TEST(Dispatcher, ADrainWaitsALittleForOutcomesOnTheirWayToTheDisk) {
    const auto world = started({mailbox("m")});
    world->store.settle_wait = [&] { return world->loop->sleep(8s + 500ms); };
    world->store.accept("m", {"a@example.net"});
    world->run_for(200ms);
    ASSERT_EQ(world->courier.in_flight, 0U);
    world->begin_drain(8s);
    world->run_for(8s);
    EXPECT_FALSE(world->drained);
    world->run_for(1s);
    ASSERT_TRUE(world->drained);
    EXPECT_EQ(world->drained->finished, 1U);
    EXPECT_EQ(world->drained->left_claimed, 0U);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
}

TEST(Dispatcher, ADrainDoesNotWaitForADiskThatHangs) {
    const auto world = started({mailbox("m")});
    world->store.settle_wait = [&] { return world->loop->sleep(1h); };
    drain_with_one_sent_and_one_under_way(*world);
    world->run_for(2h);  // the disk has come back, and nobody waits for it any more
    EXPECT_TRUE(world->store.broken_promises.empty());
}

TEST(Dispatcher, AnIdleOneDrainsAtOnce) {
    const auto world = started({mailbox("m")});
    world->begin_drain(8s);
    world->settle_down();
    EXPECT_TRUE(world->drained);
}

TEST(Dispatcher, AKillDuringAnAttemptIsUncertainAndSentAgainOnce) {
    const auto world = started({mailbox("m")});
    world->store.accept("m", {"a@example.net"});
    world->settle_down();
    ASSERT_EQ(world->courier.seen.size(), 1U);
    world->kill();
    EXPECT_EQ(world->store.count(RecipientState::uncertain), 1U);
    world->start();
    world->run_for(10min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1U);
    EXPECT_EQ(world->courier.seen.size(), 2U);
}

// ------------------------------------------------------------------ its own timers

class RefusesOnce final : public Courier {
  public:
    std::function<void()> delivered;
    int attempts = 0;

    io::Task<AttemptReport> deliver(Submission submission) override {
        if (++attempts == 1)
            co_return testing::all(submission, Fate::refused,
                                   answer(mail::Phase::rcpt, 450, "4.7.1", "later"));
        delivered();
        co_return testing::all(submission, Fate::delivered, accepted());
    }
};

// On the machine's own clock: the retry comes a millisecond later, and run() ends when nothing is left to
// wait for, the coroutine of the timers included.
TEST(Dispatcher, WatchesTheClockItselfWhenAskedTo) {
    boost::asio::io_context context;
    const io::SystemClock clock;
    testing::FakeQueueStore store(clock);
    const auto budget = make_local_budget_store(clock);
    RefusesOnce courier;
    DeliveryOptions options;
    options.retry.first_delay = 1ms;
    std::optional<base::Result<>> begun;
    std::optional<DrainResult> drained;
    const auto note_start = [&](const std::exception_ptr&, base::Result<> result) {
        begun = std::move(result);
    };
    const auto note_end = [&](const std::exception_ptr&, DrainResult result) { drained = result; };

    Dispatcher dispatcher(options, {mailbox("m")}, store, *budget, courier, context.get_executor(), clock,
                          base::Logger(), 1);
    courier.delivered = [&] { boost::asio::co_spawn(context, dispatcher.drain(5s), note_end); };
    boost::asio::co_spawn(context, dispatcher.start(Timers::own), note_start);
    store.accept("m", {"a@example.net"});
    context.run();
    EXPECT_TRUE(begun && *begun);
    EXPECT_EQ(courier.attempts, 2);
    ASSERT_TRUE(drained);
    EXPECT_EQ(drained->finished, 1U);
    EXPECT_EQ(store.count(RecipientState::delivered), 1U);
}

}  // namespace
}  // namespace mailramp::delivery
