#include "sendmail/identity.h"

#include <gtest/gtest.h>

namespace mailramp::sendmail {
namespace {

TEST(FullName, IsTheFirstPartOfTheGecosField) {
    EXPECT_EQ(full_name_of("Jane Doe,Room 1,123,456", "jane"), "Jane Doe");
    EXPECT_EQ(full_name_of("", "jane"), "");
    EXPECT_EQ(full_name_of(",,,", "jane"), "");
}

TEST(FullName, HasTheLoginNameForAnAmpersand) {
    EXPECT_EQ(full_name_of("& Doe", "jane"), "Jane Doe");
    EXPECT_EQ(full_name_of("The & & User", "x1"), "The X1 X1 User");
    EXPECT_EQ(full_name_of("&", ""), "");
}

TEST(Qualified, AddsTheDomainOnlyWhereNoneIs) {
    EXPECT_EQ(qualified("root", "web1.example"), "root@web1.example");
    EXPECT_EQ(qualified("a@b.example", "web1.example"), "a@b.example");
    EXPECT_EQ(qualified("", "web1.example"), "");
}

}  // namespace
}  // namespace mailramp::sendmail
