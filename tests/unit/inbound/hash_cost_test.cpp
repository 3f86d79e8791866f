#include "inbound/hash_cost.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

namespace mailramp::inbound {
namespace {

TEST(HashCost, OrdersKindsAndTheirRoundsAsMeasured) {
    // Measured with crypt(3), fastest first.
    constexpr std::array<std::string_view, 11> ordered{
        "$y$j75$saltsalt$x",              // 1.1 ms
        "$2b$05$abcdefghijklmnopqrstuu",  // 1.7 ms
        "$5$saltsalt$x",                  // 1.9 ms
        "$6$saltsalt$x",                  // 2.2 ms
        "$y$j8T$saltsalt$x",              // 9 ms
        "$5$rounds=50000$saltsalt$x",     // 17.9 ms
        "$gy$j9T$saltsalt$x",             // 18.2 ms
        "$6$rounds=50000$saltsalt$x",     // 21 ms
        "$2y$10$abcdefghijklmnopqrstuu",  // 51 ms
        "$7$CU..../....saltsalt$x",       // 120 ms
        "$2a$12$abcdefghijklmnopqrstuu",  // 204 ms
    };
    for (std::size_t i = 1; i < ordered.size(); ++i)
        EXPECT_LT(hash_cost(ordered[i - 1]), hash_cost(ordered[i])) << ordered[i];
    EXPECT_EQ(hash_cost("$y$j9T$saltsalt$x"), hash_cost("$gy$j9T$saltsalt$x"));
    EXPECT_LT(hash_cost("$7$BU..../....saltsalt$x"), hash_cost("$7$CU..../....saltsalt$x"));
}

TEST(HashCost, TakesAnythingElseForFree) {
    for (const std::string_view text : {"", "$", "x", "$1$saltsalt$x", "$9$", "$y", "$2b"})
        EXPECT_EQ(hash_cost(text), 0) << text;
    EXPECT_GE(hash_cost("$y$"), 0);
    EXPECT_EQ(hash_cost("$7$"), 0);
    EXPECT_EQ(hash_cost("$5$rounds="), 0);
}

}  // namespace
}  // namespace mailramp::inbound
