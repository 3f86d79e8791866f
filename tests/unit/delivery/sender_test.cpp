// What happens to senders between the queue and the courier.
#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

#include "delivery/presentation.h"
#include "unit/delivery/world.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using queue::RecipientState;
using testing::answer;
using testing::delivers;
using testing::mailbox;
using testing::says;
using testing::started;

MailboxOptions collapsing(std::string name) {
    MailboxOptions options = mailbox(std::move(name));
    options.senders.mode = route::SenderMode::collapse;
    options.senders.mailbox = options.names.mailbox;
    return options;
}

mail::Answer send_as_denied() {
    return answer(mail::Phase::body_end, 554, "5.2.252",
                  "SendAsDenied; m@example.com not allowed to send as app@example.com; STOREDRV.Submission");
}

// ------------------------------------------------------------------ what the courier gets

struct Read {
    Presentation presented;
    std::string content;
};

io::Task<> present_into(std::optional<base::Result<Presentation>>& result, queue::QueueStore& store,
                        const queue::ClaimedMessage& message, const route::SenderPolicy& policy,
                        std::string_view qualify_domain, PresentationLimits limits) {
    result = co_await present(store, message, policy, qualify_domain, limits);
}

io::Task<> read_into(Read& result, std::size_t piece) {
    while (result.content.size() < result.presented.size_bytes) {
        auto octets = co_await result.presented.content(result.content.size(), piece);
        EXPECT_TRUE(octets && !octets->empty());
        if (!octets || octets->empty()) co_return;
        result.content += *octets;
    }
}

Read read_all(testing::FakeQueueStore& store, testing::ManualClock& clock, const route::SenderPolicy& policy,
              PresentationLimits limits = {}, std::size_t piece = 7, std::string_view qualify_domain = {}) {
    testing::Loop loop(clock);
    Read result;
    queue::ClaimedMessage message;
    message.envelope.sender = store.sender;
    message.size_bytes = store.content.size();
    message.header_from = "kept@example.com";
    std::optional<base::Result<Presentation>> presented;
    boost::asio::co_spawn(loop.context(),
                          present_into(presented, store, message, policy, qualify_domain, limits),
                          boost::asio::detached);
    loop.poll();
    EXPECT_TRUE(presented && *presented);
    if (!presented || !*presented) return result;
    result.presented = std::move(**presented);
    boost::asio::co_spawn(loop.context(), read_into(result, piece), boost::asio::detached);
    loop.poll();
    return result;
}

class Presenting : public ::testing::Test {
  protected:
    testing::ManualClock clock;
    testing::FakeQueueStore store{clock};
    route::SenderPolicy policy{.mailbox = "m@example.com", .allowed = {}, .map = {}, .own_names = {}};
};

TEST_F(Presenting, ChangesTheSenderAndNotAnOctetElse) {
    store.sender = "root@db1";
    store.content =
        "Received: x\r\nFrom: root (Cron Daemon)\r\nTo: ops\r\n\r\nbody\xff\r\n.\r\nFrom: root\r\n";
    for (const std::size_t pieces : {1, 5, 64 * 1024}) {
        const Read read = read_all(store, clock, policy, {.header_bytes_max = 1000, .piece_bytes = pieces});
        EXPECT_EQ(read.presented.envelope_sender, "m@example.com");
        EXPECT_EQ(read.presented.from, "m@example.com");
        EXPECT_EQ(
            read.content,
            "Received: x\r\nFrom: Cron Daemon <m@example.com>\r\nX-Original-From: root (Cron Daemon)\r\n"
            "To: ops\r\n\r\nbody\xff\r\n.\r\nFrom: root\r\n");
        EXPECT_EQ(read.content.size(), read.presented.size_bytes);
    }
}

TEST_F(Presenting, LeavesAnAllowedSenderAlone) {
    store.sender = "m@example.com";
    store.content = "From: M <m@example.com>\r\n\r\nbody\r\n";
    EXPECT_EQ(read_all(store, clock, policy).content, store.content);
    store.content = "From: M <m@example.com>\r\n";  // no body, no blank line
    EXPECT_EQ(read_all(store, clock, policy).content, store.content);
}

TEST_F(Presenting, DoesNotEvenLookInModeKeep) {
    policy.mode = route::SenderMode::keep;
    store.content = "From: root\r\n\r\n";
    const Read read = read_all(store, clock, policy);
    EXPECT_EQ(read.content, store.content);
    EXPECT_EQ(read.presented.envelope_sender, store.sender);
    EXPECT_EQ(read.presented.from, "kept@example.com");
}

TEST_F(Presenting, QualifiesRecipientsOnRequestWhateverBecomesOfSenders) {
    store.content = "To: ops\r\nFrom: root\r\n\r\nTo: ops\r\n";
    EXPECT_EQ(
        read_all(store, clock, policy, {}, 7, "contoso.test").content,
        "To: ops@contoso.test\r\nFrom: root <m@example.com>\r\nX-Original-From: root\r\n\r\nTo: ops\r\n");
    policy.mode = route::SenderMode::keep;
    const Read kept = read_all(store, clock, policy, {}, 7, "contoso.test");
    EXPECT_EQ(kept.content, "To: ops@contoso.test\r\nFrom: root\r\n\r\nTo: ops\r\n");
    EXPECT_EQ(kept.presented.envelope_sender, store.sender);
}

TEST_F(Presenting, SaysWhyAMessageCannotBeRead) {
    testing::Loop loop(clock);
    queue::ClaimedMessage message;
    message.size_bytes = 1000;
    store.content = "A: 1\r\n";  // shorter than it is said to be
    std::optional<base::Result<Presentation>> result;
    boost::asio::co_spawn(loop.context(), present_into(result, store, message, policy, {}, {}),
                          boost::asio::detached);
    loop.poll();
    ASSERT_TRUE(result && !*result);
    EXPECT_EQ(result->error().kind, base::ErrorKind::io);
}

// ------------------------------------------------------------------ what the server never hears

TEST(Senders, ThatAreNotAllowedNeverReachTheServer) {
    const auto world = started({collapsing("m")});
    world->store.sender = "root@db1";
    world->store.content = "From: root\r\n\r\nx\r\n";
    for (int i = 0; i < 100; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(10min);
    ASSERT_EQ(world->courier.seen.size(), 100u);
    for (const auto& seen : world->courier.seen)
        EXPECT_EQ(seen.sender, "m@example.com");
}

TEST(Senders, ThatTheServerRefusesAreNotTriedAgainAndAgain) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, send_as_denied());
    };
    for (int i = 0; i < 50; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(14min);
    // As many as were under way when the first refusal came.
    EXPECT_LE(world->courier.seen.size(), 2u);
    EXPECT_EQ(world->store.count(RecipientState::held), 50u);
    EXPECT_EQ(world->logged("sender_stopped"), 1u);
    EXPECT_EQ(world->last("sender_stopped", "sender"), "app@example.com");
    EXPECT_EQ(world->store.rows()[49].answer.text, send_as_denied().text);
    EXPECT_EQ(world->store.rows()[49].attempts, 0);
    EXPECT_FALSE(world->status("m").paused);
}

TEST(Senders, ThatAreStoppedDoNotStopOthers) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return submission.envelope.sender == "app@example.com"
                   ? says(submission, Fate::refused, send_as_denied())
                   : delivers(submission);
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    world->store.sender = "good@example.com";
    world->store.accept("m", {"b@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1u);
    EXPECT_EQ(world->store.count(RecipientState::held), 1u);
}

// The permission is missing, or takes its two hours to spread: the same for whatever is sent.
TEST(Senders, ThatAreTheMailboxItselfPauseItWhenRefusedAndHoldNothing) {
    const auto world = started({collapsing("m")});
    const base::WallTime spread = world->clock.wall() + 2h;
    world->courier.script = [&world, spread](const Submission& submission) {
        return world->clock.wall() < spread ? says(submission, Fate::refused, send_as_denied())
                                            : delivers(submission);
    };
    world->store.content = "From: root\r\n\r\nx\r\n";
    for (int i = 0; i < 50; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(1min);
    EXPECT_TRUE(world->status("m").paused);
    EXPECT_EQ(world->logged("sender_stopped"), 0u);
    EXPECT_EQ(world->logged("mailbox_paused"), 1u);
    EXPECT_THAT(world->last("mailbox_paused", "remedy"), ::testing::HasSubstr("Add-MailboxPermission"));
    world->run_for(119min);
    EXPECT_LE(world->courier.seen.size(), 15u) << "probes only";
    EXPECT_EQ(world->store.count(RecipientState::held), 0u);
    world->run_for(24h);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 50u);
    EXPECT_FALSE(world->status("m").paused);
}

TEST(Senders, OfWhichOneMessageIsRefusedThoughItIsFromTheMailboxGoOnWithOthers) {
    const auto world = started({collapsing("m")});
    world->courier.script = [](const Submission& submission) {
        return submission.envelope.recipients[0].address == "poison@example.net"
                   ? says(submission, Fate::refused, send_as_denied())
                   : delivers(submission);
    };
    world->store.content = "From: root\r\n\r\nx\r\n";
    world->store.accept("m", {"poison@example.net"});
    for (int i = 0; i < 20; ++i)
        world->store.accept("m", {"a@example.net"});
    world->run_for(10min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 20u);
    world->store.accept("m", {"b@example.net"});
    world->run_for(15min);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 21u) << "the next probe is another message's";
}

TEST(Senders, ThatAreManyAndRefusedOnceEachDoNotThrottleTheMailbox) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return submission.envelope.sender == "app@example.com" || submission.envelope.sender.starts_with("n")
                   ? says(submission, Fate::refused, send_as_denied())
                   : delivers(submission);
    };
    for (int i = 0; i < 40; ++i) {
        world->store.sender = "n" + std::to_string(i) + "@example.com";
        world->store.accept("m", {"a@example.net"});
    }
    world->run_for(14min);
    EXPECT_LE(world->courier.seen.size(), 7u) << "five, and those under way beside the fifth";
    EXPECT_GE(world->logged("sender_waits"), 30u);
    EXPECT_EQ(world->store.count(RecipientState::queued) + world->store.count(RecipientState::held), 40u);
    world->store.sender = "m@example.com";
    world->store.accept("m", {"b@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1u) << "the mailbox itself waits for nobody";
}

TEST(Senders, AreTriedAgainWhenAHumanAsks) {
    const auto world = started({mailbox("m")});
    world->courier.script = [](const Submission& submission) {
        return says(submission, Fate::refused, send_as_denied());
    };
    world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    world->courier.script = [](const Submission& submission) { return delivers(submission); };
    world->dispatcher->try_senders_again();
    world->store.accept("m", {"b@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1u);
}

TEST(Senders, OfAMessageThatCannotBeReadCountAsNothing) {
    const auto world = started({collapsing("m")});
    bool broken = true;
    world->store.fails = [&broken](std::string_view operation) { return broken && operation == "read"; };
    world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->courier.seen.size(), 0u);
    EXPECT_EQ(world->store.count(RecipientState::queued), 1u);
    EXPECT_THAT(world->store.rows()[0].answer.text, ::testing::HasSubstr("could not be read"));
    broken = false;
    world->run_for(1h);
    EXPECT_EQ(world->store.count(RecipientState::delivered), 1u);
}

TEST(Senders, OfAMessageWhoseContentIsDamagedAreNotLookedAt) {
    const auto world = started({collapsing("m")});
    world->store.fails = [](std::string_view operation) { return operation == "damaged"; };
    world->store.accept("m", {"a@example.net"});
    world->run_for(1s);
    EXPECT_EQ(world->courier.seen.size(), 0u);
    EXPECT_EQ(world->store.count(RecipientState::held), 1u);
    EXPECT_EQ(world->store.rows()[0].hold_reason, queue::HoldReason::damaged);
    EXPECT_EQ(world->store.rows()[0].answer.code, 0) << "no server has said this";
    EXPECT_EQ(world->last("held", "hold_reason"), "damaged");
    EXPECT_THAT(world->last("held", "remedy"), ::testing::HasSubstr("backup"));
    EXPECT_FALSE(world->status("m").resting_until);
}

}  // namespace
}  // namespace mailramp::delivery
