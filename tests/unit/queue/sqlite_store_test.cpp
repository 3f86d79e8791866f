// The whole store with its threads, on real files or on a TestDisk.
#include "mailramp/queue/sqlite_store.h"

#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "unit/queue/support.h"
#include "unit/queue/test_disk.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FixedClock final : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override { return noon; }
    [[nodiscard]] base::SteadyTime steady() const override { return {}; }
};

// Named coroutines, because capturing lambdas in one expression with co_await are not safe with g++ 12.
io::Task<> store_result(io::Task<base::Result<>> task, std::optional<base::Result<>>& out) {
    auto result = co_await std::move(task);
    out = std::move(result);
}
template <class T>
io::Task<> store_value(io::Task<base::Result<T>> task, std::optional<base::Result<T>>& out) {
    auto result = co_await std::move(task);
    out = std::move(result);
}

io::Task<base::Result<>> accept_message(StagedMessage& staged, std::vector<std::string> pieces,
                                        Acceptance acceptance) {
    for (std::string& piece : pieces) {
        auto appended = co_await staged.append(std::move(piece));
        if (!appended) co_return appended;
    }
    co_return co_await staged.commit(std::move(acceptance));
}

io::Task<base::Result<std::string>> read_all(QueueStore& store, QueueId id, std::size_t step) {
    std::string content;
    for (;;) {
        auto piece = co_await store.read(id, content.size(), step);
        if (!piece) co_return piece;
        if (piece->empty()) co_return content;
        content += *piece;
    }
}

class Store : public ::testing::Test {
  protected:
    Store() {
        options.directory = temporary.queue();
        options.disk_free_bytes_min = 0;
        options.failed_commit_retry = 1ms;
        options.inline_bytes_max = 1000;
        options.large_body_sync_bytes = 4000;
    }

    void open() {
        store.reset();
        auto opened = open_sqlite_store(options, context.get_executor(), clock, base::Logger());
        ASSERT_TRUE(opened) << opened.error().message;
        store = std::move(*opened);
    }
    // Runs the event loop until nothing is left to do.
    void run() {
        context.restart();
        context.run();
    }
    template <class T>
    base::Result<T> wait_for(io::Task<base::Result<T>> task) {
        std::optional<base::Result<T>> result;
        boost::asio::co_spawn(context, store_value(std::move(task), result), boost::asio::detached);
        run();
        return std::move(result.value());
    }
    base::Result<> wait_for(io::Task<base::Result<>> task) {
        std::optional<base::Result<>> result;
        boost::asio::co_spawn(context, store_result(std::move(task), result), boost::asio::detached);
        run();
        return std::move(result.value());
    }
    base::Result<QueueId> accept(std::vector<std::string> pieces, std::string mailbox = "m") {
        const auto staged = store->stage(1000, {});
        const auto done = wait_for(accept_message(*staged, std::move(pieces),
                                                  acceptance_for({{"a@example.com", std::move(mailbox)}})));
        if (!done) return std::unexpected(done.error());
        return staged->id();
    }
    std::vector<std::string> body_names() {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(temporary.queue() / "bodies"))
            names.push_back(entry.path().filename());
        return names;
    }
    Settlement delivered(const ClaimedMessage& message) {
        Settlement settlement{message.id, "m", noon, {}, "", ""};
        for (const auto& recipient : message.recipients)
            settlement.recipients.push_back({recipient.row, RecipientState::delivered, noon, true, {}});
        return settlement;
    }
    ClaimResult claim() { return wait_for(store->claim_due({"m", noon, noon + 1h, 500, ""})).value(); }

    TemporaryFolder temporary;
    SqliteStoreOptions options;
    FixedClock clock;
    boost::asio::io_context context;
    std::unique_ptr<QueueStore> store;
};

std::string pattern(std::size_t size) {
    std::string octets;
    for (std::size_t i = 0; i < size; ++i)
        octets += static_cast<char>('a' + i % 23);
    return octets;
}

TEST_F(Store, AcceptsAndGivesBackSmallContent) {
    open();
    std::vector<std::string> due;
    store->on_due([&due](std::string_view mailbox) { due.emplace_back(mailbox); });
    const QueueId id = accept({"one ", "two"}).value();
    EXPECT_THAT(due, ElementsAre("m"));
    EXPECT_THAT(body_names(), IsEmpty());
    EXPECT_EQ(wait_for(read_all(*store, id, 3)).value(), "one two");
    EXPECT_EQ(wait_for(store->read(QueueId(5), 0, 10)).error().kind, ErrorKind::not_found);
    EXPECT_EQ(store->health().messages_accepted, 1u);
    EXPECT_EQ(wait_for(store->counts())->queued, 1u);
}

TEST_F(Store, KeepsLargeContentInAFileAsLongAsTheMessageLives) {
    open();
    const std::string content = pattern(50'000);
    const QueueId id =
        accept({content.substr(0, 900), content.substr(900, 30'000), content.substr(30'900)}).value();
    EXPECT_THAT(body_names(), SizeIs(1));
    for (const std::size_t step : {7'000u, 50'000u, 60'000u})
        EXPECT_EQ(wait_for(read_all(*store, id, step)).value(), content) << step;
    EXPECT_EQ(wait_for(store->read(id, 49'990, 100)).value(), content.substr(49'990)) << "from the middle";
    open();
    EXPECT_EQ(wait_for(read_all(*store, id, 7'000)).value(), content) << "after a restart";
    EXPECT_THAT(body_names(), SizeIs(1));
    const ClaimResult claimed = claim();
    EXPECT_EQ(claimed.message->size_bytes, content.size());
    ASSERT_TRUE(wait_for(store->settle(delivered(*claimed.message))));
    store.reset();
    EXPECT_THAT(body_names(), IsEmpty());
}

TEST_F(Store, ReadsOneFileForTwoMailboxesAtOnce) {
    open();
    const std::string content = pattern(50'000);
    const QueueId id = accept({content}).value();
    std::string one, two;
    while (one.size() < content.size() || two.size() < content.size()) {
        one += wait_for(store->read(id, one.size(), 9'000)).value();
        two += wait_for(store->read(id, two.size(), 4'000)).value();
    }
    EXPECT_EQ(one, content);
    EXPECT_EQ(two, content);
}

TEST_F(Store, ReportsDamagedContent) {
    open();
    const QueueId id = accept({pattern(50'000)}).value();
    {
        std::fstream file(temporary.queue() / "bodies" / body_names().at(0));
        file.seekp(20'000);
        file << "!";
    }
    const auto content = wait_for(read_all(*store, id, 7'000));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().kind, ErrorKind::invalid);
    EXPECT_THAT(content.error().message, HasSubstr(id.text() + " is damaged"));
    std::filesystem::remove(temporary.queue() / "bodies" / body_names().at(0));
    EXPECT_EQ(wait_for(store->read(id, 0, 10)).error().kind, ErrorKind::invalid);
    EXPECT_EQ(wait_for(store->counts())->messages, 1u) << "it is reported, not deleted";
}

TEST_F(Store, LeavesNoTraceOfAMessageThatWasDropped) {
    open();
    {
        const auto staged = store->stage(1000, {});
        ASSERT_TRUE(wait_for(staged->append(pattern(5'000))));
        EXPECT_THAT(body_names(), SizeIs(1));
    }
    store.reset();
    EXPECT_THAT(body_names(), IsEmpty());
    open();
    EXPECT_EQ(wait_for(store->counts())->messages, 0u);
}

TEST_F(Store, CommitsManyMessagesTogether) {
    open();
    std::vector<std::unique_ptr<StagedMessage>> staged;
    std::vector<std::optional<base::Result<>>> results(50);
    for (auto& result : results) {
        staged.push_back(store->stage(1000, {}));
        boost::asio::co_spawn(
            context,
            store_result(accept_message(*staged.back(), {"x"}, acceptance_for({{"a@example.com", "m"}})),
                         result),
            boost::asio::detached);
    }
    const std::uint64_t commits = store->health().commits;
    run();
    for (const auto& result : results)
        EXPECT_TRUE(result.value());
    EXPECT_EQ(store->health().messages_accepted, 50u);
    EXPECT_LE(store->health().commits - commits, 10u);
}

TEST_F(Store, KeepsLessInMemoryWhenTheCallerSaysSo) {
    open();
    const auto staged = store->stage(10, {});
    ASSERT_TRUE(
        wait_for(accept_message(*staged, {"0123456789", "x"}, acceptance_for({{"a@example.com", "m"}}))));
    EXPECT_THAT(body_names(), SizeIs(1));
    EXPECT_EQ(wait_for(read_all(*store, staged->id(), 100)).value(), "0123456789x");
}

TEST_F(Store, BoundsWhatIsOnItsWayToTheFiles) {
    options.large_body_in_flight_bytes_max = 6'000;
    open();
    std::vector<std::unique_ptr<StagedMessage>> staged;
    std::vector<std::optional<base::Result<>>> results(20);
    for (auto& result : results) {
        staged.push_back(store->stage(1000, {}));
        boost::asio::co_spawn(
            context,
            store_result(accept_message(*staged.back(), {pattern(5'000), pattern(8'000), "x"},
                                        acceptance_for({{"a@example.com", "m"}})),
                         result),
            boost::asio::detached);
    }
    run();
    for (std::size_t i = 0; i < results.size(); ++i) {
        ASSERT_TRUE(results[i].value());
        EXPECT_EQ(wait_for(read_all(*store, staged[i]->id(), 50'000)).value(),
                  pattern(5'000) + pattern(8'000) + "x");
    }
}

TEST_F(Store, RefusesMailBeyondItsSize) {
    options.size_bytes_max = 10'000;
    open();
    ASSERT_TRUE(accept({pattern(6'000)}));
    EXPECT_TRUE(store->reserve(4'000));
    EXPECT_EQ(store->reserve(4'001).error().kind, ErrorKind::limit);
    const auto staged = store->stage(1000, {});
    ASSERT_TRUE(wait_for(staged->append(pattern(3'000))));
    EXPECT_FALSE(store->reserve(1'001)) << "what is on its way in counts";
    EXPECT_EQ(wait_for(staged->append(pattern(1'001))).error().kind, ErrorKind::limit);
    EXPECT_EQ(wait_for(staged->commit(acceptance_for({{"a@example.com", "m"}}))).error().kind,
              ErrorKind::limit);
    EXPECT_TRUE(store->reserve(4'000)) << "what was refused needs no room, however long it goes on";
    ASSERT_TRUE(wait_for(store->settle(delivered(*claim().message))));
    EXPECT_TRUE(store->reserve(10'000));
}

TEST_F(Store, KeepsRoomForWhatWasDeclared) {
    options.size_bytes_max = 10'000;
    open();
    auto room = store->reserve(8'000);
    ASSERT_TRUE(room);
    EXPECT_FALSE(store->reserve(2'001));
    const auto undeclared = store->stage(1000, {});
    EXPECT_FALSE(wait_for(undeclared->append(pattern(2'001))));
    const auto also_undeclared = store->stage(1000, {});
    ASSERT_TRUE(wait_for(also_undeclared->append(pattern(2'000))));
    EXPECT_FALSE(store->reserve(1));
    const auto declared = store->stage(1000, std::move(*room));
    EXPECT_TRUE(wait_for(accept_message(*declared, {pattern(5'000), pattern(3'000)},
                                        acceptance_for({{"a@example.com", "m"}}))));
    EXPECT_TRUE(wait_for(also_undeclared->commit(acceptance_for({{"b@example.com", "m"}}))));
    EXPECT_FALSE(store->reserve(1));
}

TEST_F(Store, GivesTheRoomBackThatWasKeptForNothing) {
    options.size_bytes_max = 10'000;
    open();
    {
        const auto room = store->reserve(10'000);
        EXPECT_FALSE(store->reserve(1));
    }
    {
        const auto staged = store->stage(1000, store->reserve(10'000).value());
        ASSERT_TRUE(wait_for(staged->append(pattern(6'000))));
        EXPECT_FALSE(store->reserve(1));
    }
    {
        const auto staged = store->stage(1000, store->reserve(10'000).value());
        ASSERT_TRUE(
            wait_for(accept_message(*staged, {pattern(6'000)}, acceptance_for({{"a@example.com", "m"}}))));
        EXPECT_TRUE(store->reserve(4'000)) << "less has come than was declared";
    }
    run();
    EXPECT_EQ(body_names().size(), 1u);
}

TEST_F(Store, RefusesWhatWouldWaitTooLong) {
    options.waiting_operations_max = 3;
    open();
    std::vector<std::optional<base::Result<QueueCounts>>> results(10);
    for (auto& result : results)
        boost::asio::co_spawn(context, store_value(store->counts(), result), boost::asio::detached);
    run();
    EXPECT_TRUE(results.front().value());
    EXPECT_EQ(results.back()->error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(wait_for(store->counts())) << "afterwards there is room again";
}

TEST_F(Store, GoesThroughLongListsInSlices) {
    options.bulk_rows_max = 6;
    open();
    std::vector<QueueId> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(accept({"x"}, i == 19 ? "rare" : "m").value());
    ListRequest request;
    request.filter.mailbox = "rare";
    const ListPage rare = wait_for(store->list(request)).value();
    ASSERT_EQ(rare.messages.size(), 1u) << "found behind three slices without a match";
    EXPECT_EQ(rare.messages[0].id, ids[19]);
    EXPECT_FALSE(rare.next);
    request.filter.mailbox.reset();
    request.messages_max = 15;
    const ListPage first = wait_for(store->list(request)).value();
    EXPECT_EQ(first.messages.size(), 15u);
    request.after = first.next.value();
    const ListPage second = wait_for(store->list(request)).value();
    EXPECT_EQ(second.messages.size(), 5u);
    EXPECT_FALSE(second.next);
    std::vector<std::string> due;
    store->on_due([&due](std::string_view mailbox) { due.emplace_back(mailbox); });
    const auto operate = [this](Verb verb, std::optional<QueueId> id) {
        Order order;
        order.verb = verb;
        order.id = id;
        order.by = "root";
        order.now = noon;
        return wait_for(store->operate(std::move(order)));
    };
    EXPECT_EQ(operate(Verb::count, {})->messages, 20u);
    EXPECT_THAT(due, IsEmpty());
    EXPECT_EQ(operate(Verb::retry, {})->recipients, 20u);
    EXPECT_THAT(due, Contains("rare"));
    EXPECT_EQ(operate(Verb::retry, QueueId(1)).error().kind, ErrorKind::not_found);
    EXPECT_EQ(operate(Verb::remove, ids[0])->recipients, 1u);
    EXPECT_EQ(wait_for(store->show(ids[0]))->recipients.at(0).state, RecipientState::deleted);
    const HistoryPage history = wait_for(store->history({})).value();
    ASSERT_EQ(history.rows.size(), 1u);
    EXPECT_EQ(history.rows[0].message.recipients.at(0).receipt, "deleted by root");
    EXPECT_FALSE(history.next);
    // The order for all, and the one for this message.
    EXPECT_EQ(wait_for(store->trace(ids[0]))->events.size(), 2u);
}

TEST_F(Store, CountsALargeQueueWhileItWorks) {
    open();
    for (int i = 0; i < 30; ++i)
        ASSERT_TRUE(accept({"x"}));
    store.reset();
    options.bulk_rows_max = 1;
    options.counted_at_open_max = 1;
    open();
    const QueueCounts first = wait_for(store->counts()).value();
    EXPECT_FALSE(first.complete);
    EXPECT_LT(first.messages, 30u);
    const QueueCounts all = wait_for(store->counts()).value();
    EXPECT_TRUE(all.complete) << "without anybody having asked for it";
    EXPECT_EQ(all.messages, 30u);
    EXPECT_EQ(all.queued, 30u);
}

TEST_F(Store, GivesAnswersInPiecesWhenTheyTakeLong) {
    options.bulk_rows_max = 6;
    options.answer_time = base::Duration::zero();
    open();
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(accept({"x"}));
    Order order;
    order.verb = Verb::hold;
    order.now = noon;
    std::vector<std::size_t> pieces;
    for (bool more = true; more; more = order.after_row != 0) {
        const OrderResult result = wait_for(store->operate(order)).value();
        pieces.push_back(result.recipients);
        order.after_row = result.next.value_or(0);
    }
    EXPECT_THAT(pieces, ElementsAre(6, 6, 6, 2));
    ListRequest request;
    request.filter.mailbox = "nobody";
    const ListPage page = wait_for(store->list(request)).value();
    EXPECT_TRUE(page.messages.empty());
    EXPECT_TRUE(page.next) << "nobody waits for the end of a long search";
}

TEST_F(Store, SavesMailboxes) {
    open();
    MailboxRecord record;
    record.name = "m";
    record.paused = true;
    record.pause_cause = "why";
    ASSERT_TRUE(wait_for(store->save(record)));
    open();
    EXPECT_EQ(wait_for(store->mailboxes())->at(0).pause_cause, "why");
}

TEST_F(Store, SweepsOrphansOfEarlierInstancesOnly) {
    options.bulk_rows_max = 3;
    open();
    const QueueId kept = accept({pattern(5'000)}).value();
    store.reset();
    for (int i = 0; i < 10; ++i)
        std::ofstream(temporary.queue() / "bodies" / BodyName{QueueId(100 + i), 1}.text()) << "x";
    const std::string of_a_later_instance = BodyName{QueueId(200), 50}.text();
    std::ofstream(temporary.queue() / "bodies" / of_a_later_instance) << "x";
    open();
    run();
    store.reset();
    EXPECT_THAT(body_names(), ::testing::UnorderedElementsAre(BodyName{kept, 1}.text(), of_a_later_instance));
}

TEST_F(Store, KeepsEveryFileToItself) {
    const mode_t before = ::umask(0);
    open();
    const auto accepted = accept({pattern(5'000)});
    ::umask(before);
    ASSERT_TRUE(accepted);
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(temporary.queue())) {
        const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
        EXPECT_EQ(entry.status().permissions() & others, std::filesystem::perms::none) << entry.path();
        if (entry.is_regular_file()) ++files;
    }
    EXPECT_EQ(files, 5) << "lock, reserve, database, its log, a content";
}

TEST_F(Store, RefusesASecondInstance) {
    open();
    const auto second = open_sqlite_store(options, context.get_executor(), clock, base::Logger());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

class StoreOnABadDisk : public Store {
  protected:
    void TearDown() override { store.reset(); }  // before its disk goes
    // Under the database and the content files of this test, and of nobody else: tests of a binary run in
    // turn.
    TestDisk disk{temporary.queue(), 1, TestDisk::As::standard};
};

TEST_F(StoreOnABadDisk, RefusesALargeMessageWhoseFileCannotBeSynced) {
    open();
    disk.fail_sync_of("-1", TestDisk::Lasting::once);
    EXPECT_EQ(accept({pattern(5'000)}).error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(disk.fault_has_struck());
    EXPECT_TRUE(accept({pattern(5'000)}));
    disk.fail_sync_of("bodies", TestDisk::Lasting::once);
    EXPECT_EQ(accept({pattern(900), pattern(900)}).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(store->health().state, StoreState::open) << "the database is not concerned";
    EXPECT_EQ(wait_for(store->counts())->messages, 1u);
    store.reset();
    EXPECT_THAT(body_names(), SizeIs(1)) << "what was abandoned is gone";
}

TEST_F(StoreOnABadDisk, RecoversByItselfAndStoresTheOutcomesThatWaited) {
    open();
    ASSERT_TRUE(accept({"x"}));
    const ClaimResult claimed = claim();
    disk.fail_sync_of("-wal", TestDisk::Lasting::once);
    // Its commit fails; the call comes back when the store has tried again and succeeded.
    EXPECT_TRUE(wait_for(store->settle(delivered(*claimed.message))));
    EXPECT_TRUE(disk.fault_has_struck());
    EXPECT_EQ(store->health().commits_failed, 1u);
    EXPECT_EQ(store->health().state, StoreState::open);
    EXPECT_EQ(wait_for(store->show(claimed.message->id))->recipients.at(0).state, RecipientState::delivered);
}

TEST_F(StoreOnABadDisk, TellsAClientToTryAgainAndRecovers) {
    open();
    ASSERT_TRUE(accept({"x"}));
    disk.fail_sync_of("-wal", TestDisk::Lasting::once);
    const auto refused = accept({pattern(5'000)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(store->health().refused_but_maybe_sent, 1u);
    EXPECT_EQ(store->health().state, StoreState::open) << "the event loop ran until the disk worked again";
    EXPECT_TRUE(store->reserve(0));
    EXPECT_THAT(body_names(), SizeIs(1)) << "the row may come back after a power cut, so its file stays";
    EXPECT_TRUE(accept({"x"}));
    EXPECT_EQ(wait_for(store->counts())->messages, 2u);
    open();
    run();
    store.reset();
    EXPECT_THAT(body_names(), IsEmpty()) << "it did not come back";
}

}  // namespace
}  // namespace mailramp::queue
