#include "mailramp/base/secret.h"

#include <algorithm>
#include <concepts>
#include <functional>
#include <ostream>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace mailramp::base {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(Streamable<std::string>);
static_assert(!Streamable<Secret>, "a secret cannot be logged by accident");
static_assert(!std::convertible_to<Secret, std::string_view> && !std::convertible_to<Secret, std::string>);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

// The octets of a buffer that is still allocated, without what a string says of its length.
bool all_zero(const volatile char* from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (from[i] != '\0') return false;
    return true;
}

// Long enough not to live inside the string object.
const std::string value(200, 's');

TEST(Wipe, OverwritesTheBuffer) {
    std::string text = value;
    const volatile char* const buffer = text.data();
    ASSERT_FALSE(all_zero(buffer, value.size()));
    wipe(text);
    EXPECT_TRUE(text.empty());
    EXPECT_TRUE(all_zero(buffer, value.size()));
}

TEST(Wipe, OverwritesWhatALongerValueLeftBehind) {
    std::string text = value;
    const volatile char* const buffer = text.data();
    text.resize(1);
    wipe(text);
    EXPECT_TRUE(all_zero(buffer, value.size()));
}

TEST(Wipe, OverwritesAShortValueInsideTheObject) {
    std::string text = "short";
    const volatile char* const buffer = text.data();
    wipe(text);
    EXPECT_TRUE(all_zero(buffer, 5));
}

TEST(Secret, RevealsItselfOnlyWhenAsked) {
    const Secret secret("password");
    EXPECT_EQ(secret.reveal(), "password");
    EXPECT_FALSE(secret.empty());
    EXPECT_TRUE(Secret().empty());
}

TEST(Secret, LeavesNothingWhereItMovedFrom) {
    for (const std::string& text : {std::string("short"), value}) {
        Secret from(text);
        const Secret to(std::move(from));
        EXPECT_EQ(to.reveal(), text);
        EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): emptiness is promised
    }
}

TEST(Secret, WipesItsOldValueWhenItGetsANewOne) {
    Secret secret("short old value");
    const volatile char* const inside = secret.reveal().data();
    secret = Secret(value);
    EXPECT_EQ(secret.reveal(), value);
    EXPECT_NE(std::string(const_cast<const char*>(inside), 5), "short");
}

TEST(Secret, SurvivesAssignmentToItself) {
    Secret secret("password");
    Secret& same = secret;
    secret = std::move(same);
    EXPECT_EQ(secret.reveal(), "password");
}

TEST(Secret, IsCopiedOnlyByName) {
    const Secret secret("password");
    const Secret copy = secret.clone();
    EXPECT_TRUE(copy == secret);
    EXPECT_FALSE(copy == Secret("other"));
}

}  // namespace
}  // namespace mailramp::base
