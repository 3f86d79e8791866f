#include "check/claims.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/base/text.h"

namespace mailramp::check {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string token_of(std::string_view payload) {
    std::string encoded = base::base64_encode(payload);
    std::erase(encoded, '=');
    std::ranges::replace(encoded, '+', '-');
    std::ranges::replace(encoded, '/', '_');
    return "e30." + encoded + ".c2ln";
}

TEST(Claims, AreReadFromATokenAsEntraMakesIt) {
    const auto claims = read_claims(token_of(
        R"({"aud":"https://outlook.office365.com","appid":"app","tid":"tenant","oid":"99-aa","roles":["SMTP.SendAsApp"],)"
        R"("iat":1800000000,"exp":1800003600,"x":"~~~???>>>"})"));
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->audience, "https://outlook.office365.com");
    EXPECT_EQ(claims->application, "app");
    EXPECT_EQ(claims->tenant, "tenant");
    EXPECT_EQ(claims->object_id, "99-aa");
    EXPECT_THAT(claims->roles, ElementsAre("SMTP.SendAsApp"));
    EXPECT_EQ(claims->issued, 1'800'000'000);
    EXPECT_EQ(claims->expires, 1'800'003'600);
}

TEST(Claims, NameTheApplicationInVersionTwoToo) {
    EXPECT_EQ(read_claims(token_of(R"({"azp":"app-2"})"))->application, "app-2");
}

TEST(Claims, AreEmptyWhereTheTokenSaysNothingOrNonsense) {
    const auto claims = read_claims(token_of(R"({"aud":7,"roles":"all","exp":"soon","tid":null})"));
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->audience + claims->tenant + claims->object_id, "");
    EXPECT_THAT(claims->roles, IsEmpty());
    EXPECT_FALSE(claims->expires);
}

TEST(Claims, AreNotThereInWhatIsNoToken) {
    for (const std::string& text :
         {std::string(), std::string("opaque"), std::string("a.b"), std::string("a.!!.c"),
          std::string("e30.e30=.e30"), token_of("[1]"), token_of("{"), token_of("[[[[[[[[[[[[1]]]]]]]]]]]]")})
        EXPECT_FALSE(read_claims(text)) << text;
}

TEST(Claims, CarryNothingIntoACommandOrATerminal) {
    const auto claims =
        read_claims(token_of(R"({"oid":"1; Remove-Mailbox x","aud":"a\u001b[2Jb\n","roles":["r\u0007"]})"));
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->object_id, "");
    EXPECT_EQ(claims->audience, "a?[2Jb?");
    EXPECT_THAT(claims->roles, ElementsAre("r?"));
}

}  // namespace
}  // namespace mailramp::check
