#include "oauth/form.h"

#include <array>

#include <gtest/gtest.h>

namespace mailramp::oauth {
namespace {

TEST(Form, JoinsFieldsSoThatNoValueCanBecomeAnotherField) {
    const std::array<FormField, 3> fields{
        {{"grant_type", "client_credentials"}, {"client_secret", "a&b=c"}, {"empty", ""}}};
    EXPECT_EQ(form_body(fields).reveal(), "grant_type=client_credentials&client_secret=a%26b%3Dc&empty=");
}

}  // namespace
}  // namespace mailramp::oauth
