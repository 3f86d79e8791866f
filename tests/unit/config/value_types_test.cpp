#include "config/value_types.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

template <class T>
bool takes(const ValueType<T>& type, const std::string& text) {
    return type.read(text).has_value();
}

TEST(Duration, NeedsAUnitAndShowsTheLargestThatFits) {
    const auto type = duration(0s, 10'000h);
    for (const auto& [text, value] : std::vector<std::pair<std::string, base::Duration>>{{"0s", 0s},
                                                                                         {"1ms", 1ms},
                                                                                         {"1500ms", 1500ms},
                                                                                         {"30s", 30s},
                                                                                         {"5m", 5min},
                                                                                         {"90m", 90min},
                                                                                         {"1h", 1h},
                                                                                         {"7d", 168h}}) {
        ASSERT_TRUE(takes(type, text)) << text;
        EXPECT_EQ(*type.read(text), value);
        EXPECT_EQ(type.show(value), text);
    }
    EXPECT_EQ(type.show(120s), "2m");
    for (const char* text : {"", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "5S", "1.5h", "1h30m", "5min",
                             "5us", "0x5s", "99999999999999999999s", "106751992d"})
        EXPECT_FALSE(takes(type, text)) << text;
}

TEST(Size, KnowsPowersOf1000AndOf1024) {
    const auto type = size(0, 1ull << 50);
    EXPECT_EQ(*type.read("25MB"), 25'000'000u);
    EXPECT_EQ(*type.read("25MiB"), 25u << 20);
    EXPECT_EQ(*type.read("64KiB"), 65'536u);
    EXPECT_EQ(*type.read("64kB"), 64'000u);
    EXPECT_EQ(*type.read("64KB"), 64'000u);
    EXPECT_EQ(*type.read("10GiB"), 10ull << 30);
    EXPECT_EQ(*type.read("1TB"), 1'000'000'000'000u);
    EXPECT_EQ(*type.read("0B"), 0u);
    for (const char* text :
         {"", "25", "25mb", "25M", "25 MB", "2.5MB", "MB", "-1MB", "18446744073709551616B", "20000000TiB"})
        EXPECT_FALSE(takes(type, text)) << text;
    EXPECT_EQ(type.show(35'000'000), "35MB");
    EXPECT_EQ(type.show(65'536), "64KiB");
    EXPECT_EQ(type.show(1 << 20), "1MiB");
    EXPECT_EQ(type.show(100), "100B");
    EXPECT_EQ(type.show(0), "0B");
}

TEST(Integer, IsDecimalAndInRange) {
    const auto type = integer(1, 100);
    EXPECT_EQ(*type.read("1"), 1u);
    EXPECT_EQ(*type.read("100"), 100u);
    for (const char* text : {"", "0", "101", "-1", "+1", "1.0", "0x10", "010", "1e2", "1_0", "ten", " 1",
                             "99999999999999999999"})
        EXPECT_FALSE(takes(type, text)) << text;
    EXPECT_TRUE(takes(integer(0, 1), "0"));
}

TEST(Fraction, IsAPlainDecimalNumberInRange) {
    const auto type = fraction(0, 1);
    EXPECT_EQ(*type.read("0.25"), 0.25);
    EXPECT_EQ(*type.read("1"), 1.0);
    for (const char* text : {"", "1.01", "-0.1", "1e-1", "nan", "inf", "0,5", "0.5.", ".", "0x1"})
        EXPECT_FALSE(takes(type, text)) << text;
    EXPECT_EQ(type.show(0.1), "0.1");
    EXPECT_EQ(type.show(2), "2");
    EXPECT_EQ(type.show(*type.read("0.000000000000000000000000000025")), "0.000000000000000000000000000025");
    EXPECT_FALSE(takes(type, "0.0000000000000000000000000000025")) << "longer than anything of use";
}

TEST(Boolean, IsTrueOrFalseAndNothingElse) {
    EXPECT_TRUE(*boolean().read("true"));
    EXPECT_FALSE(*boolean().read("false"));
    for (const char* text : {"", "yes", "no", "on", "off", "True", "TRUE", "1", "y"})
        EXPECT_FALSE(takes(boolean(), text)) << text;
}

TEST(FileMode, IsOctalAndShutsOthersOut) {
    EXPECT_EQ(*file_mode().read("0660"), 0660u);
    EXPECT_EQ(*file_mode().read("600"), 0600u);
    EXPECT_EQ(file_mode().show(0660), "0660");
    for (const char* text : {"", "66", "0666", "0661", "0880", "00660", "u=rw", "0x1b0", "1660"})
        EXPECT_FALSE(takes(file_mode(), text)) << text;
}

TEST(Endpoint, IsANumericAddressAndAPort) {
    EXPECT_EQ(show_endpoint(*endpoint().read("127.0.0.1:25")), "127.0.0.1:25");
    EXPECT_EQ(show_endpoint(*endpoint().read("[::1]:2525")), "[::1]:2525");
    EXPECT_EQ(show_endpoint(*endpoint().read("[0:0::1]:0")), "[::1]:0");
    for (const char* text :
         {"", "25", ":25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:25",
          "[127.0.0.1]:25", "[::1]", "localhost:25", "*:25", "[::ffff:127.0.0.1]:25", "127.0.0.1:25 "})
        EXPECT_FALSE(takes(endpoint(), text)) << text;
}

TEST(HostName, HasLabelsOfLettersDigitsAndHyphens) {
    for (const char* text :
         {"localhost", "smtp.office365.com", "relay-1.contoso.com", "127.0.0.1", "::1", "_dmarc.contoso.com"})
        EXPECT_TRUE(takes(host_name(), text)) << text;
    for (const std::string& text :
         {std::string(), std::string("."), std::string("a..b"), std::string("a."), std::string(".a"),
          std::string("-a"), std::string("a-"), std::string("a b"), std::string("a/b"), std::string("a:25"),
          std::string("\xC3\xA4.de"), std::string(64, 'a'), std::string("a\nb")})
        EXPECT_FALSE(takes(host_name(), text)) << text;
}

TEST(Authority, IsHttpsAndAHostAlone) {
    for (const char* text : {"https://login.microsoftonline.com", "https://login.microsoftonline.us/",
                             "https://127.0.0.1:8443", "https://[::1]:8443"})
        EXPECT_TRUE(takes(https_authority(), text)) << text;
    for (const char* text :
         {"", "login.microsoftonline.com", "http://login.microsoftonline.com", "https://", "https://a/b",
          "https://a?b", "https://a#b", "https://user@a", "https://user:pw@a", "https://a:0",
          "https://a:99999", "https://a b", "ftp://a", "https://[::1", "HTTPS://a"})
        EXPECT_FALSE(takes(https_authority(), text)) << text;
}

TEST(Proxy, IsHttpWithoutAPassword) {
    EXPECT_TRUE(takes(http_proxy(), ""));
    EXPECT_TRUE(takes(http_proxy(), "http://proxy.contoso.com:3128"));
    for (const char* text :
         {"proxy:3128", "socks5://proxy", "http://user:geheim@proxy:3128", "http://proxy/x"}) {
        const auto refused = http_proxy().read(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_THAT(refused.error().message, Not(HasSubstr("geheim")));
    }
}

TEST(Tenant, IsAGuidOrADomainOfItsOwn) {
    for (const char* text : {"5e3ce6c0-2b1f-4285-8d4b-75ee78787346", "5E3CE6C0-2B1F-4285-8D4B-75EE78787346",
                             "contoso.onmicrosoft.com"})
        EXPECT_TRUE(takes(tenant(), text)) << text;
    for (const char* text : {"", "common", "Organizations", "consumers", "contoso", "5e3ce6c0-2b1f-4285-8d4b",
                             "{5e3ce6c0-2b1f-4285-8d4b-75ee78787346}", "a/b.c"})
        EXPECT_FALSE(takes(tenant(), text)) << text;
}

TEST(Values, ThatMayBeSecretsInTheWrongPlaceAreNotRepeated) {
    const std::string secret = "abc8Q~geheimgeheim";
    EXPECT_THAT(tenant().read(secret).error().message, Not(HasSubstr("geheim")));
    EXPECT_THAT(client_id().read(secret).error().message, Not(HasSubstr("geheim")));
    // What an unclosed quotation mark has swallowed is shown as far as its first word.
    EXPECT_EQ(in_quotes("alerts client_secret: geheim"), "\"alerts …\"");
    EXPECT_EQ(in_quotes("a\nb"), "\"a …\"");
    EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(64, 'x') + " …\"");
    EXPECT_EQ(in_quotes("\x1b[2J"), "\"?[2J\"");
}

TEST(Patterns, AreAddressesOrDomainsWithStars) {
    for (const char* text : {"*", "<>", "*@contoso.com", "erp-*@*", "a@b"})
        EXPECT_TRUE(takes(address_pattern(), text)) << text;
    for (const char* text : {"", "contoso.com", "a b@c", "a@\xC3\xA4"})
        EXPECT_FALSE(takes(address_pattern(), text)) << text;
    for (const char* text : {"contoso.com", "*.contoso.com"})
        EXPECT_TRUE(takes(domain_pattern(), text)) << text;
    for (const char* text : {"", "*", "@contoso.com", "*contoso.com", "a.*.com"})
        EXPECT_FALSE(takes(domain_pattern(), text)) << text;
}

TEST(Names, HaveNoCharactersThatMeanSomethingElsewhere) {
    for (const char* text : {"a", "alerts@contoso.com", "erp_2-x.y"})
        EXPECT_TRUE(takes(name(), text)) << text;
    for (const std::string& text : {std::string(), std::string("a b"), std::string("a/b"),
                                    std::string("a[0]"), std::string("a:b"), std::string(65, 'a')})
        EXPECT_FALSE(takes(name(), text)) << text;
}

}  // namespace
}  // namespace mailramp::config
