#include "mailramp/io/port_owner.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A folder like /proc with one listener on port 25 (0x19), inode 777, held by process 42.
class PortOwnerOf : public ::testing::Test {
  protected:
    PortOwnerOf() {
        fs::create_directories(proc_ / "net");
        fs::create_directories(proc_ / "42/fd");
        fs::create_directories(proc_ / "self/fd");
        const std::string rows =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
            "inode\n"
            "   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 "
            "1\n"
            "   1: 0100007F:0050 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 778 "
            "1\n";
        std::ofstream(proc_ / "net/tcp") << rows;
        std::ofstream(proc_ / "42/comm") << "exim4\n";
        fs::create_symlink("socket:[777]", proc_ / "42/fd/3");
        fs::create_symlink("/dev/null", proc_ / "42/fd/4");
    }
    ~PortOwnerOf() override { fs::remove_all(proc_); }

    fs::path proc_ = fs::temp_directory_path() / ("mailramp-proc-" + std::to_string(getpid()));
};

TEST_F(PortOwnerOf, AListeningPortIsItsProcess) {
    const auto owner = port_owner(25, proc_);
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->pid, 42);
    EXPECT_EQ(owner->program, "exim4");
}

TEST_F(PortOwnerOf, AConnectedPortIsNobody) {
    EXPECT_FALSE(port_owner(80, proc_));
}

TEST_F(PortOwnerOf, ASocketThatWeMayNotSeeIsNobody) {
    fs::remove(proc_ / "42/fd/3");
    EXPECT_FALSE(port_owner(25, proc_));
}

TEST_F(PortOwnerOf, TellsTheUnitOfTheProcess) {
    std::ofstream(proc_ / "42/cgroup") << "0::/system.slice/exim4.service\n";
    EXPECT_EQ(port_owner(25, proc_)->unit, "exim4.service");
    EXPECT_THAT(port_in_use_advice(25, port_owner(25, proc_)),
                HasSubstr("exim4 (process 42, exim4.service). Either stop it (systemctl disable --now "
                          "exim4.service)"));
    std::ofstream(proc_ / "42/cgroup") << "0::/user.slice/user-0.slice/session-1.scope\n";
    EXPECT_EQ(port_owner(25, proc_)->unit, "");
}

TEST_F(PortOwnerOf, ASocketOfSystemdIsItsServicesWhenThatRuns) {
    fs::create_directories(proc_ / "1/fd");
    fs::create_symlink("socket:[777]", proc_ / "1/fd/9");
    std::ofstream(proc_ / "1/comm") << "systemd\n";
    EXPECT_EQ(port_owner(25, proc_)->pid, 42);
    fs::remove(proc_ / "42/fd/3");
    EXPECT_EQ(port_owner(25, proc_)->pid, 1);
}

TEST_F(PortOwnerOf, AnAddressIsTakenByItselfAndByEveryAddress) {
    EXPECT_TRUE(is_taken({"127.0.0.1", 25}, proc_));
    EXPECT_TRUE(is_taken({"0.0.0.0", 25}, proc_));
    EXPECT_FALSE(is_taken({"192.0.2.1", 25}, proc_));
    EXPECT_FALSE(is_taken({"::1", 25}, proc_));
    EXPECT_FALSE(is_taken({"127.0.0.1", 26}, proc_));
    EXPECT_FALSE(is_taken({"127.0.0.1", 80}, proc_));  // connected, not listened on
    std::ofstream(proc_ / "net/tcp6") << "  sl\n"
                                         "   0: 00000000000000000000000000000000:0A21 "
                                         "00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 "
                                         "779\n"
                                         "   1: 00000000000000000000000001000000:0A22 "
                                         "00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 "
                                         "780\n";
    EXPECT_TRUE(is_taken({"127.0.0.1", 2593}, proc_));
    EXPECT_TRUE(is_taken({"::1", 2593}, proc_));
    EXPECT_TRUE(is_taken({"::1", 2594}, proc_));
    EXPECT_FALSE(is_taken({"127.0.0.1", 2594}, proc_));
}

TEST(PortInUseAdvice, NamesTheOwnerAndBothWaysOut) {
    const std::string advice = port_in_use_advice(25, PortOwner{42, "exim4", {}});
    EXPECT_THAT(advice, HasSubstr("exim4 (process 42)"));
    EXPECT_THAT(advice, HasSubstr("systemctl disable --now exim4"));
    EXPECT_THAT(advice, HasSubstr("127.0.0.1:2525"));
}

TEST(PortInUseAdvice, TellsHowToFindAnOwnerWeMayNotSee) {
    EXPECT_THAT(port_in_use_advice(25, {}), HasSubstr("ss -ltnp 'sport = :25'"));
}

}  // namespace
}  // namespace mailramp::io
