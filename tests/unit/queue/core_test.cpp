#include "queue/core.h"

#include <map>
#include <vector>

#include <gmock/gmock.h>

#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Core, GivesBackWhatItAccepted) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    Acceptance acceptance = acceptance_for({{"a@example.com", "m"}});
    acceptance.envelope.recipients.clear();
    acceptance.envelope.body = mail::BodyType::eight_bit_mime;
    acceptance.envelope.smtputf8 = true;
    acceptance.envelope.ret = mail::DsnReturn::headers;
    acceptance.envelope.envid = "envelope-7";
    acceptance.recipients[0].recipient.notify = "FAILURE";
    acceptance.recipients[0].recipient.orcpt = "rfc822;a@example.com";
    acceptance.header_from = "boss@example.com";
    acceptance.message_id = "<1@example.com>";
    const std::string content("a\0b\r\n", 5);
    const QueueId id = queue.accept(acceptance, content);

    const StoredBody body = queue.core->body(id).value();
    EXPECT_EQ(body.content, content);
    EXPECT_EQ(body.size_bytes, 5u);

    const MessageRow shown = queue.core->show(id).value();
    EXPECT_EQ(shown.sender, "app@example.com");
    EXPECT_EQ(shown.client_address, "127.0.0.1");
    EXPECT_EQ(shown.listener, "127.0.0.1:25");
    EXPECT_EQ(shown.accepted, noon);

    const ClaimedMessage claimed = queue.claim("m").message.value();
    EXPECT_EQ(claimed.id, id);
    EXPECT_EQ(claimed.envelope.sender, "app@example.com");
    EXPECT_EQ(claimed.envelope.body, mail::BodyType::eight_bit_mime);
    EXPECT_TRUE(claimed.envelope.smtputf8);
    EXPECT_EQ(claimed.envelope.ret, mail::DsnReturn::headers);
    EXPECT_EQ(claimed.envelope.envid, "envelope-7");
    EXPECT_EQ(claimed.header_from, "boss@example.com");
    EXPECT_EQ(claimed.message_id, "<1@example.com>");
    ASSERT_EQ(claimed.recipients.size(), 1u);
    EXPECT_EQ(claimed.recipients[0].recipient.notify, "FAILURE");
    EXPECT_EQ(claimed.recipients[0].recipient.orcpt, "rfc822;a@example.com");
    EXPECT_EQ(claimed.recipients[0].route, "default");
    EXPECT_EQ(claimed.recipients[0].first_tried, base::WallTime());
}

TEST(Core, RefusesAMessageWithoutRecipients) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const auto message = inline_message(QueueId(queue.next), "x", acceptance_for({}));
    const auto accepted = queue.in_transaction([&](Core& core) { return core.accept(message); });
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().kind, ErrorKind::invalid);
}

// ------------------------------------------------------------------ what may follow what

struct Transition {
    RecipientState to;
    bool allowed;
};

class SettlingAClaim : public ::testing::TestWithParam<Transition> {};

TEST_P(SettlingAClaim, LeadsOnlyToStatesThatEndIt) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    const ClaimedMessage claimed = queue.claim("m").message.value();
    const auto settled = queue.settle(claimed, "m", GetParam().to, noon + 5min);
    EXPECT_EQ(settled.has_value(), GetParam().allowed);
    EXPECT_EQ(queue.state_of(id), GetParam().allowed ? GetParam().to : RecipientState::claimed);
    // Once settled, the attempt holds nothing any more.
    const auto again = queue.settle(claimed, "m", RecipientState::delivered);
    EXPECT_EQ(again.has_value(), !GetParam().allowed);
    if (GetParam().allowed) {
        EXPECT_EQ(again.error().kind, ErrorKind::conflict);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Every, SettlingAClaim,
    ::testing::Values(Transition{RecipientState::queued, true}, Transition{RecipientState::claimed, false},
                      Transition{RecipientState::held, true}, Transition{RecipientState::uncertain, true},
                      Transition{RecipientState::delivered, true}, Transition{RecipientState::failed, true}));

struct After {
    RecipientState state;
    bool claimable;
    bool retriable;
    bool removable;
};

class FromEveryState : public ::testing::TestWithParam<After> {
  protected:
    // A message whose only recipient is in the state in question, due at noon + 5 min where that matters.
    void SetUp() override {
        queue.emplace(temporary.queue());
        id = queue->accept(acceptance_for({{"a@example.com", "m"}}));
        if (GetParam().state == RecipientState::queued) return;
        const ClaimedMessage claimed = queue->claim("m").message.value();
        if (GetParam().state == RecipientState::claimed) return;
        ASSERT_TRUE(queue->settle(claimed, "m", GetParam().state, noon + 5min));
    }
    TemporaryFolder temporary;
    std::optional<CoreOnDisk> queue;
    QueueId id;
};

TEST_P(FromEveryState, ClaimingTakesOnlyWhatWaitsForAnAttempt) {
    const ClaimResult result = queue->claim("m", noon + 10min);
    EXPECT_EQ(result.message.has_value(), GetParam().claimable);
    EXPECT_EQ(queue->state_of(id), GetParam().claimable ? RecipientState::claimed : GetParam().state);
}

TEST_P(FromEveryState, RetryingMakesDueWhatNoAttemptHolds) {
    const auto slice = queue->operate(Verb::retry, id, {}, noon + 1min);
    const bool gone =
        GetParam().state == RecipientState::delivered || GetParam().state == RecipientState::failed;
    ASSERT_EQ(slice.has_value(), !gone);
    if (gone) {
        EXPECT_EQ(slice.error().kind, ErrorKind::not_found);
        return;
    }
    EXPECT_EQ(slice->recipients, GetParam().retriable ? 1u : 0u);
    EXPECT_EQ(queue->claim("m", noon + 1min).message.has_value(), GetParam().retriable);
}

TEST_P(FromEveryState, RemovingEndsWhatNoAttemptHolds) {
    const auto slice = queue->operate(Verb::remove, id, {}, noon + 1min);
    EXPECT_EQ(slice.has_value(), GetParam().removable);
    if (GetParam().removable) {
        EXPECT_EQ(queue->state_of(id), RecipientState::deleted);
    } else {
        EXPECT_EQ(slice.error().kind,
                  GetParam().state == RecipientState::claimed ? ErrorKind::conflict : ErrorKind::not_found);
        EXPECT_EQ(queue->state_of(id), GetParam().state);
    }
}

TEST_P(FromEveryState, ARestartMakesOnlyMarkedClaimsUncertain) {
    const bool was_claimed = GetParam().state == RecipientState::claimed;
    EXPECT_EQ(queue->mark_ending(id, "m").has_value(), was_claimed) << "only a claim can be marked";
    queue.reset();
    queue.emplace(temporary.queue(), CoreOptions{}, noon + 1h);
    EXPECT_EQ(queue->core->made_queued(), 0u);
    EXPECT_EQ(queue->core->made_uncertain(), was_claimed ? 1u : 0u);
    EXPECT_EQ(queue->state_of(id), was_claimed ? RecipientState::uncertain : GetParam().state);
    if (was_claimed) {
        EXPECT_FALSE(queue->claim("m", noon + 1h + 4min).message)
            << "a possible duplicate is not sent at once";
        const ClaimedMessage claimed = queue->claim("m", noon + 1h + 5min).message.value();
        EXPECT_TRUE(claimed.recipients.at(0).maybe_delivered);
        EXPECT_EQ(claimed.recipients.at(0).uncertain_endings, 1);
        EXPECT_EQ(claimed.recipients.at(0).attempts, 1);
        EXPECT_EQ(claimed.recipients.at(0).first_tried, noon + 1h);
    }
}

TEST_P(FromEveryState, TheCountersAgreeWithTheRowsAfterARestart) {
    const QueueCounts before = queue->core->counts().value();
    const bool live =
        GetParam().state != RecipientState::delivered && GetParam().state != RecipientState::failed;
    EXPECT_EQ(before.messages, live ? 1u : 0u);
    EXPECT_EQ(before.queued + before.claimed + before.held + before.uncertain, before.messages);
    EXPECT_EQ(before.bytes, live ? 20u : 0u);
    queue.reset();
    queue.emplace(temporary.queue());
    const QueueCounts after = queue->core->counts().value();
    EXPECT_EQ(after.messages, before.messages);
    EXPECT_EQ(after.bytes, before.bytes);
    EXPECT_EQ(after.queued, before.queued + before.claimed);
    EXPECT_EQ(after.held, before.held);
    EXPECT_EQ(after.uncertain, before.uncertain);
}

INSTANTIATE_TEST_SUITE_P(Every, FromEveryState,
                         ::testing::Values(After{RecipientState::queued, true, true, true},
                                           After{RecipientState::claimed, false, false, false},
                                           After{RecipientState::held, false, true, true},
                                           After{RecipientState::uncertain, true, true, true},
                                           After{RecipientState::delivered, false, false, false},
                                           After{RecipientState::failed, false, false, false}),
                         [](const auto& one) { return std::string(to_string(one.param.state)); });

// ------------------------------------------------------------------ claims

TEST(Core, KeepsTheMailboxesOfOneMessageApart) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(
        acceptance_for({{"a@example.com", "one"}, {"b@example.com", "two"}, {"c@example.com", "one"}}));
    const ClaimedMessage one = queue.claim("one").message.value();
    EXPECT_EQ(one.recipients.size(), 2u);
    ASSERT_TRUE(queue.settle(one, "one", RecipientState::delivered));
    EXPECT_TRUE(queue.core->body(id)) << "the content stays while somebody waits for it";
    const ClaimedMessage two = queue.claim("two").message.value();
    ASSERT_EQ(two.recipients.size(), 1u);
    EXPECT_EQ(two.recipients[0].recipient.address, "b@example.com");
    EXPECT_EQ(queue.settle(two, "one", RecipientState::delivered).error().kind, ErrorKind::conflict);
    ASSERT_TRUE(queue.settle(two, "two", RecipientState::delivered));
    EXPECT_EQ(queue.core->body(id).error().kind, ErrorKind::not_found);
    EXPECT_EQ(queue.core->counts().value().messages, 0u);
    EXPECT_EQ(queue.core->show(id).value().recipients.size(), 3u);
}

TEST(Core, ClaimsByPriorityThenByTime) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const auto at = [](int priority, base::WallTime time) {
        Acceptance acceptance = acceptance_for({{"a@example.com", "m"}});
        acceptance.priority = priority;
        acceptance.accepted = time;
        return acceptance;
    };
    const QueueId later_high = queue.accept(at(5, noon + 10min));  // waits: its time has not come
    const QueueId second = queue.accept(at(0, noon - 1min));
    const QueueId first = queue.accept(at(0, noon - 2min));
    const QueueId high = queue.accept(at(5, noon));
    const QueueId low = queue.accept(at(-1, noon - 1h));
    std::vector<QueueId> order;
    for (ClaimResult result = queue.claim("m"); result.message; result = queue.claim("m"))
        order.push_back(result.message->id);
    EXPECT_THAT(order, ElementsAre(high, first, second, low));
    EXPECT_EQ(queue.claim("m").next_due, noon + 10min);
    EXPECT_EQ(queue.claim("m", noon + 10min).message->id, later_high);
    EXPECT_EQ(queue.claim("m").next_due, std::nullopt);
    EXPECT_EQ(queue.claim("other").next_due, std::nullopt);
}

TEST(Core, ClaimsNoMoreRecipientsThanAskedFor) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    queue.accept(acceptance_for({{"a@example.com", "m"}, {"b@example.com", "m"}, {"c@example.com", "m"}}));
    EXPECT_EQ(queue.claim("m", noon, 2).message->recipients.size(), 2u);
    const ClaimResult rest = queue.claim("m", noon, 2);
    EXPECT_EQ(rest.message->recipients.size(), 1u);
    EXPECT_EQ(queue.claim("m", noon, 2).message, std::nullopt);
}

TEST(Core, CountsAttemptsAndRemembersTheFirstThatCounted) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    queue.accept(acceptance_for({{"a@example.com", "m"}}));
    ClaimedMessage claimed = queue.claim("m").message.value();
    Settlement unheard{claimed.id, "m", noon + 1min, {}, "", ""};
    unheard.recipients.push_back({claimed.recipients[0].row, RecipientState::queued, noon, false, {}});
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.settle(unheard); }));
    claimed = queue.claim("m").message.value();
    EXPECT_EQ(claimed.recipients[0].attempts, 0);
    EXPECT_EQ(claimed.recipients[0].first_tried, base::WallTime());
    ASSERT_TRUE(queue.settle(claimed, "m", RecipientState::uncertain, noon, noon + 2min));
    claimed = queue.claim("m").message.value();
    ASSERT_TRUE(queue.settle(claimed, "m", RecipientState::queued, noon, noon + 3min));
    claimed = queue.claim("m").message.value();
    EXPECT_EQ(claimed.recipients[0].attempts, 2);
    EXPECT_EQ(claimed.recipients[0].first_tried, noon + 2min);
    EXPECT_TRUE(claimed.recipients[0].maybe_delivered) << "what was uncertain once stays so";
}

TEST(Core, ChecksAWholeSettlementBeforeItChangesAnything) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}, {"b@example.com", "m"}}));
    const ClaimedMessage claimed = queue.claim("m").message.value();
    Settlement settlement{id, "m", noon, {}, "", ""};
    settlement.recipients.push_back({claimed.recipients[0].row, RecipientState::delivered, noon, true, {}});
    settlement.recipients.push_back({claimed.recipients[0].row, RecipientState::delivered, noon, true, {}});
    // Without a rollback: a refused operation shares its transaction with others that succeed.
    ASSERT_TRUE(queue.core->begin());
    EXPECT_EQ(queue.core->settle(settlement).error().kind, ErrorKind::invalid);
    settlement.recipients[1].row = 4711;
    EXPECT_EQ(queue.core->settle(settlement).error().kind, ErrorKind::conflict);
    ASSERT_TRUE(queue.core->commit());
    EXPECT_EQ(queue.core->counts().value().claimed, 2u);
    EXPECT_EQ(queue.core->show(id).value().recipients.size(), 2u);
}

TEST(Core, StoresOnlyPrintableWordsOfTheOtherSide) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    const ClaimedMessage claimed = queue.claim("m").message.value();
    Settlement settlement{id, "m", noon, {}, "", ""};
    settlement.recipients.push_back(
        {claimed.recipients[0].row,
         RecipientState::held,
         noon,
         true,
         {mail::Channel::smtp, mail::Phase::rcpt, 550, "5.1.1", "no\x1b[2J\r\nMAIL"}});
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.settle(settlement); }));
    const mail::Answer answer = queue.core->show(id).value().recipients.at(0).answer;
    EXPECT_EQ(answer, (mail::Answer{mail::Channel::smtp, mail::Phase::rcpt, 550, "5.1.1", "no?[2J??MAIL"}));
}

TEST(Core, ClaimsFewerRecipientsOfAMessageThatIsCapped) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const auto three =
        acceptance_for({{"a@example.com", "m"}, {"b@example.com", "m"}, {"c@example.com", "m"}});
    const QueueId capped = queue.accept(three);
    const QueueId other = queue.accept(three);
    const ClaimRequest request{"m", noon, noon + 1h, 500, "budget", {{capped, 1}}};
    std::map<QueueId, std::vector<std::size_t>> claimed;
    for (int i = 0; i < 4; ++i) {
        const auto result = queue.in_transaction([&](Core& core) { return core.claim(request); });
        const ClaimedMessage& message = result.value().message.value();
        claimed[message.id].push_back(message.recipients.size());
    }
    EXPECT_EQ(claimed[capped], (std::vector<std::size_t>{1, 1, 1}));
    EXPECT_EQ(claimed[other], (std::vector<std::size_t>{3}));
    EXPECT_FALSE(queue.claim("m").message);
}

// ------------------------------------------------------------------ mailboxes and pauses

MailboxRecord paused_since(base::WallTime since) {
    MailboxRecord record;
    record.name = "m";
    record.paused = true;
    record.pause_answer = {mail::Channel::smtp, mail::Phase::auth, 535, "5.7.3", "no"};
    record.pause_cause = "cause";
    record.pause_remedy = "remedy";
    record.stopped_since = since;
    record.next_probe = since + 1min;
    record.probes = 2;
    record.budget = std::string("\0\1", 2);
    return record;
}

TEST(Core, KeepsAMailboxAcrossARestart) {
    const TemporaryFolder temporary;
    {
        CoreOnDisk queue(temporary.queue());
        ASSERT_TRUE(queue.in_transaction([](Core& core) { return core.save(paused_since(noon), noon); }));
    }
    const CoreOnDisk queue(temporary.queue());
    const auto records = queue.core->mailboxes().value();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0].paused);
    EXPECT_EQ(records[0].pause_answer, paused_since(noon).pause_answer);
    EXPECT_EQ(records[0].pause_cause, "cause");
    EXPECT_EQ(records[0].pause_remedy, "remedy");
    EXPECT_EQ(records[0].stopped_since, noon);
    EXPECT_EQ(records[0].next_probe, noon + 1min);
    EXPECT_EQ(records[0].probes, 2);
    EXPECT_EQ(records[0].budget, std::string("\0\1", 2));
}

TEST(Core, AddsAPauseOnceHoweverOftenItsEndIsSaved) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    MailboxRecord record = paused_since(noon);
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.save(record, noon); }));
    record.paused = false;
    record.stopped_since.reset();
    for (int i = 0; i < 2; ++i)
        ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.save(record, noon + 30min); }));
    EXPECT_EQ(queue.core->mailboxes().value().at(0).stopped_total, base::Duration(30min));
}

TEST(Core, AddsARestToThePauseThatFollowsIt) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    queue.accept(acceptance_for({{"a@example.com", "m"}}));
    MailboxRecord rest;
    rest.name = "m";
    rest.stopped_since = noon;
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.save(rest, noon + 1s); }));
    for (int i = 0; i < 2; ++i)
        ASSERT_TRUE(queue.in_transaction(
            [&](Core& core) { return core.save(paused_since(noon + 10min), noon + 11min); }));
    EXPECT_EQ(queue.core->mailboxes().value().at(0).stopped_total, base::Duration(10min));
    EXPECT_EQ(queue.claim("m", noon + 30min).message->stopped_for, base::Duration(30min));
}

TEST(Core, CountsOnlyThatPartOfAPauseThatAMessageSaw) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    MailboxRecord record = paused_since(noon - 1h);
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.save(record, noon - 1h); }));
    queue.accept(acceptance_for({{"a@example.com", "m"}}));  // in the middle of the pause
    const ClaimedMessage probe = queue.claim("m", noon + 10min).message.value();
    EXPECT_EQ(probe.stopped_for, base::Duration(10min));
    ASSERT_TRUE(queue.settle(probe, "m", RecipientState::queued, noon));
    record.paused = false;
    record.stopped_since.reset();
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.save(record, noon + 20min); }));
    EXPECT_EQ(queue.claim("m", noon + 50min).message->stopped_for, base::Duration(20min));
}

TEST(Core, StoresTheBudgetWithTheClaim) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    EXPECT_FALSE(queue.claim("m").message);
    EXPECT_TRUE(queue.core->mailboxes().value().empty()) << "nothing was claimed, so nothing is counted";
    queue.accept(acceptance_for({{"a@example.com", "m"}}));
    ASSERT_TRUE(queue.claim("m").message);
    EXPECT_EQ(queue.core->mailboxes().value().at(0).budget, "budget");
}

// ------------------------------------------------------------------ identity

TEST(Core, NeverGivesAQueueIdTwice) {
    const TemporaryFolder temporary;
    std::int64_t last = 0;
    for (int restart = 0; restart < 3; ++restart) {
        CoreOnDisk queue(temporary.queue());
        EXPECT_GT(queue.core->first_id().value(), last);
        last = queue.core->first_id().value() + id_block / 2 - 1;  // given out, never committed
    }
    CoreOnDisk queue(temporary.queue());
    queue.next += 3 * id_block;  // far beyond what was reserved: the message's own transaction reserves more
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    queue.core.reset();
    CoreOptions options;
    options.database = queue.folder.database();
    EXPECT_GT(Core::open(options, noon).value()->first_id(), id);
}

TEST(Core, StartsANewQueueBehindTheIdsOfAnOlderOne) {
    const TemporaryFolder one, two;
    const CoreOnDisk older(one.queue());
    const CoreOnDisk newer(two.queue(), CoreOptions{}, noon + 1h);
    EXPECT_GT(newer.core->first_id().value(), older.core->first_id().value() + 1'000'000'000);
}

TEST(Core, FindsDamageInInlineContent) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}), "one\r\n");
    queue.core.reset();
    sqlite3* visitor = nullptr;
    ASSERT_EQ(sqlite3_open(queue.folder.database().c_str(), &visitor), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(visitor, "UPDATE body SET content=x'6f6e650d0b'", nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(visitor);
    CoreOptions options;
    options.database = queue.folder.database();
    const auto core = Core::open(options, noon).value();
    EXPECT_EQ(core->body(id).error().kind, ErrorKind::invalid);
    EXPECT_THAT(core->body(id).error().message, HasSubstr("damaged"));
}

TEST(Core, WhatCannotHaveBeenSentIsQueuedAgainAfterAnyNumberOfCrashes) {
    const TemporaryFolder temporary;
    CoreOptions options;
    options.bulk_rows_max = 1;  // every recipient is a slice of its own
    options.unsent_delay = 1s;
    std::optional<CoreOnDisk> queue;
    queue.emplace(temporary.queue(), options);
    const QueueId id = queue->accept(acceptance_for({{"a@example.net", "m"}, {"b@example.net", "m"}}));
    ASSERT_TRUE(queue->settle(queue->claim("m").message.value(), "m", RecipientState::queued));
    base::WallTime now = noon;
    for (int crashes = 1; crashes <= 10; ++crashes) {
        ASSERT_EQ(queue->claim("m", now).message.value().recipients.size(), 2u);
        queue.reset();
        queue.emplace(temporary.queue(), options, now);
        EXPECT_EQ(queue->core->made_queued(), 2u);
        EXPECT_EQ(queue->core->made_uncertain(), 0u);
        EXPECT_FALSE(queue->claim("m", now).message) << "others get their turn first";
        now += 1s;
        const MessageRow message = queue->core->show(id).value();
        for (const RecipientRow& recipient : message.recipients) {
            EXPECT_EQ(recipient.state, RecipientState::queued);
            EXPECT_EQ(recipient.due, now);
            EXPECT_EQ(recipient.attempts, 1);
            EXPECT_FALSE(recipient.maybe_delivered);
            EXPECT_EQ(recipient.answer.code, 451) << "it is the last one that there was";
        }
    }
    EXPECT_EQ(queue->claim("m", now).message.value().recipients.at(1).uncertain_endings, 0);
}

TEST(Core, MarksOnlyWhatTheAttemptHolds) {
    const TemporaryFolder temporary;
    CoreOptions options;
    std::optional<CoreOnDisk> queue;
    queue.emplace(temporary.queue(), options);
    const QueueId id = queue->accept(acceptance_for({{"a@example.net", "one"}, {"b@example.net", "two"}}));
    const std::int64_t a = queue->claim("one").message.value().recipients.at(0).row;
    const std::int64_t b = queue->claim("two").message.value().recipients.at(0).row;
    const auto mark = [&](std::vector<std::int64_t> rows) {
        return queue->in_transaction([&](Core& core) { return core.mark_ending(id, "two", rows); });
    };
    EXPECT_EQ(mark({b, a}).error().kind, ErrorKind::conflict);
    EXPECT_EQ(mark({b, 1000}).error().kind, ErrorKind::conflict);
    ASSERT_TRUE(mark({b}));
    queue.reset();
    queue.emplace(temporary.queue(), options);
    EXPECT_EQ(mark({b}).error().kind, ErrorKind::conflict) << "an earlier instance held it";
    const MessageRow message = queue->core->show(id).value();
    EXPECT_EQ(message.recipients.at(0).state, RecipientState::queued);
    EXPECT_EQ(message.recipients.at(1).state, RecipientState::uncertain);
    EXPECT_EQ(queue->core->made_queued(), 1u);
    EXPECT_EQ(queue->core->made_uncertain(), 1u);
}

TEST(Core, ANewClaimIsNotMarked) {
    const TemporaryFolder temporary;
    std::optional<CoreOnDisk> queue;
    queue.emplace(temporary.queue());
    const QueueId id = queue->accept(acceptance_for({{"a@example.net", "m"}}));
    const ClaimedMessage claimed = queue->claim("m").message.value();
    ASSERT_TRUE(queue->mark_ending(id, "m"));
    ASSERT_TRUE(queue->settle(claimed, "m", RecipientState::queued));
    ASSERT_TRUE(queue->claim("m").message);
    queue.reset();
    queue.emplace(temporary.queue());
    EXPECT_EQ(queue->state_of(id), RecipientState::queued);
}

TEST(Core, WhatMayHaveBeenSentIsHeldAfterSomeCrashes) {
    const TemporaryFolder temporary;
    CoreOptions options;
    options.bulk_rows_max = 1;  // every recipient is a slice of its own
    options.uncertain_delay = 1s;
    std::optional<CoreOnDisk> queue;
    queue.emplace(temporary.queue(), options);
    const QueueId id = queue->accept(acceptance_for({{"a@example.net", "m"}, {"b@example.net", "m"}}));
    base::WallTime now = noon;
    for (int crashes = 1; crashes <= 3; ++crashes) {
        ASSERT_EQ(queue->claim("m", now).message.value().recipients.size(), 2u);
        ASSERT_TRUE(queue->mark_ending(id, "m"));
        queue.reset();
        queue.emplace(temporary.queue(), options, now);
        now += 1s;
        const MessageRow message = queue->core->show(id).value();
        for (const RecipientRow& recipient : message.recipients) {
            EXPECT_EQ(recipient.state, crashes < 3 ? RecipientState::uncertain : RecipientState::held);
            EXPECT_EQ(recipient.hold_reason, crashes < 3 ? HoldReason::none : HoldReason::crashed);
            EXPECT_EQ(recipient.attempts, crashes);
            EXPECT_TRUE(recipient.maybe_delivered);
            EXPECT_EQ(recipient.answer.channel, mail::Channel::local);
        }
    }
    EXPECT_EQ(queue->core->counts().value().held, 2u);
    EXPECT_FALSE(queue->claim("m", now + 24h).message);
}

TEST(Core, CountsUncertainEndingsWhateverStateTheyLeadTo) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.net", "m"}}));
    EXPECT_TRUE(queue.settle(queue.claim("m").message.value(), "m", RecipientState::uncertain));
    ClaimedMessage claimed = queue.claim("m").message.value();
    EXPECT_EQ(claimed.recipients.at(0).uncertain_endings, 1);
    Settlement settlement{claimed.id, "m", noon, {}, "", "budget"};
    settlement.recipients.push_back({.row = claimed.recipients.at(0).row,
                                     .state = RecipientState::held,
                                     .due = noon,
                                     .counts_as_attempt = true,
                                     .answer = {},
                                     .ended_uncertain = true,
                                     .hold_reason = HoldReason::uncertain});
    EXPECT_TRUE(queue.in_transaction([&](Core& core) { return core.settle(settlement); }));
    EXPECT_EQ(queue.state_of(id), RecipientState::held);
    EXPECT_EQ(queue.core->show(id).value().recipients.at(0).hold_reason, HoldReason::uncertain);
    EXPECT_TRUE(queue.operate(Verb::retry, id));
    EXPECT_EQ(queue.core->show(id).value().recipients.at(0).hold_reason, HoldReason::none);
    EXPECT_EQ(queue.claim("m").message.value().recipients.at(0).uncertain_endings, 2);
}

TEST(Core, KnowsWhichMailboxesHaveMail) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    EXPECT_TRUE(queue.core->backlogs().value().empty());
    queue.accept(acceptance_for({{"a@example.net", "old"}, {"b@example.net", "m"}}));
    queue.accept(acceptance_for({{"a@example.net", "old"}}));
    const auto backlogs = queue.core->backlogs().value();
    ASSERT_EQ(backlogs.size(), 2u);
    EXPECT_EQ(backlogs[0].mailbox, "m");
    EXPECT_EQ(backlogs[0].recipients, 1u);
    EXPECT_EQ(backlogs[1].mailbox, "old");
    EXPECT_EQ(backlogs[1].recipients, 2u);
}

TEST(Core, WhatAClockThatWasSetBackHasMadeDueInTheFutureIsDueNow) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "one"}}));
    // Accepted at noon; now it is the day before.
    EXPECT_EQ(queue.claim("one", noon - 24h).message.value().id, id);
    // What only waits for its next try goes on waiting.
    const QueueId later = queue.accept(acceptance_for({{"b@example.com", "two"}}));
    const ClaimResult waiting = queue.claim("two", noon - 2h);
    EXPECT_FALSE(waiting.message) << later.text();
    EXPECT_EQ(waiting.next_due, noon);
}

TEST(Core, AClockThatIsSetBackLetsNothingWaitBehindWhatIsDueSooner) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId before = queue.accept(acceptance_for({{"a@example.com", "one"}}));
    EXPECT_EQ(queue.claim("one", noon).message.value().id, before);
    const QueueId far = queue.accept(acceptance_for({{"b@example.com", "one"}}));
    Acceptance now = acceptance_for({{"c@example.com", "one"}});
    now.accepted = noon - 24h;
    const QueueId near = queue.accept(std::move(now));
    std::vector<QueueId> claimed;
    for (int i = 0; i < 2; ++i)
        claimed.push_back(queue.claim("one", noon - 24h).message.value().id);
    EXPECT_THAT(claimed, ::testing::UnorderedElementsAre(far, near));
}

}  // namespace
}  // namespace mailramp::queue
