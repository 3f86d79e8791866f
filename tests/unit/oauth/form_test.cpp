#include "oauth/form.h"

#include <array>

#include <gtest/gtest.h>

namespace mailramp::oauth {
namespace {

TEST(Form, EncodesEverythingButUnreservedCharacters) {
    EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(percent_encode("a b+c&d=e%f/g:h"), "a%20b%2Bc%26d%3De%25f%2Fg%3Ah");
    EXPECT_EQ(percent_encode(std::string_view("\0\r\n\x7f\xff", 5)), "%00%0D%0A%7F%FF");
    EXPECT_EQ(percent_encode(""), "");
}

TEST(Form, JoinsFieldsSoThatNoValueCanBecomeAnotherField) {
    const std::array<FormField, 3> fields{
        {{"grant_type", "client_credentials"}, {"client_secret", "a&b=c"}, {"empty", ""}}};
    EXPECT_EQ(form_body(fields).reveal(), "grant_type=client_credentials&client_secret=a%26b%3Dc&empty=");
}

}  // namespace
}  // namespace mailramp::oauth
