#include "sandbox/faults.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::sandbox {
namespace {

using ::testing::HasSubstr;

Fault parsed(std::string_view text) {
    return Faults::parse(text).value();
}

TEST(Faults, AreNamedCountedAndBoundToAMailbox) {
    EXPECT_EQ(parsed("451").name, "451");
    EXPECT_FALSE(parsed("451").times_left.has_value());
    EXPECT_EQ(parsed("554-quota:3").times_left, 3u);
    EXPECT_EQ(parsed("535@Relay@Contoso.test").mailbox, "relay@contoso.test");
    EXPECT_EQ(parsed("535:2@relay@contoso.test").times_left, 2u);
    EXPECT_FALSE(Faults::parse("451:0").has_value());
    EXPECT_FALSE(Faults::parse("451:x").has_value());
}

TEST(Faults, HappenAsOftenAsAsked) {
    Faults faults;
    ASSERT_TRUE(faults.arm(parsed("451:2")).has_value());
    EXPECT_TRUE(faults.take("451"));
    EXPECT_FALSE(faults.take("430"));
    EXPECT_TRUE(faults.take("451"));
    EXPECT_FALSE(faults.take("451"));
}

TEST(Faults, WithoutACountHappenUntilTheyAreCleared) {
    Faults faults;
    ASSERT_TRUE(faults.arm(parsed("slow")).has_value());
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(faults.take("slow"));
    faults.clear("slow");
    EXPECT_FALSE(faults.take("slow"));
}

TEST(Faults, OfOneMailboxLeaveTheOthersAlone) {
    Faults faults;
    ASSERT_TRUE(faults.arm(parsed("535@a@contoso.test")).has_value());
    EXPECT_FALSE(faults.take("535", "b@contoso.test"));
    EXPECT_TRUE(faults.take("535", "A@contoso.test"));
}

TEST(Faults, ThatDoNotExistAreRefusedByName) {
    const auto result = Faults::parse("drop-everything");
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, HasSubstr("drop-everything"));
    EXPECT_FALSE(Faults().arm({"drop-everything", {}, {}}).has_value());
}

TEST(Faults, HaveUniqueNamesAndEveryReplyFaultIsOne) {
    std::set<std::string_view> names;
    for (const FaultName& fault : Faults::names())
        EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
    for (const ReplyFault& fault : auth_reply_faults())
        EXPECT_TRUE(names.contains(fault.name)) << fault.name;
    for (const ReplyFault& fault : message_reply_faults())
        EXPECT_TRUE(names.contains(fault.name)) << fault.name;
}

}  // namespace
}  // namespace mailramp::sandbox
