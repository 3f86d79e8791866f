#include "mailramp/base/percent.h"

#include <gtest/gtest.h>

namespace mailramp::base {
namespace {

TEST(PercentEncoding, LeavesOnlyUnreservedCharactersAsTheyAre) {
    EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(percent_encode("a b+c&d=e%f/g:h?i"), "a%20b%2Bc%26d%3De%25f%2Fg%3Ah%3Fi");
    EXPECT_EQ(percent_encode("\xc3\xbc"), "%C3%BC");
    EXPECT_EQ(percent_encode(std::string_view("\0\r\n\x7f\xff", 5)), "%00%0D%0A%7F%FF");
    EXPECT_EQ(percent_encode(""), "");
}

TEST(PercentEncoding, StaysWithinTheRoomThatWasMadeForIt) {
    std::string out = "name=";
    out.reserve(out.size() + 3 * 20);
    const char* const place = out.data();
    append_percent_encoded(out, "&&&&&&&&&&&&&&&&&&&&");
    EXPECT_EQ(out.data(), place);
    EXPECT_EQ(out.substr(0, 11), "name=%26%26");
}

}  // namespace
}  // namespace mailramp::base
