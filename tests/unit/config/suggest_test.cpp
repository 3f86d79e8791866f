#include "mailramp/config/suggest.h"

#include <gtest/gtest.h>

namespace mailramp::config {
namespace {

TEST(EditDistance, CountsTheStepsFromOneWordToTheOther) {
    EXPECT_EQ(edit_distance("", ""), 0u);
    EXPECT_EQ(edit_distance("abc", "abc"), 0u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(edit_distance("abc", ""), 3u);
    EXPECT_EQ(edit_distance("abc", "abd"), 1u);
    EXPECT_EQ(edit_distance("abc", "acb"), 1u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("ca", "abc"), 3u);  // a part is never changed twice
}

TEST(EditDistance, GivesUpOnWordsThatNobodyWrites) {
    EXPECT_GT(edit_distance(std::string(65, 'a'), "a"), 1000u);
    EXPECT_EQ(edit_distance(std::string(64, 'a'), std::string(64, 'b')), 64u);
}

TEST(Suggestion, NamesTheNearestWordAndNoDistantOne) {
    const std::vector<std::string> words{"tenant_id", "client_id", "client_secret", "listen", "log"};
    EXPECT_EQ(suggest("tennant_id", words), "tenant_id");
    EXPECT_EQ(suggest("tenantId", words), "tenant_id");
    EXPECT_EQ(suggest("TENANT-ID", words), "tenant_id");
    EXPECT_EQ(suggest("lisen", words), "listen");
    EXPECT_EQ(suggest("lgo", words), "log");
    EXPECT_EQ(suggest("colour", words), "");
    EXPECT_EQ(suggest("x", words), "");
    EXPECT_EQ(suggest("", words), "");
    EXPECT_EQ(suggest("anything", {}), "");
}

}  // namespace
}  // namespace mailramp::config
