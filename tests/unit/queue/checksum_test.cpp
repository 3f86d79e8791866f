#include "queue/checksum.h"

#include <string>

#include <gtest/gtest.h>

namespace mailramp::queue {
namespace {

std::uint64_t checksum_of(std::string_view octets) {
    Checksum checksum;
    checksum.add(octets);
    return checksum.value();
}

TEST(Checksum, GivesThePublishedCheckValue) {
    EXPECT_EQ(checksum_of("123456789"), 0x995DC9BBDF1939FAull);
    EXPECT_EQ(checksum_of(""), 0u);
}

TEST(Checksum, IsTheSameHoweverTheOctetsArrive) {
    std::string octets;
    for (int i = 0; i < 1000; ++i)
        octets += static_cast<char>(i * 7 + i / 256);
    const std::uint64_t whole = checksum_of(octets);
    for (std::size_t cut = 0; cut <= octets.size(); ++cut) {
        Checksum checksum;
        checksum.add(std::string_view(octets).substr(0, cut));
        checksum.add(std::string_view(octets).substr(cut));
        ASSERT_EQ(checksum.value(), whole) << cut;
    }
}

TEST(Checksum, SeesEveryFlippedBit) {
    std::string octets(100, 'x');
    const std::uint64_t whole = checksum_of(octets);
    for (std::size_t i = 0; i < octets.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            octets[i] = static_cast<char>(octets[i] ^ (1 << bit));
            EXPECT_NE(checksum_of(octets), whole);
            octets[i] = static_cast<char>(octets[i] ^ (1 << bit));
        }
}

}  // namespace
}  // namespace mailramp::queue
