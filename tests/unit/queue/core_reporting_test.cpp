#include <gmock/gmock.h>

#include "queue/core.h"
#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

// Holds all recipients of what is due, marked for a report.
QueueId hold_and_mark(CoreOnDisk& queue, QueueId id, const std::string& mailbox = "m") {
    const ClaimedMessage claimed = queue.claim(mailbox).message.value();
    EXPECT_EQ(claimed.id, id);
    Settlement settlement{id, mailbox, noon, {}, "", ""};
    for (const ClaimedRecipient& recipient : claimed.recipients) {
        RecipientSettlement& row = settlement.recipients.emplace_back();
        row.row = recipient.row;
        row.state = RecipientState::held;
        row.due = noon + 1min;
        row.answer = {mail::Channel::smtp, mail::Phase::rcpt, 550, "5.1.1", "nobody"};
        row.hold_reason = HoldReason::refused;
        row.report = true;
    }
    EXPECT_TRUE(queue.in_transaction([&](Core& core) { return core.settle(settlement); }));
    return id;
}

std::vector<std::int64_t> rows_of(const Unreported& message) {
    std::vector<std::int64_t> rows;
    for (const UnreportedRecipient& recipient : message.recipients)
        rows.push_back(recipient.row);
    return rows;
}

std::optional<Unreported> next(CoreOnDisk& queue, std::size_t recipients_max = 100) {
    return queue.core->next_unreported(recipients_max).value();
}

base::Result<> report(CoreOnDisk& queue, const Unreported& about, QueueId id) {
    Acceptance acceptance = acceptance_for({{"it@example.com", "m"}});
    acceptance.envelope.sender.clear();
    acceptance.origin = Origin::report;
    acceptance.reported = Reported{about.id, rows_of(about)};
    const NewMessage message = inline_message(id, "Subject: report\r\n\r\n", std::move(acceptance));
    return queue.in_transaction([&](Core& core) { return core.accept(message); });
}

TEST(Unreported, IsFoundWithAllThatAReportTells) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    Acceptance acceptance = acceptance_for({{"a@example.com", "m"}, {"b@example.com", "m"}});
    acceptance.envelope.ret = mail::DsnReturn::full;
    acceptance.envelope.envid = "id+201";
    acceptance.recipients[0].recipient.orcpt = "rfc822;x@example.com";
    acceptance.recipients[1].recipient.notify = "NEVER";
    const QueueId id = hold_and_mark(queue, queue.accept(acceptance));
    const Unreported found = next(queue).value();
    EXPECT_EQ(found.id, id);
    EXPECT_EQ(found.origin, Origin::client);
    EXPECT_EQ(found.envelope.sender, "app@example.com");
    EXPECT_EQ(found.envelope.ret, mail::DsnReturn::full);
    EXPECT_EQ(found.envelope.envid, "id+201");
    EXPECT_EQ(found.mailbox, "m");
    EXPECT_EQ(found.route, "default");
    ASSERT_EQ(found.recipients.size(), 2u);
    EXPECT_EQ(found.recipients[0].recipient.orcpt, "rfc822;x@example.com");
    EXPECT_EQ(found.recipients[0].hold_reason, HoldReason::refused);
    EXPECT_EQ(found.recipients[0].answer.enhanced, "5.1.1");
    EXPECT_EQ(found.recipients[0].ended, noon + 1min);
    EXPECT_EQ(found.recipients[1].recipient.notify, "NEVER");
    EXPECT_EQ(next(queue, 1).value().recipients.size(), 1u);
}

TEST(Unreported, SurvivesARestartUntilItIsReportedOrLeft) {
    const TemporaryFolder temporary;
    {
        CoreOnDisk queue(temporary.queue());
        hold_and_mark(queue, queue.accept(acceptance_for({{"a@example.com", "m"}})));
    }
    CoreOnDisk queue(temporary.queue());
    const Unreported found = next(queue).value();
    EXPECT_TRUE(
        queue.in_transaction([&](Core& core) { return core.leave_unreported(found.id, rows_of(found)); }));
    EXPECT_FALSE(next(queue));
    EXPECT_EQ(queue.state_of(found.id), RecipientState::held);
}

TEST(AReport, EndsThoseOfWhomItTellsInTheTransactionThatStoresIt) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    hold_and_mark(queue, queue.accept(acceptance_for({{"a@example.com", "m"}, {"b@example.com", "other"}})));
    const Unreported found = next(queue).value();
    const QueueId id(queue.next++);
    ASSERT_TRUE(report(queue, found, id));
    EXPECT_FALSE(next(queue));
    EXPECT_EQ(queue.core->counts().value().held, 0u);
    // The recipient of the other mailbox still waits, so the message is still there.
    const MessageRow left = queue.core->show(found.id).value();
    ASSERT_EQ(left.recipients.size(), 2u);
    for (const RecipientRow& recipient : left.recipients)
        EXPECT_EQ(recipient.state,
                  recipient.address == "a@example.com" ? RecipientState::failed : RecipientState::queued);
    const ClaimedMessage claimed = queue.claim("m").message.value();
    EXPECT_EQ(claimed.id, id);
    EXPECT_EQ(claimed.origin, Origin::report);
    EXPECT_EQ(claimed.envelope.sender, "");
}

TEST(AReport, OfTheLastRecipientEndsTheMessage) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId about = hold_and_mark(queue, queue.accept(acceptance_for({{"a@example.com", "m"}})));
    ASSERT_TRUE(report(queue, next(queue).value(), QueueId(queue.next++)));
    const HistoryRow ended = queue.core->history({}).value().rows.at(0);
    EXPECT_EQ(ended.message.id, about);
    EXPECT_EQ(ended.message.recipients.at(0).state, RecipientState::failed);
    EXPECT_EQ(ended.message.recipients[0].receipt, "bounced as " + QueueId(queue.next - 1).text());
    EXPECT_EQ(queue.core->counts().value().messages, 1u);
}

TEST(AReport, OfSomebodyWhoIsTriedAgainMeanwhileIsNotStored) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId about = hold_and_mark(queue, queue.accept(acceptance_for({{"a@example.com", "m"}})));
    const Unreported found = next(queue).value();
    ASSERT_TRUE(queue.operate(Verb::retry, about));
    const base::Result<> stored = report(queue, found, QueueId(queue.next++));
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().kind, base::ErrorKind::conflict);
    EXPECT_EQ(queue.core->counts().value().messages, 1u);
    EXPECT_EQ(queue.state_of(about), RecipientState::queued);
    EXPECT_FALSE(next(queue));
}

TEST(AReport, MayBeWantedOfWhatIsHeldOnly) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    const auto want = [&](QueueId which) {
        return queue.in_transaction([&](Core& core) { return core.want_report(which); });
    };
    EXPECT_EQ(want(id).error().kind, base::ErrorKind::conflict);
    EXPECT_EQ(want(QueueId(id.value() + 1)).error().kind, base::ErrorKind::not_found);
    ASSERT_TRUE(queue.settle(queue.claim("m").message.value(), "m", RecipientState::held));
    EXPECT_FALSE(next(queue));
    EXPECT_EQ(want(id).value(), 1u);
    EXPECT_EQ(next(queue).value().id, id);
}

}  // namespace
}  // namespace mailramp::queue
