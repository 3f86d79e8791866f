#include "mailramp/base/http_date.h"

#include <gtest/gtest.h>

namespace mailramp::base {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

constexpr WallTime rfc_example = sys_days(1994y / 11 / 6) + 8h + 49min + 37s;

TEST(HttpDate, IsReadAsTheRfcWritesIt) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), rfc_example);
    EXPECT_EQ(parse_http_date(" Sun, 06 Nov 1994 08:49:37 GMT\t"), rfc_example);
}

TEST(HttpDate, IsWrittenAsItIsRead) {
    EXPECT_EQ(http_date(rfc_example), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(rfc_example + 999ms), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(sys_days(2026y / 12 / 31) + 23h + 59min + 59s), "Thu, 31 Dec 2026 23:59:59 GMT");
    EXPECT_EQ(http_date(sys_days(2028y / 2 / 29)), "Tue, 29 Feb 2028 00:00:00 GMT");
}

TEST(HttpDate, IsNothingElse) {
    for (const char* text :
         {"", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
          "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
          "Sun, 0x Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT+1"})
        EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace
}  // namespace mailramp::base
