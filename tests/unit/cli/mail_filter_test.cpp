#include "cli/mail_filter.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace mailramp::cli {
namespace {

using namespace std::chrono_literals;

TEST(ParseAge, TakesNumbersWithAUnitAndNothingElse) {
    EXPECT_EQ(parse_age("90s"), 90s);
    EXPECT_EQ(parse_age("10m"), 10min);
    EXPECT_EQ(parse_age("10min"), 10min);
    EXPECT_EQ(parse_age("2h"), 2h);
    EXPECT_EQ(parse_age("3d"), 72h);
    EXPECT_EQ(parse_age("2w"), 336h);
    EXPECT_EQ(parse_age("0s"), 0s);
    for (const char* wrong :
         {"", "h", "2", "2 h", "-2h", "2x", "1.5h", "99999999999999999999s", "999999999w"})
        EXPECT_EQ(parse_age(wrong), std::nullopt) << wrong;
}

TEST(ParseMoment, TakesAgesAndDaysAndTimesOfTheReader) {
    const View view = sample_view();  // 12:06:40 at +01:00
    const auto at = [](const char* time) { return parse_time(time).value(); };
    EXPECT_EQ(parse_moment("2h", view), view.now - 2h);
    EXPECT_EQ(parse_moment("2026-11-18", view), at("2026-11-17T23:00:00.000Z"));
    EXPECT_EQ(parse_moment("2026-11-18 10:30", view), at("2026-11-18T09:30:00.000Z"));
    EXPECT_EQ(parse_moment("2026-11-18T10:30:05", view), at("2026-11-18T09:30:05.000Z"));
    EXPECT_EQ(parse_moment("2026-11-18T10:30:05Z", view), at("2026-11-18T10:30:05.000Z"));
    for (const char* wrong : {"", "yesterday", "2026-13-01", "2026-11-18x10:30", "10:30", "2026-11-18 10"})
        EXPECT_EQ(parse_moment(wrong, view), std::nullopt) << wrong;
}

TEST(MailFilter, IsEverythingOnlyWhenNothingWasSaid) {
    EXPECT_TRUE(MailFilter{}.all());
    EXPECT_EQ(MailFilter{}.query(sample_view()), "");
    EXPECT_FALSE((MailFilter{.newer_than = "1h"}).all());
    EXPECT_EQ((MailFilter{.state = "held", .sender = "a&b@x"}).query(sample_view()),
              "state=held&sender=a%26b%40x");
}

}  // namespace
}  // namespace mailramp::cli
