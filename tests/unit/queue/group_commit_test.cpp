#include "queue/group_commit.h"

#include <gmock/gmock.h>

#include "unit/queue/support.h"
#include "unit/queue/test_disk.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;
using ::testing::HasSubstr;

class Commits : public ::testing::Test {
  protected:
    void SetUp() override { open(); }

    void open() {
        group.reset();
        CoreOptions options;
        options.database = folder.database();
        options.vfs = disk.name();
        auto core = Core::open(options, noon).value();
        next = core->first_id().value();
        GroupCommitOptions settings;
        settings.limits = limits;
        settings.wal_checkpoint_bytes = wal_checkpoint_bytes;
        settings.disk_free_bytes = [this] { return disk_free_bytes; };
        group.emplace(std::move(core), std::move(settings));
    }
    std::shared_ptr<Operation> accepting(QueueId id, std::size_t size = 100) {
        auto operation = std::make_shared<Operation>();
        operation->brings_mail = true;
        operation->content_bytes = size;
        auto message = std::make_shared<NewMessage>(
            inline_message(id, std::string(size, 'x'), acceptance_for({{"a@example.com", "m"}})));
        operation->apply = [message](Core& core) { return core.accept(*message); };
        return operation;
    }
    std::shared_ptr<Operation> accepting() { return accepting(QueueId(next++)); }
    // One message, claimed.
    ClaimedMessage claim_one() {
        EXPECT_EQ(group->write({accepting()}).size(), 1u);
        ClaimResult claim;
        auto claiming = std::make_shared<Operation>();
        claiming->apply = [&claim](Core& core) -> base::Result<> {
            auto result = core.claim({"m", noon, noon + 1h, 500, ""});
            if (result) claim = *result;
            return {};
        };
        std::ignore = group->write({claiming});
        return claim.message.value();
    }
    static std::shared_ptr<Operation> delivering(const ClaimedMessage& message) {
        auto settling = std::make_shared<Operation>();
        settling->kind = Operation::Kind::fact;
        Settlement settlement{message.id, "m", noon, {}, "250 ok", ""};
        settlement.recipients.push_back(
            {message.recipients.at(0).row, RecipientState::delivered, noon, true, {}});
        settling->apply = [settlement](Core& core) { return core.settle(settlement); };
        return settling;
    }

    TemporaryFolder temporary;
    Folder folder = Folder::open(temporary.queue()).value();
    TestDisk disk{temporary.queue(), 1};
    RoomLimits limits{1 << 30, 1 << 20, 1 << 30};
    std::uint64_t wal_checkpoint_bytes = 1 << 20;
    std::uint64_t disk_free_bytes = 1ull << 40;
    std::int64_t next = 0;
    std::optional<GroupCommit> group;
};

TEST_F(Commits, PutEverythingThatWaitsIntoOneTransaction) {
    Operations batch;
    for (int i = 0; i < 100; ++i)
        batch.push_back(accepting());
    const std::uint64_t commits = group->health().commits;
    const long calls = disk.calls();
    const Operations finished = group->write(batch);
    EXPECT_EQ(finished.size(), 100u);
    for (const auto& operation : finished)
        EXPECT_TRUE(operation->outcome);
    EXPECT_EQ(group->health().commits, commits + 1);
    EXPECT_EQ(group->health().messages_accepted, 100u);
    EXPECT_GT(disk.calls(), calls);
}

TEST_F(Commits, LetAnOperationThatCannotBeDoneFailAlone) {
    const QueueId taken(next++);
    const auto first = accepting(), original = accepting(taken), twice = accepting(taken), last = accepting();
    EXPECT_EQ(group->write({first, original, twice, last}).size(), 4u);
    EXPECT_TRUE(first->outcome);
    EXPECT_TRUE(original->outcome);
    ASSERT_FALSE(twice->outcome);
    EXPECT_EQ(twice->outcome.error().kind, ErrorKind::internal);
    EXPECT_TRUE(last->outcome);
    EXPECT_FALSE(group->failed());
    EXPECT_EQ(group->core().counts()->messages, 3u);
    EXPECT_EQ(group->core().counts()->queued, 3u);
}

TEST_F(Commits, LetARefusedOperationShareATransactionWithOthers) {
    const ClaimedMessage message = claim_one();
    ASSERT_EQ(group->write({delivering(message)}).size(), 1u);
    const auto good = accepting(), stale = delivering(message);
    const std::uint64_t commits = group->health().commits;
    EXPECT_EQ(group->write({stale, good}).size(), 2u);
    EXPECT_EQ(stale->outcome.error().kind, ErrorKind::conflict);
    EXPECT_TRUE(good->outcome);
    EXPECT_EQ(group->health().commits, commits + 1);
}

TEST_F(Commits, RefuseTheWholeBatchWhenTheLogCannotBeSynced) {
    disk.fail_sync_of("-wal", TestDisk::Lasting::until_healed);
    const auto one = accepting(), two = accepting();
    EXPECT_EQ(group->write({one, two}).size(), 2u);
    EXPECT_EQ(one->outcome.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(two->outcome.error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(one->maybe_on_disk);
    EXPECT_EQ(group->health().state, StoreState::failed);
    EXPECT_EQ(group->health().commits_failed, 1u);
    EXPECT_EQ(group->health().refused_but_maybe_sent, 2u);

    // Accept nothing, without even trying.
    const long calls = disk.calls();
    const auto three = accepting();
    std::ignore = group->write({three});
    EXPECT_FALSE(three->outcome);
    EXPECT_FALSE(three->maybe_on_disk);
    EXPECT_EQ(disk.calls(), calls);
    EXPECT_EQ(group->health().refused_but_maybe_sent, 2u);
}

// Why the truncating checkpoint is there: later commits must not stand behind frames that never reached the
// disk.
TEST_F(Commits, AreDurableAgainAfterTheLogCouldNotBeSynced) {
    std::ignore = group->write({accepting()});
    disk.fail_sync_of("-wal", TestDisk::Lasting::once);
    const auto refused = accepting();
    std::ignore = group->write({refused});
    ASSERT_TRUE(group->failed());
    std::ignore = group->recover();
    ASSERT_FALSE(group->failed());
    const QueueId kept(next++);
    const auto accepted = accepting(kept);
    std::ignore = group->write({accepted});
    ASSERT_TRUE(accepted->outcome);
    group.reset();
    disk.cut_power();
    open();
    EXPECT_TRUE(group->core().body(kept)) << "acknowledged after the recovery, lost in the power cut";
    EXPECT_EQ(group->core().counts()->messages, 2u) << "and the refused one is gone";
}

TEST_F(Commits, ThrowAwayTheRestOfTheLogBeforeTheyGoOn) {
    Operations batch;
    for (int i = 0; i < 100; ++i)
        batch.push_back(accepting(QueueId(next++), 4000));
    disk.fail_sync_of("-wal", TestDisk::Lasting::once);
    std::ignore = group->write(batch);
    EXPECT_GT(std::filesystem::file_size(folder.path() / "queue.db-wal"), 400'000u);
    std::ignore = group->recover();
    EXPECT_LT(std::filesystem::file_size(folder.path() / "queue.db-wal"), 40'000u);
}

// The kernel shows a reopened log the frames that it could not write. Whoever commits behind them, and is
// told that all is well, loses both when the power goes.
TEST_F(Commits, OfALaterRunDoNotStandBehindFramesThatNeverReachedTheDisk) {
    std::ignore = group->write({accepting()});
    const QueueId refused(next++);
    disk.fail_sync_of("-wal", TestDisk::Lasting::once);
    const auto lost = accepting(refused);
    std::ignore = group->write({lost});
    ASSERT_FALSE(lost->outcome);
    disk.stop();
    group.reset();
    disk.go_on();
    open();
    EXPECT_TRUE(group->core().body(refused)) << "it has come back, as refused_but_maybe_sent warned";
    const QueueId later(next++);
    const auto accepted = accepting(later);
    std::ignore = group->write({accepted});
    ASSERT_TRUE(accepted->outcome);
    disk.stop();
    group.reset();
    disk.cut_power();
    open();
    EXPECT_TRUE(group->core().body(later));
    EXPECT_TRUE(group->core().body(refused)) << "what has been seen in the queue does not vanish from it";
    EXPECT_EQ(group->core().counts()->messages, 3u);
}

TEST_F(Commits, AreRefusedUntilTheDiskReallyWorks) {
    disk.fail_sync_of("-wal", TestDisk::Lasting::until_healed);
    std::ignore = group->write({accepting()});
    for (int i = 0; i < 3; ++i) {
        std::ignore = group->recover();
        EXPECT_TRUE(group->failed()) << "a checkpoint with nothing to copy proves nothing";
    }
    disk.heal();
    std::ignore = group->recover();
    EXPECT_FALSE(group->failed());
    EXPECT_EQ(group->health().state, StoreState::open);
}

TEST_F(Commits, DoNotForgetAnOutcomeWhileTheDiskFails) {
    const ClaimedMessage message = claim_one();
    disk.fail_sync_of("-wal", TestDisk::Lasting::until_healed);
    const auto first = delivering(message);
    EXPECT_TRUE(group->write({first}).empty()) << "nobody is told anything yet";
    const auto late = delivering(message);
    EXPECT_TRUE(group->write({late}).empty()) << "the same while the disk has failed already";
    EXPECT_TRUE(group->recover().empty());
    disk.heal();
    const Operations finished = group->recover();
    ASSERT_EQ(finished.size(), 2u);
    EXPECT_TRUE(first->outcome);
    EXPECT_EQ(late->outcome.error().kind, ErrorKind::conflict)
        << "the second asked for what was done already";
    EXPECT_EQ(group->core().show(message.id)->recipients.at(0).state, RecipientState::delivered);
}

TEST_F(Commits, GiveUpAContentFileOnlyWhenTheEndOfItsMessageIsDurable) {
    const QueueId id(next++);
    const auto accept = accepting(id);
    accept->apply = [id](Core& core) {
        return core.accept({id, acceptance_for({{"a@example.com", "m"}}), 100'000, 0, std::nullopt});
    };
    std::ignore = group->write({accept});
    const auto remove = std::make_shared<Operation>();
    remove->kind = Operation::Kind::fact;
    remove->apply = [id](Core& core) -> base::Result<> {
        const auto slice = core.operate({.verb = Verb::remove, .id = id, .by = "me", .now = noon}, {});
        if (!slice) return std::unexpected(slice.error());
        return {};
    };
    disk.fail_sync_of("-wal", TestDisk::Lasting::once);
    std::ignore = group->write({remove});
    EXPECT_TRUE(group->core().take_ended_files().empty());
    std::ignore = group->recover();
    EXPECT_TRUE(remove->outcome);
    EXPECT_THAT(group->core().take_ended_files(), ::testing::ElementsAre(BodyName{id, 1}));
}

TEST_F(Commits, StillReadWhileTheDiskFails) {
    const QueueId id(next++);
    std::ignore = group->write({accepting(id)});
    disk.fail_sync_of("-wal", TestDisk::Lasting::until_healed);
    std::ignore = group->write({accepting()});
    ASSERT_TRUE(group->failed());
    Operation reading;
    reading.apply = [id](Core& core) -> base::Result<> {
        auto body = core.body(id);
        if (!body) return std::unexpected(body.error());
        return {};
    };
    group->read(reading);
    EXPECT_TRUE(reading.outcome);
}

TEST_F(Commits, CallAFullDiskFull) {
    disk.fail_call(1, TestDisk::Lasting::until_healed, SQLITE_FULL);
    const auto operation = accepting();
    std::ignore = group->write({operation});
    EXPECT_EQ(operation->outcome.error().kind, ErrorKind::limit);
    EXPECT_TRUE(group->failed());
    disk.heal();
    std::ignore = group->recover();
    EXPECT_FALSE(group->failed());
}

TEST_F(Commits, RefuseMailThatDoesNotFitAndNothingElse) {
    const ClaimedMessage message = claim_one();
    disk_free_bytes = (1 << 20) + 150;
    const auto fits = accepting(QueueId(next++), 100), too_much = accepting(QueueId(next++), 100);
    const auto outcome = delivering(message);
    std::ignore = group->write({fits, too_much, outcome});
    EXPECT_TRUE(fits->outcome);
    ASSERT_FALSE(too_much->outcome);
    EXPECT_EQ(too_much->outcome.error().kind, ErrorKind::limit);
    EXPECT_THAT(too_much->outcome.error().message, HasSubstr("disk is full"));
    EXPECT_TRUE(outcome->outcome) << "deliveries go on";
    EXPECT_FALSE(group->failed());
}

TEST_F(Commits, TakeALargeMessageForWhichThereWasRoomWhenItCame) {
    disk_free_bytes = 1 << 20;
    const auto large = accepting(QueueId(next++), 5'000'000);
    large->content_on_disk = true;
    std::ignore = group->write({large});
    EXPECT_TRUE(large->outcome);
}

TEST_F(Commits, CheckpointBetweenThemselvesAndNeverLetTheLogGrowForNothing) {
    wal_checkpoint_bytes = 50'000;
    open();
    for (int i = 0; i < 100; ++i) {
        std::ignore = group->write({accepting(QueueId(next++), 4000)});
        group->tidy_log();
    }
    EXPECT_LE(group->health().wal_bytes, 50'000u);
    EXPECT_LT(std::filesystem::file_size(folder.path() / "queue.db-wal"), 150'000u);
    EXPECT_GT(std::filesystem::file_size(folder.path() / "queue.db"), 400'000u);
    EXPECT_EQ(group->health().checkpoints_failed, 0u);
}

TEST_F(Commits, GoOnWhileCheckpointsFailUntilTheLogIsTooLong) {
    wal_checkpoint_bytes = 50'000;
    limits.wal_bytes_max = 400'000;
    open();
    disk.fail_sync_of("queue.db", TestDisk::Lasting::until_healed);
    int accepted = 0;
    std::shared_ptr<Operation> operation;
    for (; accepted < 1000; ++accepted) {
        operation = accepting(QueueId(next++), 4000);
        std::ignore = group->write({operation});
        group->tidy_log();
        if (!operation->outcome) break;
    }
    EXPECT_GT(accepted, 10);
    ASSERT_LT(accepted, 1000);
    EXPECT_EQ(operation->outcome.error().kind, ErrorKind::limit);
    EXPECT_THAT(operation->outcome.error().message, HasSubstr("checkpoints fail"));
    EXPECT_EQ(group->health().state, StoreState::full);
    EXPECT_GT(group->health().checkpoints_failed, 0u);
    EXPECT_LT(group->health().wal_bytes, 500'000u);
    disk.heal();
    std::ignore = group->keep_house(noon);
    EXPECT_EQ(group->health().state, StoreState::open);
    EXPECT_EQ(group->health().wal_bytes, 0u);
    group.reset();
    disk.cut_power();
    open();
    EXPECT_EQ(group->core().counts()->messages, static_cast<std::uint64_t>(accepted));
}

TEST_F(Commits, SeeThatOthersFillTheDiskWhenSomebodyOnlyLooks) {
    open();
    const std::uint64_t before = group->health().disk_free_bytes;
    disk_free_bytes = before / 2;
    Operation looking;
    looking.apply = [](Core&) -> base::Result<> { return {}; };
    group->read(looking);
    EXPECT_EQ(group->health().disk_free_bytes, before / 2);
}

TEST(RoomTest, NamesTheLimitThatIsReached) {
    const RoomLimits limits{1000, 100, 50};
    EXPECT_TRUE((Room{900, 1000, 50}.admits(limits, 100)));
    EXPECT_THAT((Room{900, 1000, 0}.admits(limits, 101).error().message), HasSubstr("queue is full"));
    EXPECT_THAT((Room{0, 199, 0}.admits(limits, 100).error().message), HasSubstr("disk is full"));
    EXPECT_THAT((Room{0, 1000, 51}.admits(limits, 0).error().message), HasSubstr("checkpoints fail"));
}

TEST(RoomTest, CountsWhatIsComingOnce) {
    constexpr std::uint64_t mib = 1 << 20;
    const RoomLimits limits{1000 * mib, 10 * mib, mib};
    Room room{.disk_free_bytes = 100 * mib, .coming_bytes = 60 * mib};
    EXPECT_TRUE(room.admits(limits, 30 * mib));
    EXPECT_THAT(room.admits(limits, 31 * mib).error().message,
                HasSubstr("100 MiB are free, 10 MiB are kept for deliveries and 60 MiB for messages that are "
                          "coming in; make room"));
    // Half of it is no longer among what is free.
    room = {.disk_free_bytes = 70 * mib, .coming_bytes = 60 * mib, .spooled_bytes = 30 * mib};
    EXPECT_TRUE(room.admits(limits, 30 * mib));
    EXPECT_THAT(room.admits(limits, 31 * mib).error().message, HasSubstr("70 MiB are free"));
}

TEST(RoomTest, TakesContentThatIsOnTheDiskWhateverIsFree) {
    const RoomLimits limits{1000, 100, 50};
    EXPECT_TRUE((Room{.content_bytes = 900}.admits_on_disk(limits, 100)));
    EXPECT_FALSE((Room{.content_bytes = 900}.admits_on_disk(limits, 101)));
}

}  // namespace
}  // namespace mailramp::queue
