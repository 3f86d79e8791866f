// The power goes at every single call that changes the disk; see test_disk.h for what that leaves.
#include <gtest/gtest.h>

#include "unit/queue/ledger.h"

namespace mailramp::queue {
namespace {

// One life, cut off at its k-th call. False: the life ended before.
bool cut_at(long k, std::uint64_t seed, TestDisk::Syncs syncs, int& losses) {
    const TemporaryFolder temporary;
    TestDisk disk(temporary.queue(), seed);
    Ledger ledger;
    {
        const QueueUnderTest first(temporary.queue(), disk, ledger);
    }
    disk.obey_syncs(syncs);
    disk.cut_at_call(k);
    {
        QueueUnderTest queue(temporary.queue(), disk, ledger);
        if (queue.is_open()) queue.live();
    }
    const bool cut = disk.power_is_gone();
    disk.cut_power();
    disk.obey_syncs(TestDisk::Syncs::obeyed);
    QueueUnderTest queue(temporary.queue(), disk, ledger);
    if (syncs == TestDisk::Syncs::ignored) {
        losses += queue.is_open() ? queue.losses() : static_cast<int>(ledger.acknowledged.size());
        return cut;
    }
    EXPECT_TRUE(queue.is_open());
    if (queue.is_open()) {
        queue.check();
        // And it goes on from there.
        queue.live();
        queue.check();
        EXPECT_EQ(queue.group().health().commits_failed, 0u);
    }
    return cut;
}

TEST(PowerCut, LosesNothingAtAnyCall) {
    int losses = 0;
    long k = 1;
    for (; cut_at(k, static_cast<std::uint64_t>(k), TestDisk::Syncs::obeyed, losses); ++k)
        if (HasFailure()) FAIL() << "cut at call " << k;
    EXPECT_GT(k, 100) << "a life should have many calls";
    RecordProperty("calls", static_cast<int>(k));
}

TEST(PowerCut, LosesMailWhenSyncsAreIgnored) {
    int losses = 0;
    for (long k = 30; k <= 100; k += 5)
        std::ignore = cut_at(k, static_cast<std::uint64_t>(k), TestDisk::Syncs::ignored, losses);
    EXPECT_GT(losses, 10) << "the test above could not fail";
}

TEST(PowerCut, IsTriedOnALifeWithCheckpointsAndFilesInIt) {
    const TemporaryFolder temporary;
    TestDisk disk(temporary.queue(), 1);
    Ledger ledger;
    QueueUnderTest queue(temporary.queue(), disk, ledger);
    const auto size = std::filesystem::file_size(temporary.queue() / "queue.db");
    queue.live();
    EXPECT_GT(std::filesystem::file_size(temporary.queue() / "queue.db"), size)
        << "no checkpoint has copied anything";
    EXPECT_FALSE(std::filesystem::is_empty(temporary.queue() / "bodies"));
    EXPECT_EQ(ledger.acknowledged.size(), 8u);
    EXPECT_EQ(ledger.settled.size(), 3u);
    queue.check();
}

// While the queue is made for the first time, nothing has been promised yet; it must only be possible to go
// on.
TEST(PowerCut, WhileTheQueueIsMadeLeavesOneThatCanBeUsed) {
    for (long k = 1;; ++k) {
        const TemporaryFolder temporary;
        TestDisk disk(temporary.queue(), static_cast<std::uint64_t>(k));
        Ledger ledger;
        disk.cut_at_call(k);
        {
            const QueueUnderTest first(temporary.queue(), disk, ledger);
        }
        const bool cut = disk.power_is_gone();
        disk.cut_power();
        QueueUnderTest queue(temporary.queue(), disk, ledger);
        ASSERT_TRUE(queue.is_open()) << "cut at call " << k;
        queue.live();
        queue.check();
        ASSERT_FALSE(HasFailure()) << "cut at call " << k;
        if (!cut) break;
    }
}

}  // namespace
}  // namespace mailramp::queue
