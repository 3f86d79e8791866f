// Every single call that changes the disk fails: once, or from then on until somebody repairs the disk.
#include <gmock/gmock.h>

#include "unit/queue/ledger.h"

namespace mailramp::queue {
namespace {

using ::testing::HasSubstr;

struct Fault {
    const char* name;
    int write_code;
    TestDisk::Lasting lasting;
};

class DiskFault : public ::testing::TestWithParam<Fault> {};

// False: the k-th call never came.
bool fail_at(long k, const Fault& fault) {
    const TemporaryFolder temporary;
    TestDisk disk(temporary.queue(), static_cast<std::uint64_t>(k));
    Ledger ledger;
    {
        QueueUnderTest queue(temporary.queue(), disk, ledger);
        disk.fail_call(k, fault.lasting, fault.write_code);
        queue.live();
        const bool struck = disk.fault_has_struck();
        disk.heal();
        queue.look_after();
        EXPECT_FALSE(queue.group().failed()) << "it recovers when the fault has ended";
        const auto acknowledged = ledger.acknowledged.size();
        queue.live();
        EXPECT_EQ(ledger.acknowledged.size(), acknowledged + 8) << "and accepts everything again";
        queue.check();
        if (!struck) return false;
    }
    // What was acknowledged during and after the fault also survives the loss of everything that is not
    // synced.
    disk.cut_power();
    QueueUnderTest queue(temporary.queue(), disk, ledger);
    EXPECT_TRUE(queue.is_open());
    if (queue.is_open()) queue.check();
    return true;
}

TEST_P(DiskFault, AtAnyCallLosesNothingAndEndsWithTheFault) {
    long k = 1;
    for (; fail_at(k, GetParam()); ++k)
        if (HasFailure()) FAIL() << "call " << k;
    EXPECT_GT(k, 100);
}

INSTANTIATE_TEST_SUITE_P(
    Every, DiskFault,
    ::testing::Values(Fault{"InputOutputErrorOnce", SQLITE_IOERR_WRITE, TestDisk::Lasting::once},
                      Fault{"InputOutputErrorLasting", SQLITE_IOERR_WRITE, TestDisk::Lasting::until_healed},
                      Fault{"FullDiskOnce", SQLITE_FULL, TestDisk::Lasting::once},
                      Fault{"FullDiskLasting", SQLITE_FULL, TestDisk::Lasting::until_healed}),
    [](const auto& one) { return std::string(one.param.name); });

// The daemon is killed right after the fault, before it has recovered; a new run accepts; then the power
// goes.
TEST(KilledAfterAFault, LosesNothingThatALaterRunAcknowledges) {
    for (long k = 1;; ++k) {
        const TemporaryFolder temporary;
        TestDisk disk(temporary.queue(), static_cast<std::uint64_t>(k));
        Ledger ledger;
        bool struck = false;
        {
            QueueUnderTest queue(temporary.queue(), disk, ledger);
            disk.fail_call(k, TestDisk::Lasting::until_healed);
            queue.live();
            struck = disk.fault_has_struck();
            disk.stop();
        }
        disk.go_on();
        disk.heal();
        {
            QueueUnderTest queue(temporary.queue(), disk, ledger);
            ASSERT_TRUE(queue.is_open()) << k;
            queue.check();
            queue.live();
            disk.stop();
        }
        disk.cut_power();
        QueueUnderTest queue(temporary.queue(), disk, ledger);
        ASSERT_TRUE(queue.is_open()) << k;
        queue.check();
        ASSERT_FALSE(HasFailure()) << "call " << k;
        if (!struck) break;
    }
}

TEST(OpeningWithAFault, SaysSoAndWorksWhenTheFaultHasEnded) {
    for (long k = 1;; ++k) {
        const TemporaryFolder temporary;
        TestDisk disk(temporary.queue(), 1);
        Ledger ledger;
        {
            QueueUnderTest queue(temporary.queue(), disk, ledger);
            queue.live();
        }
        disk.fail_call(k, TestDisk::Lasting::until_healed);
        {
            const QueueUnderTest queue(temporary.queue(), disk, ledger);
        }
        const bool struck = disk.fault_has_struck();
        disk.heal();
        QueueUnderTest queue(temporary.queue(), disk, ledger);
        ASSERT_TRUE(queue.is_open()) << k;
        queue.check();
        ASSERT_FALSE(HasFailure()) << k;
        if (!struck) break;
    }
}

}  // namespace
}  // namespace mailramp::queue
