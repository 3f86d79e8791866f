#include "cli/view.h"

#include <chrono>

#include <gtest/gtest.h>

namespace mailramp::cli {
namespace {

using namespace std::chrono_literals;

View view_at(const char* now, std::chrono::seconds offset) {
    View view;
    view.now = parse_time(now).value();
    view.zone = [offset](base::WallTime) { return offset; };
    return view;
}

TEST(View, ReadsTheTimesOfTheApi) {
    EXPECT_EQ(parse_time("1970-01-01T00:00:00.000Z"), base::WallTime(0us));
    EXPECT_EQ(parse_time("2026-11-18T11:06:40.250Z"), base::WallTime(1'795'000'000'250ms));
    EXPECT_EQ(parse_time("2028-02-29T23:59:59.999Z"), base::WallTime(1'835'481'599'999ms));
}

TEST(View, ReadsNoOtherTimes) {
    for (const char* text :
         {"", "2026-11-18", "2026-11-18T11:06:40Z", "2026-11-18T11:06:40.250+", "2026-13-18T11:06:40.250Z",
          "2026-02-29T11:06:40.250Z", "2026-11-18T24:06:40.250Z", "2026-11-18T11:60:40.250Z",
          "2026-11-18 11:06:40.250Z", "2026-11-18T1a:06:40.250Z", "2026-11-18T+1:06:40.250Z"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

TEST(View, ShowsTimesInTheZoneWithItsOffset) {
    const auto time = parse_time("2026-11-18T11:06:40.250Z").value();
    EXPECT_EQ(clock_text(time, view_at("2026-11-18T13:00:00.000Z", 1h)), "12:06:40 +01:00");
    EXPECT_EQ(clock_text(time, view_at("2026-11-18T13:00:00.000Z", -(3h + 30min))), "07:36:40 -03:30");
    EXPECT_EQ(clock_text(time, view_at("2026-11-18T13:00:00.000Z", 0s)), "11:06:40 +00:00");
}

TEST(View, ShowsTheDateOfOtherDaysOnly) {
    const auto late = parse_time("2026-11-18T23:30:00.000Z").value();
    EXPECT_EQ(clock_text(late, view_at("2026-11-18T13:00:00.000Z", 1h)), "2026-11-19 00:30:00 +01:00");
    EXPECT_EQ(clock_text(late, view_at("2026-11-18T13:00:00.000Z", -1h)), "22:30:00 -01:00");
}

TEST(View, UsesTheOffsetThatHeldAtTheTimeShown) {
    View view = view_at("2026-10-25T12:00:00.000Z", 1h);
    const auto change = parse_time("2026-10-25T01:00:00.000Z").value();
    view.zone = [change](base::WallTime time) {
        return time < change ? std::chrono::seconds(2h) : std::chrono::seconds(1h);
    };
    EXPECT_EQ(clock_text(change - 1s, view), "02:59:59 +02:00");
    EXPECT_EQ(clock_text(change, view), "02:00:00 +01:00");
}

TEST(View, PaintsOnlyInColour) {
    EXPECT_EQ(painted("x", Tone::bad, Colour::off), "x");
    EXPECT_EQ(painted("x", Tone::plain, Colour::on), "x");
    EXPECT_EQ(painted("x", Tone::bad, Colour::on), "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace mailramp::cli
