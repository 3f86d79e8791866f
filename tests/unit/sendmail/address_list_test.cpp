#include "sendmail/address_list.h"

#include <string>

#include <gmock/gmock.h>

namespace mailramp::sendmail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

AddressList read(std::string_view text) {
    AddressList list;
    read_addresses(text, list);
    return list;
}

TEST(AddressList, HasAddressesWithAndWithoutBracketsAndNames) {
    const AddressList list =
        read("a@example.com, Bob <b@example.com>, \"Doe, John\" <c@example.com>,<d@example.com>");
    EXPECT_THAT(list.addresses,
                ElementsAre("a@example.com", "b@example.com", "c@example.com", "d@example.com"));
    EXPECT_THAT(list.unreadable, IsEmpty());
}

TEST(AddressList, ReadsFoldedValues) {
    EXPECT_THAT(read(" a@example.com,\r\n\tb@example.com,\r\n c@example.com\r\n").addresses,
                ElementsAre("a@example.com", "b@example.com", "c@example.com"));
}

TEST(AddressList, SkipsCommentsThatNestAndHoldCommas) {
    EXPECT_THAT(read("a@example.com (x, (y) \\) <evil@example.com>), b@example.com").addresses,
                ElementsAre("a@example.com", "b@example.com"));
}

TEST(AddressList, TakesTheMembersOfGroups) {
    EXPECT_THAT(read("Team: a@example.com, B <b@example.com>; c@example.com").addresses,
                ElementsAre("a@example.com", "b@example.com", "c@example.com"));
    const AddressList nobody = read("undisclosed-recipients:;");
    EXPECT_THAT(nobody.addresses, IsEmpty());
    EXPECT_THAT(nobody.unreadable, IsEmpty());
}

TEST(AddressList, KeepsQuotedLocalPartsAndLiterals) {
    EXPECT_THAT(read("\"a,b\"@example.com, <\"c>d\"@example.com>, e@[IPv6:::1]").addresses,
                ElementsAre("\"a,b\"@example.com", "\"c>d\"@example.com", "e@[IPv6:::1]"));
}

TEST(AddressList, KeepsBareNamesForTheDaemonToKnow) {
    EXPECT_THAT(read("root, Admin <postmaster>, jane.doe").addresses,
                ElementsAre("root", "postmaster", "jane.doe"));
}

TEST(AddressList, KeepsAddressesInUtf8) {
    EXPECT_THAT(read("J\u00fcrgen <j\u00fcrgen@example.com>").addresses,
                ElementsAre("j\u00fcrgen@example.com"));
}

TEST(AddressList, IgnoresEmptyBrackets) {
    for (const std::string_view text : {"<>", "< >", "Nobody <>", "<> (comment)", "<>, <>;", "<"}) {
        EXPECT_THAT(read(text).addresses, IsEmpty()) << text;
        EXPECT_THAT(read(text).unreadable, IsEmpty()) << text;
    }
    EXPECT_THAT(read("<>, a@example.com").addresses, ElementsAre("a@example.com"));
    EXPECT_THAT(read("<> a@example.com").addresses, ElementsAre("a@example.com"));
}

TEST(AddressList, TakesABracketInQuotesForNoLiteral) {
    EXPECT_THAT(read("\"a [group\": a@example.com;").addresses, ElementsAre("a@example.com"));
}

// Quadratic work on these would take longer than a test may.
TEST(AddressList, IsReadInTimeLinearInItsSize) {
    constexpr std::size_t many = std::size_t{8} << 20;
    EXPECT_EQ(read(std::string(many, 'a') + '[' + std::string(many, ':')).unreadable.size(), 1u);
    for (const std::string_view piece : {"<", "<>", "(", "()", "\"", "\"\"", "[:", ":[", "\\", "(\\"}) {
        std::string text = "a";
        while (text.size() < many)
            text += piece;
        EXPECT_LE(read(text).addresses.size(), 1u) << piece;
    }
}

TEST(AddressList, DropsSourceRoutes) {
    EXPECT_THAT(read("<@relay.example:a@example.com>").addresses, ElementsAre("a@example.com"));
}

TEST(AddressList, SaysWhatIsNoAddress) {
    const AddressList list = read("a@example.com, no address at all, <b@@example.com>, c@example.com");
    EXPECT_THAT(list.addresses, ElementsAre("a@example.com", "c@example.com"));
    EXPECT_THAT(list.unreadable, ElementsAre("no address at all", "b@@example.com"));
    EXPECT_THAT(read("a@example.com b@example.com").unreadable, ElementsAre("a@example.com b@example.com"));
    EXPECT_THAT(read("x\x01y@example.com").unreadable, ElementsAre("x?y@example.com"));
}

TEST(AddressList, LosesNoAddressWhoseCommaIsMissing) {
    const AddressList both = read("<a@example.com> <b@example.com>");
    EXPECT_THAT(both.addresses, ElementsAre("a@example.com", "b@example.com"));
    const AddressList second = read("<a@example.com> b@example.com");
    EXPECT_THAT(second.addresses, ElementsAre("a@example.com", "b@example.com"));
    EXPECT_THAT(read("<a@example.com> b@example.com or c").unreadable, ElementsAre("b@example.com or c"));
    EXPECT_THAT(read("<a@example.com> Jane").unreadable, IsEmpty());
}

TEST(AddressList, NeverCarriesALineEndIntoAnAddress) {
    for (const std::string_view text :
         {"<a\r\n@example.com>", "\"a\r\nb\"@example.com", "<a@example.com\r\nRCPT>"})
        EXPECT_THAT(read(text).addresses, IsEmpty()) << text;
}

TEST(AddressList, EndsWithTheTextWhateverIsLeftOpen) {
    EXPECT_THAT(read("<a@example.com").addresses, ElementsAre("a@example.com"));
    EXPECT_THAT(read("a@example.com (open").addresses, ElementsAre("a@example.com"));
    EXPECT_THAT(read("\"open").addresses, IsEmpty());
    EXPECT_THAT(read("\\").addresses, IsEmpty());
    EXPECT_THAT(read("(\\").addresses, IsEmpty());
    EXPECT_THAT(read("\"\\").addresses, IsEmpty());
    EXPECT_THAT(read(" ,;, ").unreadable, IsEmpty());
}

}  // namespace
}  // namespace mailramp::sendmail
