#include "sandbox/from_field.h"

#include <string>

#include <gtest/gtest.h>

namespace mailramp::sandbox {
namespace {

std::string address_in(const std::string& header) {
    const auto address = from_address(header + "\r\n\r\nFrom: body@example.com\r\n");
    return address ? *address : "refused: " + address.error().message;
}

TEST(FromField, HasOneMailboxInAnyOfItsForms) {
    for (const std::string value :
         {"a@example.com", " <a@example.com>", "Bob B. <a@example.com>",
          "\"Doe, \\\"J\\\" <x@y.z>\" <a@example.com>", "a@example.com (Bob (nested \\) x))",
          "(Bob)a@example.com", "Bob (x) Smith <a@example.com> (y)",
          "=?utf-8?q?B=C3=B6b?=\r\n <a@example.com>", "J\xf6rg\r\n\t<a@example.com>\r\n (x)"})
        EXPECT_EQ(address_in("From:" + value), "a@example.com") << value;
    EXPECT_EQ(address_in("A: 1\r\nfrom : \"a, b\"@example.com\r\nB: 2"), "\"a, b\"@example.com");
    EXPECT_EQ(address_in("FROM: a@[IPv6:::1]"), "a@[IPv6:::1]");
}

TEST(FromField, IsRefusedWhenAnythingElseIsInIt) {
    for (const std::string value : {"",
                                    " ",
                                    "root",
                                    "<>",
                                    "Bob",
                                    "root (Cron)",
                                    "a@b.com <relay@contoso.test> <evil@y.com>",
                                    "\"x\" <relay@contoso.test> evil@y.com",
                                    "<relay@contoso.test> words",
                                    "words relay@contoso.test",
                                    "evil@y.com <relay@contoso.test>",
                                    "relay@contoso.test <evil@y.com>",
                                    "relay@contoso.test (a) b@c.com",
                                    "relay@contoso.test,",
                                    "relay@contoso.test, evil@y.com",
                                    "relay@contoso.test;evil@y.com",
                                    "group: relay@contoso.test;",
                                    "relay@contoso.test (open",
                                    "\"open <relay@contoso.test>",
                                    "<relay@contoso.test",
                                    "relay@contoso.test>",
                                    "<<relay@contoso.test>>",
                                    "relay@con(x)toso.test",
                                    "relay @contoso.test",
                                    "relay@contoso.test.",
                                    "relay@@contoso.test",
                                    "relay..x@contoso.test",
                                    "tab\x01 <relay@contoso.test>",
                                    "\"tab\x01\" <relay@contoso.test>",
                                    "a [b] <relay@contoso.test>",
                                    "a [b: c <relay@contoso.test>",
                                    "\\relay@contoso.test",
                                    "(a\\) relay@contoso.test"})
        EXPECT_TRUE(address_in("From: " + value).starts_with("refused: From ")) << value;
    EXPECT_EQ(address_in("From: " + std::string(from_bytes_max, ' ') + "a@example.com"),
              "refused: From is too long");
}

TEST(FromField, MustStandInTheHeaderOnce) {
    EXPECT_EQ(address_in("To: a@example.com"), "refused: there is no From");
    EXPECT_EQ(address_in("X-From: a@example.com\r\nSubject: x\r\n From: a@example.com"),
              "refused: there is no From");
    EXPECT_EQ(address_in("From: a@example.com\r\nTo: b@example.com\r\nfrom: a@example.com"),
              "refused: there are 2 From fields");
}

}  // namespace
}  // namespace mailramp::sandbox
