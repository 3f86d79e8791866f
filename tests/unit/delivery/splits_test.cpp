#include "delivery/splits.h"

#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

constexpr SplitOptions options{.cuts_max = 2, .divisor = 10, .messages_max = 3};

std::size_t cap_of(const Splits& splits, std::int64_t message) {
    for (const queue::RecipientsCap& cap : splits.caps())
        if (cap.message == queue::QueueId(message)) return cap.recipients_max;
    return 0;
}

TEST(Splits, LeavesAMessageWholeAfterASingleCut) {
    Splits splits(options);
    splits.cut(queue::QueueId(1), 5);
    EXPECT_TRUE(splits.caps().empty());
}

TEST(Splits, SubmitsFewRecipientsOneByOneAfterTheSecondCut) {
    Splits splits(options);
    splits.cut(queue::QueueId(1), 10);
    splits.cut(queue::QueueId(2), 10);
    splits.cut(queue::QueueId(1), 10);
    EXPECT_EQ(cap_of(splits, 1), 1U);
    EXPECT_EQ(cap_of(splits, 2), 0U);
}

TEST(Splits, ReachesSingleRecipientsOfALongListInAFewCuts) {
    Splits splits(options);
    splits.cut(queue::QueueId(1), 500);
    splits.cut(queue::QueueId(1), 500);
    EXPECT_EQ(cap_of(splits, 1), 50U);
    splits.cut(queue::QueueId(1), 50);
    EXPECT_EQ(cap_of(splits, 1), 5U);
    splits.cut(queue::QueueId(1), 500);  // had begun before
    EXPECT_EQ(cap_of(splits, 1), 5U);
    splits.cut(queue::QueueId(1), 5);
    EXPECT_EQ(cap_of(splits, 1), 1U);
}

TEST(Splits, TakesNoNoteOfARecipientThatIsAlone) {
    Splits splits(options);
    for (int i = 0; i < 5; ++i)
        splits.cut(queue::QueueId(1), 1);
    EXPECT_TRUE(splits.caps().empty());
}

TEST(Splits, ForgetsTheMessageThatWasCutLongestAgoWhenThereAreTooMany) {
    Splits splits(options);
    for (const std::int64_t message : {1, 2, 3, 1, 2, 3, 1, 4})
        splits.cut(queue::QueueId(message), 3);
    EXPECT_EQ(cap_of(splits, 2), 0U);
    EXPECT_EQ(cap_of(splits, 1), 1U);
    EXPECT_EQ(cap_of(splits, 3), 1U);
    splits.cut(queue::QueueId(2), 3);  // counted anew
    EXPECT_EQ(cap_of(splits, 2), 0U);
}

}  // namespace
}  // namespace mailramp::delivery
