#include "mailramp/base/text.h"

#include <gtest/gtest.h>

namespace mailramp::base {
namespace {

TEST(Printable, LeavesTextAlone) {
    EXPECT_EQ(printable("plain ASCII ~", 100), "plain ASCII ~");
    EXPECT_EQ(printable("\xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa7", 100),
              "\xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa7");
}

TEST(Printable, ReplacesEveryControlCharacter) {
    for (int code = 0; code < 0x20; ++code)
        EXPECT_EQ(printable(std::string(1, static_cast<char>(code)), 9), "?") << code;
    EXPECT_EQ(printable("\x7f", 9), "?");
    // C1 controls: U+009B alone starts an escape sequence on some terminals.
    for (int code = 0x80; code < 0xA0; ++code)
        EXPECT_EQ(printable(std::string("\xc2") + static_cast<char>(code), 9), "?") << code;
    EXPECT_EQ(printable("\xc2\xa0", 9), "\xc2\xa0") << "the first one behind them";
}

TEST(Printable, ReplacesWhatTurnsTheDirectionOfText) {
    for (const char* turning : {"\xd8\x9c", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xae",
                                "\xe2\x81\xa6", "\xe2\x81\xa9"})
        EXPECT_EQ(printable(std::string("a") + turning + "b", 9), "a?b");
    for (const char* harmless : {"\xe2\x80\x8d", "\xe2\x80\x90", "\xe2\x80\xaf", "\xe2\x81\xaa", "\xd8\x9b"})
        EXPECT_EQ(printable(harmless, 9), harmless);
}

TEST(Printable, ReplacesWhatIsNotUtf8) {
    EXPECT_EQ(printable("\xfc", 9), "?");
    EXPECT_EQ(printable("a\x80"
                        "b",
                        9),
              "a?b");
    EXPECT_EQ(printable("\xc0\xaf", 9), "??") << "overlong";
    EXPECT_EQ(printable("\xe0\x80\xaf", 9), "???") << "overlong";
    EXPECT_EQ(printable("\xed\xa0\x80", 9), "???") << "surrogate";
    EXPECT_EQ(printable("\xf4\x90\x80\x80", 9), "????") << "beyond U+10FFFF";
    EXPECT_EQ(printable("\xe2\x82", 9), "??") << "cut off";
    EXPECT_EQ(printable("\xe2\x82"
                        "a",
                        9),
              "??a");
}

TEST(Printable, CutsBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 3), "abc");
    EXPECT_EQ(printable("ab\xe2\x82\xac", 4), "ab");
    EXPECT_EQ(printable("abc", 0), "");
}

TEST(Case, IsFoldedForAsciiOnly) {
    EXPECT_EQ(to_lower("ABC xyz @[`{ \xc3\x9c"), "abc xyz @[`{ \xc3\x9c");
    EXPECT_TRUE(equals_ignoring_case("EhLo", "eHlO"));
    EXPECT_FALSE(equals_ignoring_case("EHLO", "EHL"));
    EXPECT_FALSE(equals_ignoring_case("@", "`")) << "32 apart, but no letters";
    EXPECT_TRUE(starts_with_ignoring_case("FROM:<a>", "from"));
    EXPECT_FALSE(starts_with_ignoring_case("FRO", "from"));
    EXPECT_TRUE(contains_ignoring_case("a HTTP/1", "http"));
    EXPECT_TRUE(contains_ignoring_case("", ""));
    EXPECT_TRUE(contains_ignoring_case("a", ""));
    EXPECT_FALSE(contains_ignoring_case("htt", "http"));
}

TEST(Trim, TakesWhiteSpaceOffBothEnds) {
    EXPECT_EQ(trim(" \t\r\n a b\r\n"), "a b");
    EXPECT_EQ(trim(" \t"), "");
    EXPECT_EQ(trim(""), "");
}

TEST(ParseNumber, TakesDigitsOnly) {
    EXPECT_EQ(parse_number("0"), 0u);
    EXPECT_EQ(parse_number("0042"), 42u);
    EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615u);
    for (const auto* bad :
         {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "18446744073709551616", "99999999999999999999999"})
        EXPECT_FALSE(parse_number(bad)) << bad;
}

// RFC 4648 §10.
TEST(Base64, HasTheVectorsOfTheRfc) {
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(base64_encode(plain), encoded);
        EXPECT_EQ(base64_decode(encoded), plain);
    }
}

TEST(Base64, CarriesEveryOctet) {
    std::string all;
    for (int code = 0; code < 256; ++code) {
        all += static_cast<char>(code);
        EXPECT_EQ(base64_decode(base64_encode(all)), all);
    }
    EXPECT_EQ(base64_encode("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64, IsStrict) {
    for (const auto* bad : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-",
                            "Zm9_", "Zh==", "Zm9=", "Z=9v", "Zm=v"})
        EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Utf8, IsCheckedByTheRfc) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("a\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    for (const auto* bad : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x93"})
        EXPECT_FALSE(is_utf8(bad));
    EXPECT_TRUE(is_ascii("a\x7f"));
    EXPECT_FALSE(is_ascii("\x80"));
}

}  // namespace
}  // namespace mailramp::base
