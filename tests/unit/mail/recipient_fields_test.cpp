#include "mailramp/mail/recipient_fields.h"

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

std::string qualified(std::string_view section) {
    return qualified_recipients(section, "contoso.com");
}

// What becomes of a To field with this value.
std::string to(std::string_view value) {
    std::string field = qualified("To:" + std::string(value) + "\r\n\r\n");
    EXPECT_TRUE(field.starts_with("To:") && field.ends_with("\r\n\r\n")) << field;
    return field.substr(3, field.size() - 7);
}

TEST(RecipientFields, GetADomainBehindNamesThatHaveNone) {
    EXPECT_EQ(to(" root"), " root@contoso.com");
    EXPECT_EQ(to("root , ops@example.com,\r\n\tadmin"),
              "root@contoso.com , ops@example.com,\r\n\tadmin@contoso.com");
    EXPECT_EQ(to(" The Admin < root >, <www>"), " The Admin < root@contoso.com >, <www@contoso.com>");
    EXPECT_EQ(to(" root (Cron, Daemon) , (who) ops "),
              " root@contoso.com (Cron, Daemon) , (who) ops@contoso.com ");
    EXPECT_EQ(to(" Team: root, \"mail team\";"), " Team: root@contoso.com, \"mail team\"@contoso.com;");
    EXPECT_EQ(to("\r\n root\r\n "), "\r\n root@contoso.com\r\n ");
}

TEST(RecipientFields, StayWhereThereIsNoNameToComplete) {
    for (const char* const value :
         {"", " ", " ops@example.com", " Bob <bob@example.com>", " Bob Smith", " undisclosed-recipients:;",
          " <>", " Bob <>", " ro(x)ot", " \"open", " <root", " (root)", " a..b", " m\xc3\xbcller", " a\xff",
          " <a b>", " root@", " @example.com"})
        EXPECT_EQ(to(value), std::string(value) == " <root" ? " <root@contoso.com" : value);
}

TEST(RecipientFields, AreToAndCcAndNoOther) {
    const std::string section =
        "Received: from root\r\nFrom: root\r\nSender: root\r\nReply-To: root\r\nResent-To: root\r\nBcc: "
        "root\r\n"
        "Subject: To: root\r\n To: root\r\nX-To: root\r\n\r\n";
    EXPECT_EQ(qualified(section), section);
    EXPECT_EQ(qualified("TO : root\r\ncc:root\r\nTo: www\r\n"),
              "TO : root@contoso.com\r\ncc:root@contoso.com\r\nTo: www@contoso.com\r\n");
    EXPECT_EQ(qualified("Cc: root"), "Cc: root@contoso.com");
    EXPECT_EQ(qualified(""), "");
    EXPECT_EQ(qualified("\r\n"), "\r\n");
}

TEST(RecipientFields, StayWhereALineWouldBecomeTooLong) {
    const std::string fits(998 - std::string("To: \"\" <root@contoso.com>").size(), 'x');
    EXPECT_EQ(to(" \"" + fits + "\" <root>"), " \"" + fits + "\" <root@contoso.com>");
    EXPECT_EQ(to(" \"x" + fits + "\" <root>"), " \"x" + fits + "\" <root>");
}

}  // namespace
}  // namespace mailramp::mail
