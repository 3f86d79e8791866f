#include "mailramp/alert/expiry.h"

#include <gtest/gtest.h>

#include "unit/alert/samples.h"

namespace mailramp::alert {
namespace {

using namespace std::chrono_literals;

constexpr base::WallTime end = std::chrono::sys_days(std::chrono::year(2027) / 3 / 1);

TEST(Expiry, IsNearAtThirtySevenAndOneDaysAndAtItsEnd) {
    struct Row {
        base::Duration before;
        int level;
        const char* words;
    };
    const std::vector<Row> rows{{30 * 24h, 1, "ends in 30 days, on 2027-03-01"},
                                {7 * 24h + 1s, 1, "ends in 8 days, on 2027-03-01"},
                                {7 * 24h, 2, "ends in 7 days, on 2027-03-01"},
                                {24h + 1s, 2, "ends in 2 days, on 2027-03-01"},
                                {24h, 3, "ends tomorrow, on 2027-03-01"},
                                {1s, 3, "ends tomorrow, on 2027-03-01"},
                                {0s, 4, "has ended on 2027-03-01"},
                                {-1000h, 4, "has ended on 2027-03-01"}};
    for (const Row& row : rows) {
        const auto expiry = expiry_of(end, end - row.before);
        ASSERT_TRUE(expiry) << row.words;
        EXPECT_EQ(expiry->level, row.level) << row.words;
        EXPECT_EQ(expiry->words, row.words);
        EXPECT_EQ(expiry->ended, row.before <= 0s);
    }
    EXPECT_FALSE(expiry_of(end, end - 30 * 24h - 1s));
}

TEST(Expiry, OfWhatEndsInTheMiddleOfADayIsCountedByTheCalendar) {
    EXPECT_EQ(expiry_of(end + 15h, end + 1h)->words, "ends today, on 2027-03-01");
    EXPECT_EQ(expiry_of(end + 15h, end - 1h)->words, "ends tomorrow, on 2027-03-01");
}

}  // namespace
}  // namespace mailramp::alert
