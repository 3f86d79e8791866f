#include "mailramp/mail/dsn.h"

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

std::string or_refused(const base::Result<std::string>& result) {
    return result ? *result : "!";
}

std::string notify(std::string_view value) {
    return or_refused(parse_notify(value));
}

std::string orcpt(std::string_view value, Utf8 utf8 = Utf8::refused) {
    return or_refused(parse_orcpt(value, utf8));
}

TEST(Xtext, IsDecodedOnlyWhenItIsWrittenAsItMustBe) {
    EXPECT_EQ(decoded_xtext("QQ314159"), "QQ314159");
    EXPECT_EQ(decoded_xtext("a+2Bb+3Dc+20d"), "a+b=c d");
    EXPECT_EQ(decoded_xtext(""), "");
    for (const std::string_view wrong : {"a b", "a=b", "+", "+2", "+2b", "+2G", "a\x7f", "a\xc3\xa4", "a\tb"})
        EXPECT_FALSE(decoded_xtext(wrong)) << wrong;
}

TEST(Xtext, ThatHidesAControlCharacterIsRefused) {
    for (const std::string_view hidden : {"+0A", "+0D", "+00", "+7F", "+C3+A4"}) {
        EXPECT_TRUE(is_xtext(hidden)) << hidden;
        EXPECT_FALSE(decoded_xtext(hidden)) << hidden;
    }
}

TEST(Xtext, GivesBackWhatWasEncoded) {
    std::string all;
    for (char c = ' '; c <= '~'; ++c)
        all += c;
    EXPECT_EQ(decoded_xtext(encoded_xtext(all)), all);
    EXPECT_EQ(encoded_xtext("\xc3\xa4"), "+C3+A4");
}

TEST(Notify, TakesNeverAloneOrEachOtherWordOnce) {
    EXPECT_EQ(notify("never"), "NEVER");
    EXPECT_EQ(notify("Success"), "SUCCESS");
    EXPECT_EQ(notify("DELAY,FAILURE,SUCCESS"), "DELAY,FAILURE,SUCCESS");
    for (const std::string_view wrong : {"", ",", "FAILURE,", ",FAILURE", "NEVER,FAILURE", "FAILURE,NEVER",
                                         "FAILURE,FAILURE", "FAILURE, DELAY", "FAIL", "\r\n"})
        EXPECT_EQ(notify(wrong), "!") << wrong;
}

TEST(Notify, AbsentAsksForFailuresAndAllowsDelays) {
    EXPECT_TRUE(wants_notice("", Notice::failure));
    EXPECT_TRUE(wants_notice("", Notice::delay));
    EXPECT_FALSE(wants_notice("", Notice::success));
    EXPECT_FALSE(wants_notice("NEVER", Notice::failure));
    EXPECT_FALSE(wants_notice("SUCCESS,DELAY", Notice::failure));
    EXPECT_TRUE(wants_notice("SUCCESS,DELAY", Notice::delay));
}

TEST(Envid, IsXtextOfALimitedLength) {
    EXPECT_EQ(or_refused(parse_envid("QQ+20314159")), "QQ+20314159");
    EXPECT_EQ(or_refused(parse_envid(std::string(100, 'a'))), std::string(100, 'a'));
    for (const std::string& wrong : {std::string(), std::string(101, 'a'), std::string("a+0Ab")})
        EXPECT_EQ(or_refused(parse_envid(wrong)), "!") << wrong;
}

TEST(Orcpt, HasATypeAndAnAddress) {
    EXPECT_EQ(orcpt("rfc822;Carol@Ivory.EDU"), "rfc822;Carol@Ivory.EDU");
    EXPECT_EQ(orcpt("X400;/C+3Dus/"), "X400;/C+3Dus/");
    EXPECT_EQ(orcpt("utf-8;j\\x{FC}rgen@example.com"), "utf-8;j\\x{FC}rgen@example.com");
    const std::string longest = "rfc822;" + std::string(orcpt_bytes_max - 7, 'a');
    EXPECT_EQ(orcpt(longest), longest);
    for (const std::string& wrong :
         {std::string("carol@ivory.edu"), std::string("rfc822;"), std::string(";carol@ivory.edu"),
          std::string("rfc 822;a"), std::string("rfc822;a=b"), std::string("rfc822;a+0Db"), longest + "a"})
        EXPECT_EQ(orcpt(wrong), "!") << wrong;
}

TEST(Orcpt, HasUtf8OnlyWhereItIsAllowedAndTheTypeSaysSo) {
    const std::string raw = "utf-8;j\xc3\xbcrgen@example.com";
    EXPECT_EQ(orcpt(raw, Utf8::allowed), raw);
    EXPECT_EQ(orcpt(raw), "!");
    EXPECT_EQ(orcpt("rfc822;j\xc3\xbcrgen@example.com", Utf8::allowed), "!");
    EXPECT_EQ(orcpt("utf-8;j\xc3rgen@example.com", Utf8::allowed), "!");
    EXPECT_EQ(orcpt("utf-8;j\xc3\xbcrgen+0A@example.com", Utf8::allowed), "!");
}

}  // namespace
}  // namespace mailramp::mail
