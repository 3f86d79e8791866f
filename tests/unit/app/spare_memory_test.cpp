#include "app/spare_memory.h"

#include <gtest/gtest.h>

namespace mailramp::app {
namespace {

TEST(CrowdWatch, TellsOnceWhenMostOfACrowdHasLeft) {
    CrowdWatch watch;
    EXPECT_FALSE(watch.has_left(0, 0));
    EXPECT_FALSE(watch.has_left(200, 200));
    EXPECT_FALSE(watch.has_left(51, 51));
    EXPECT_TRUE(watch.has_left(50, 50));
    EXPECT_FALSE(watch.has_left(50, 50));
    EXPECT_FALSE(watch.has_left(13, 13));
    EXPECT_TRUE(watch.has_left(12, 12)) << "those that were left were a crowd too";
    EXPECT_FALSE(watch.has_left(0, 0));
    EXPECT_FALSE(watch.has_left(16, 16));
    EXPECT_TRUE(watch.has_left(0, 0)) << "the next crowd";
    EXPECT_TRUE(watch.has_left(16, 0)) << "one that came and went between two looks";
}

TEST(CrowdWatch, TakesAFewForNoCrowd) {
    CrowdWatch watch;
    EXPECT_FALSE(watch.has_left(15, 15));
    EXPECT_FALSE(watch.has_left(0, 0));
}

}  // namespace
}  // namespace mailramp::app
