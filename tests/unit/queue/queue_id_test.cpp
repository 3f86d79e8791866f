#include "mailramp/queue/queue_id.h"

#include <gtest/gtest.h>

namespace mailramp::queue {
namespace {

TEST(QueueId, HasElevenCharactersInTheOrderOfItsNumbers) {
    std::string last;
    for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{31}, std::int64_t{32},
                                     std::int64_t{1'767'355'200'000'000}, (std::int64_t{1} << 55) - 1}) {
        const std::string text = QueueId(value).text();
        EXPECT_EQ(text.size(), 11u);
        EXPECT_LT(last, text);
        EXPECT_EQ(QueueId::parse(text), QueueId(value));
        last = text;
    }
    EXPECT_EQ(QueueId(0).text(), "00000000000");
    EXPECT_EQ(QueueId((std::int64_t{1} << 55) - 1).text(), "ZZZZZZZZZZZ");
}

TEST(QueueId, ReadsWhatPeopleMistype) {
    const auto expected = QueueId::parse("01A0B1C1D0Z");
    ASSERT_TRUE(expected);
    EXPECT_EQ(QueueId::parse("oia0bLcldOz"), expected);
    EXPECT_EQ(expected->text(), "01A0B1C1D0Z");
}

TEST(QueueId, RefusesEverythingElse) {
    for (const char* text : {"", "0", "0000000000", "000000000000", "0000000000U", "0000000000-",
                             "0000000000 ", "../../../et", "0000000000\xC3"})
        EXPECT_FALSE(QueueId::parse(text)) << text;
}

}  // namespace
}  // namespace mailramp::queue
