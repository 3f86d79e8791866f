#include <gmock/gmock.h>

#include "queue/core.h"
#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

using ::testing::ElementsAre;

// Everything that the pages of a list hold together.
std::vector<QueueId> list_all(Core& core, ListRequest request, std::size_t& slices) {
    std::vector<QueueId> ids;
    for (slices = 1;; ++slices) {
        const ListSlice slice = core.list(request).value();
        for (const MessageRow& message : slice.messages)
            ids.push_back(message.id);
        if (!slice.more) return ids;
        EXPECT_NE(slice.examined, request.after) << "a slice that gets nowhere";
        request.after = slice.examined;
    }
}

TEST(Listing, GoesThroughTheQueueInPagesThatNeitherRepeatNorSkip) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    std::vector<QueueId> all;
    for (int i = 0; i < 25; ++i)
        all.push_back(queue.accept(acceptance_for({{"a@example.com", "m"}})));
    for (const std::size_t page : {1u, 7u, 24u, 25u, 100u}) {
        ListRequest request;
        request.messages_max = page;
        std::size_t slices = 0;
        EXPECT_EQ(list_all(*queue.core, request, slices), all);
        EXPECT_EQ(slices, (25 + page - 1) / page);
    }
}

TEST(Listing, KeepsWhatTheFilterAsksFor) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId both = queue.accept(acceptance_for({{"a@example.com", "one"}, {"b@example.com", "two"}}));
    const QueueId one = queue.accept(acceptance_for({{"c@example.com", "one"}}));
    ASSERT_TRUE(queue.settle(queue.claim("two").message.value(), "two", RecipientState::held));
    std::size_t slices = 0;
    EXPECT_THAT(list_all(*queue.core, {.mailbox = "one"}, slices), ElementsAre(both, one));
    EXPECT_THAT(list_all(*queue.core, {.state = RecipientState::held}, slices), ElementsAre(both));
    EXPECT_THAT(list_all(*queue.core, {.state = RecipientState::held, .mailbox = "one"}, slices),
                ElementsAre());
    const ListSlice held = queue.core->list({.state = RecipientState::held}).value();
    ASSERT_EQ(held.messages.at(0).recipients.size(), 1u);
    EXPECT_EQ(held.messages[0].recipients[0].address, "b@example.com");
}

TEST(Listing, ShowsWhatHasEndedOnlyWhenAsked) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId delivered = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    ASSERT_TRUE(queue.settle(queue.claim("m").message.value(), "m", RecipientState::delivered));
    const QueueId failed = queue.accept(acceptance_for({{"a@example.com", "m"}}));
    ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.remove(failed, noon); }));
    std::size_t slices = 0;
    EXPECT_THAT(list_all(*queue.core, {}, slices), ElementsAre());
    EXPECT_THAT(list_all(*queue.core, {.state = RecipientState::delivered}, slices), ElementsAre(delivered));
    EXPECT_THAT(list_all(*queue.core, {.state = RecipientState::failed}, slices), ElementsAre(failed));
    EXPECT_THAT(list_all(*queue.core, {.messages_max = 1, .state = RecipientState::failed}, slices),
                ElementsAre(failed));
}

TEST(Listing, NeverReadsMoreThanASliceAtOnce) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue(), CoreOptions{.bulk_rows_max = 10});
    for (int i = 0; i < 50; ++i)
        queue.accept(acceptance_for({{"a@example.com", "m"}}));
    std::size_t slices = 0;
    EXPECT_THAT(list_all(*queue.core, {.mailbox = "nobody"}, slices), ElementsAre());
    EXPECT_EQ(slices, 10u);  // a message and its recipient are two rows
}

TEST(Retrying, TakesTheWholeQueueInSlices) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue(), CoreOptions{.bulk_rows_max = 10});
    for (int i = 0; i < 25; ++i) {
        queue.accept(acceptance_for({{"a@example.com", i % 2 == 0 ? "one" : "two"}}));
        const std::string mailbox = i % 2 == 0 ? "one" : "two";
        ASSERT_TRUE(queue.settle(queue.claim(mailbox).message.value(), mailbox, RecipientState::held));
    }
    std::size_t recipients = 0, slices = 0;
    for (std::int64_t after = 0;;) {
        const auto slice =
            queue.in_transaction([&](Core& core) { return core.retry({}, after, noon); }).value();
        EXPECT_LE(slice.recipients, 10u);
        EXPECT_THAT(slice.mailboxes, ElementsAre("one", "two"));
        recipients += slice.recipients;
        after = slice.last_row;
        ++slices;
        if (!slice.more) break;
    }
    EXPECT_EQ(recipients, 25u);
    EXPECT_EQ(slices, 3u);
    EXPECT_EQ(queue.core->counts().value().queued, 25u);
    EXPECT_EQ(queue.core->counts().value().held, 0u);
}

TEST(Removing, TakesManyRecipientsInSlices) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue(), CoreOptions{.bulk_rows_max = 10});
    Acceptance acceptance = acceptance_for({});
    for (int i = 0; i < 25; ++i)
        acceptance.recipients.push_back(
            {mail::Recipient{std::to_string(i) + "@example.com", "", ""}, "m", "r"});
    const QueueId id = queue.accept(acceptance);
    std::vector<std::size_t> slices;
    for (bool more = true; more;) {
        const auto slice = queue.in_transaction([&](Core& core) { return core.remove(id, noon); }).value();
        slices.push_back(slice.recipients);
        more = slice.more;
    }
    EXPECT_THAT(slices, ElementsAre(10, 10, 5));
    EXPECT_EQ(queue.core->counts().value().messages, 0u);
    EXPECT_EQ(queue.core->show(id).value().recipients.size(), 25u);
}

TEST(History, KeepsTheNewestRowsAndNoneThatAreTooOld) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue(),
                     CoreOptions{.bulk_rows_max = 4, .history_age_max = 24h, .history_rows_max = 10});
    const auto end_one = [&](base::WallTime when) {
        const QueueId id = queue.accept(acceptance_for({{"a@example.com", "m"}}));
        EXPECT_TRUE(
            queue.settle(queue.claim("m").message.value(), "m", RecipientState::delivered, noon, when));
        return id;
    };
    const auto trim = [&](base::WallTime now) {
        std::size_t slices = 1;
        while (queue.in_transaction([&](Core& core) { return core.trim_history(now); }).value())
            ++slices;
        return slices;
    };
    std::vector<QueueId> ids;
    for (int i = 0; i < 15; ++i)
        ids.push_back(end_one(noon + std::chrono::minutes(i)));
    EXPECT_EQ(trim(noon), 2u);
    EXPECT_FALSE(queue.core->show(ids[4]));
    EXPECT_TRUE(queue.core->show(ids[5]));
    trim(noon + 24h + 10min);
    EXPECT_FALSE(queue.core->show(ids[9]));
    EXPECT_TRUE(queue.core->show(ids[10]));
    // The counter that decides about trimming survives a restart.
    queue.core.reset();
    CoreOptions options{.bulk_rows_max = 4, .history_age_max = 24h, .history_rows_max = 2};
    options.database = queue.folder.database();
    queue.core = Core::open(options, noon).value();
    trim(noon);
    EXPECT_FALSE(queue.core->show(ids[12]));
    EXPECT_TRUE(queue.core->show(ids[13]));
}

TEST(History, ShowsAMessageThatIsPartlyDelivered) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue());
    const QueueId id = queue.accept(acceptance_for({{"a@example.com", "one"}, {"b@example.com", "two"}}));
    ASSERT_TRUE(queue.settle(queue.claim("one").message.value(), "one", RecipientState::delivered));
    const MessageRow message = queue.core->show(id).value();
    ASSERT_EQ(message.recipients.size(), 2u);
    EXPECT_EQ(message.recipients[0].state, RecipientState::queued);
    EXPECT_EQ(message.recipients[1].state, RecipientState::delivered);
    EXPECT_EQ(message.recipients[1].attempts, 1);
    EXPECT_EQ(message.recipients[1].answer.text, "later");
}

TEST(FreePages, GoBackToTheFileSystemWhenThereAreMany) {
    const TemporaryFolder temporary;
    CoreOnDisk queue(temporary.queue(), CoreOptions{.bulk_rows_max = 50, .free_pages_max = 100});
    std::vector<QueueId> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(queue.accept(acceptance_for({{"a@example.com", "m"}}), std::string(60'000, 'x')));
    for (const QueueId id : ids)
        ASSERT_TRUE(queue.in_transaction([&](Core& core) { return core.remove(id, noon); }));
    ASSERT_TRUE(queue.core->checkpoint(SQLITE_CHECKPOINT_PASSIVE));
    const auto before = std::filesystem::file_size(queue.folder.database());
    int slices = 1;
    while (queue.in_transaction([](Core& core) { return core.give_back_pages(); }).value())
        ++slices;
    ASSERT_TRUE(queue.core->checkpoint(SQLITE_CHECKPOINT_PASSIVE));
    EXPECT_LE(std::filesystem::file_size(queue.folder.database()), before - 150 * 4096);
    EXPECT_GE(slices, 3);
}

}  // namespace
}  // namespace mailramp::queue
