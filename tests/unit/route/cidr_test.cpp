#include "mailramp/route/cidr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::route {
namespace {

using ::testing::HasSubstr;

bool holds(std::string_view block, std::string_view address) {
    const auto cidr = Cidr::parse(block);
    EXPECT_TRUE(cidr) << block << ": " << cidr.error().message;
    return cidr && cidr->contains(address);
}

std::string refusal(std::string_view block) {
    const auto cidr = Cidr::parse(block);
    return cidr ? "accepted as " + cidr->text() : cidr.error().message;
}

TEST(Cidr, HoldsTheAddressesOfItsBlockAndNoOthers) {
    EXPECT_TRUE(holds("10.0.0.0/8", "10.255.255.255"));
    EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(holds("192.168.4.0/22", "192.168.7.255"));
    EXPECT_FALSE(holds("192.168.4.0/22", "192.168.8.0"));
    EXPECT_FALSE(holds("192.168.4.0/22", "192.168.3.255"));
    EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(Cidr, TakesAnAddressAloneAsABlockOfOne) {
    EXPECT_TRUE(holds("192.0.2.7", "192.0.2.7"));
    EXPECT_FALSE(holds("192.0.2.7", "192.0.2.6"));
    EXPECT_TRUE(holds("2001:db8::7", "2001:DB8:0::7"));
    EXPECT_FALSE(holds("2001:db8::7", "2001:db8::6"));
    EXPECT_EQ(Cidr::parse("192.0.2.7")->text(), "192.0.2.7/32");
    EXPECT_EQ(Cidr::parse("::1")->text(), "::1/128");
}

TEST(Cidr, HoldsEverythingOfItsFamilyWithPrefixZero) {
    EXPECT_TRUE(holds("0.0.0.0/0", "255.1.2.3"));
    EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
    EXPECT_TRUE(holds("::/0", "fe80::1"));
    EXPECT_FALSE(holds("::/0", "10.0.0.1"));
    EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->is_everything());
    EXPECT_FALSE(Cidr::parse("0.0.0.0/1")->is_everything());
}

TEST(Cidr, TreatsAnIpv4MappedAddressAsTheIpv4AddressItCarries) {
    EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    EXPECT_TRUE(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
    EXPECT_FALSE(holds("::ffff:10.0.0.0/104", "11.1.2.3"));
    EXPECT_TRUE(holds("::ffff:192.0.2.1", "192.0.2.1"));
    EXPECT_FALSE(holds("::/0", "::ffff:10.1.2.3"));
}

TEST(Cidr, RefusesBitsBehindThePrefixAndNamesBothThingsThatMayBeMeant) {
    EXPECT_EQ(refusal("10.1.2.3/8"),
              "\"10.1.2.3/8\" has bits behind its prefix; perhaps 10.0.0.0/8 is meant, or 10.1.2.3 alone");
    EXPECT_THAT(refusal("2001:db8::1/64"), HasSubstr("2001:db8::/64"));
}

TEST(Cidr, RefusesWhatIsNoBlock) {
    for (const std::string_view text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8",
          "010.0.0.1", "10.0.0.1 ", " 10.0.0.1", "::1/129", "1::2::3", "fe80::1%eth0", "localhost",
          "10.0.0.0/99999999999999999999", "::ffff:0.0.0.0/90", "[::1]"})
        EXPECT_FALSE(Cidr::parse(text)) << text;
    EXPECT_FALSE(Cidr::parse(std::string_view("10.0.0.1\0", 9)));
    EXPECT_FALSE(Cidr::parse(std::string(10'000, '1')));
}

TEST(Cidr, RepeatsNoControlCharactersOfWhatItRefuses) {
    EXPECT_EQ(refusal("\x1b[2J"), "\"?[2J\" is no address block");
}

TEST(Cidr, HoldsNothingThatIsNoNumericAddress) {
    EXPECT_FALSE(holds("0.0.0.0/0", "local"));
    EXPECT_FALSE(holds("0.0.0.0/0", ""));
}

TEST(IpAddress, KnowsLoopbackInEveryForm) {
    for (const std::string_view text : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"})
        EXPECT_TRUE(IpAddress::parse(text)->is_loopback()) << text;
    for (const std::string_view text :
         {"0.0.0.0", "::", "126.0.0.1", "128.0.0.1", "::2", "1::1", "::ffff:10.0.0.1"})
        EXPECT_FALSE(IpAddress::parse(text)->is_loopback()) << text;
}

}  // namespace
}  // namespace mailramp::route
