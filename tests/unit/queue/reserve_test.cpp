#include "queue/reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

class ReserveTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::uint64_t blocks_bytes() const {
        struct stat found{};
        if (::stat(options_.file.c_str(), &found) != 0) return 0;
        return static_cast<std::uint64_t>(found.st_blocks) * 512;
    }
    const TemporaryFolder temporary_;
    const ReserveOptions options_{temporary_.path() / "reserve", mebibyte, 2 * mebibyte};
    Reserve reserve_{options_};
};

TEST_F(ReserveTest, HasBlocksAndGivesThemBack) {
    reserve_.take(3 * mebibyte);
    EXPECT_GE(blocks_bytes(), mebibyte);
    EXPECT_EQ(reserve_.given_up_bytes(), 0u);
    reserve_.give_up();
    EXPECT_EQ(blocks_bytes(), 0u);
    EXPECT_EQ(reserve_.given_up_bytes(), mebibyte);
    reserve_.take(3 * mebibyte);
    EXPECT_GE(blocks_bytes(), mebibyte);
    EXPECT_EQ(reserve_.given_up_bytes(), 0u);
}

TEST_F(ReserveTest, IsNotTakenWhereRoomIsShort) {
    reserve_.take(3 * mebibyte - 1);
    EXPECT_FALSE(std::filesystem::exists(options_.file));
}

TEST_F(ReserveTest, OfAnEarlierRunIsGivenUpToo) {
    reserve_.take(3 * mebibyte);
    Reserve later(options_);
    later.give_up();
    EXPECT_FALSE(std::filesystem::exists(options_.file));
}

}  // namespace
}  // namespace mailramp::queue
