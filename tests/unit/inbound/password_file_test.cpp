#include "mailramp/inbound/password_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::inbound {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Verdict = PasswordFile::Verdict;

// Of "geheim", made by `openssl passwd -6 -salt saltsalt`, `mkpasswd -m yescrypt` and `htpasswd -B`.
const std::string sha512 =
    "$6$saltsalt$sfZR6YSW/Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1";
const std::string yescrypt = "$y$j75$QyQqsxPHtSp1dnUxb7c5v.$tBxMePYgJaNB6pTEsVcUZTfXiKOE2xQUbeEIyHCxWt1";
const std::string bcrypt = "$2y$05$b.5g2uU21NIwcHbsiPvZGehT/6b.uYj4vl9h5dDFLzrqwmV0IQvUy";

PasswordFile good(const std::string& text) {
    auto parsed = PasswordFile::parse(text);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *std::move(parsed) : PasswordFile();
}

std::string error_of(const std::string& text) {
    const auto parsed = PasswordFile::parse(text);
    return parsed ? "" : parsed.error().message;
}

TEST(PasswordFile, KnowsTheHashesThatPeopleMake) {
    const PasswordFile file =
        good("# scanners\n\nscan:" + sha512 + "\r\nerp:" + yescrypt + "\nold@contoso.test:" + bcrypt);
    for (const char* user : {"scan", "erp", "old@contoso.test"}) {
        EXPECT_EQ(file.judge(user, base::Secret("geheim")), Verdict::good) << user;
        EXPECT_EQ(file.judge(user, base::Secret("Geheim")), Verdict::wrong_password) << user;
        EXPECT_EQ(file.judge(user, base::Secret("")), Verdict::wrong_password) << user;
    }
    EXPECT_EQ(file.judge("nobody", base::Secret("geheim")), Verdict::unknown_user);
    EXPECT_EQ(file.judge("SCAN", base::Secret("geheim")), Verdict::unknown_user);
    EXPECT_EQ(file.judge("", base::Secret("geheim")), Verdict::unknown_user);
}

TEST(PasswordFile, TakesNoPasswordForItsBeginning) {
    const PasswordFile file = good("scan:" + sha512);
    EXPECT_EQ(file.judge("scan", base::Secret(std::string("geheim\0x", 8))), Verdict::wrong_password);
    EXPECT_EQ(file.judge("scan", base::Secret(std::string(10'000, 'x'))), Verdict::wrong_password);
}

TEST(PasswordFile, NeverTakesTheHashForThePassword) {
    EXPECT_EQ(good("scan:" + sha512).judge("scan", base::Secret(sha512)), Verdict::wrong_password);
}

TEST(PasswordFile, NamesTheLineThatIsWrongAndNotWhatItSays) {
    EXPECT_EQ(error_of("scan:" + sha512 + "\n\nerp geheim\n"), "line 3: it is not name:hash");
    EXPECT_EQ(error_of(":" + sha512), "line 1: it is not name:hash");
    EXPECT_EQ(error_of("a\x01:" + sha512), "line 1: the name has a control character");
    EXPECT_EQ(error_of("a:" + sha512 + "\na:" + sha512), "line 2: this name stands in a line above");
    for (const char* weak : {"geheim", "$1$saltsalt$Q", "{PLAIN}geheim", "", "*", "!", "abJnggxhB/yWI"})
        EXPECT_THAT(error_of(std::string("erp:") + weak),
                    AllOf(HasSubstr("line 1: behind the colon is no hash"), HasSubstr("openssl passwd -6"),
                          Not(HasSubstr("geheim"))))
            << weak;
    for (const std::string& whole : {sha512, yescrypt, bcrypt})
        EXPECT_THAT(error_of("erp:" + whole.substr(0, whole.size() - 50)),
                    HasSubstr("line 1: the hash is damaged"));
    EXPECT_THAT(error_of("erp:$y$"), HasSubstr("line 1: the hash is damaged"));
}

TEST(PasswordFile, NeedsAUser) {
    EXPECT_THAT(error_of(""), HasSubstr("there is no user in it"));
    EXPECT_THAT(error_of("# nobody\n"), HasSubstr("there is no user in it"));
}

}  // namespace
}  // namespace mailramp::inbound
