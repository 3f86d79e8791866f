#include "mailramp/mail/header_address.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

HeaderMailbox only(std::string_view value) {
    const auto all = header_mailboxes(value);
    EXPECT_EQ(all.size(), 1u) << value;
    return all.empty() ? HeaderMailbox() : all.front();
}

TEST(HeaderAddress, IsFoundWhereverItStands) {
    EXPECT_EQ(first_header_address("a@example.com"), "a@example.com");
    EXPECT_EQ(first_header_address(" Bob <bob@example.com>, c@example.com"), "bob@example.com");
    EXPECT_EQ(first_header_address("c@example.com, Bob <bob@example.com>"), "c@example.com");
    EXPECT_EQ(first_header_address(R"("Bob, \"<x@y.example>\" B" <bob@example.com>)"), "bob@example.com");
    EXPECT_EQ(first_header_address("bob@example.com (Bob <x@y.example>)"), "bob@example.com");
    EXPECT_EQ(first_header_address("(a (nested) comment\\)) bob@example.com"), "bob@example.com");
    EXPECT_EQ(first_header_address(R"("b o b"@example.com)"), R"("b o b"@example.com)");
    EXPECT_EQ(first_header_address("Team: a@example.com, b@example.com;"), "a@example.com");
    EXPECT_EQ(first_header_address("=?utf-8?q?B=C3=B6b?= <bob@example.com>"), "bob@example.com");
    EXPECT_EQ(first_header_address("a@[IPv6:::1]"), "a@[IPv6:::1]");
    EXPECT_EQ(first_header_address("B\xc3\xb6"
                                   "b <b\xc3\xb6"
                                   "b@example.com>"),
              "b\xc3\xb6"
              "b@example.com");
}

TEST(HeaderAddress, IsEmptyWhenThereIsNone) {
    for (const auto* none :
         {"", " ", "Bob", "<>", "Bob <>", "undisclosed-recipients:;", "root", "(a@example.com)",
          "\"a@example.com", "((((", "\\", "Bob bob@example.com", "<a@example.com\r\nX: y>"})
        EXPECT_EQ(first_header_address(none), "") << none;
}

TEST(HeaderMailboxes, KeepTheNameOctetForOctet) {
    EXPECT_EQ(only("\"Goods, received\" <erp@example.com>").phrase, "\"Goods, received\"");
    EXPECT_EQ(only("=?utf-8?q?B=C3=B6b?= <bob@example.com>").phrase, "=?utf-8?q?B=C3=B6b?=");
    EXPECT_EQ(only("root (Cron Daemon)").comment, "Cron Daemon");
    EXPECT_EQ(only("a@example.com (the (nested) one)").comment, "the (nested) one");
}

TEST(HeaderMailboxes, UnescapeComments) {
    EXPECT_EQ(only(R"((a\)b) j@db1)").comment, "a)b");
    EXPECT_EQ(only(R"(j@db1 (C:\\x \"y\"))").comment, R"(C:\x "y")");
    EXPECT_EQ(only("j@db1 (open\\").comment, "open\\");
}

TEST(HeaderMailboxes, PartWordsAtComments) {
    EXPECT_EQ(only("a@exam(x)ple.com").address, "");
    EXPECT_EQ(only("A(x)B <a@example.com>").phrase, "A B");
}

// Quadratic work on these would take longer than a test may.
TEST(HeaderMailboxes, AreFoundInTimeLinearInTheSize) {
    constexpr std::size_t many = std::size_t{8} << 20;
    const std::string colons = std::string(many, 'a') + '[' + std::string(many, ':');
    EXPECT_EQ(only(colons).words.size(), colons.size());
    for (const std::string_view piece :
         {"<", "<>", "(", "()", "\"", "\"\"", "[:", ":[", "\\", "a <", "(\\"}) {
        std::string text = "a";
        while (text.size() < many)
            text += piece;
        EXPECT_EQ(first_header_address(text), "") << piece;
        EXPECT_FALSE(is_one_mailbox(text)) << piece;
    }
}

TEST(HeaderMailboxes, TellABareWordFromAnAddress) {
    EXPECT_EQ(only("root").words, "root");
    EXPECT_EQ(only("root").address, "");
    EXPECT_EQ(only("Root <root>").words, "root");
    EXPECT_EQ(only("Root <root>").phrase, "Root");
    EXPECT_EQ(only("Bob <bob@example.com>").words, "");
}

TEST(HeaderMailboxes, AreAllFoundUpToALimit) {
    EXPECT_EQ(header_mailboxes("a@example.com, B <b@example.com>; root,, ").size(), 3u);
    std::string many;
    for (std::size_t i = 0; i < header_mailboxes_max + 10; ++i)
        many += "a@example.com,";
    EXPECT_EQ(header_mailboxes(many).size(), header_mailboxes_max);
}

TEST(OneMailbox, IsAnAddressWithOrWithoutANameInFront) {
    for (const auto* one :
         {"a@example.com", " a@example.com ", "<a@example.com>", "Bob B. <a@example.com>",
          "\"Doe, \\\"J\\\" <x@y.z>\" <a@example.com>", "a@example.com (Bob)", "(Bob) a@example.com",
          "Bob (the \\) (one)) <a@example.com> (comment)", "=?utf-8?q?B=C3=B6b?=\r\n <a@example.com>",
          "J\xf6rg <a@example.com>", "a@[IPv6:::1]", "\"a, b\"@example.com", "<\"a b\"@example.com>",
          "\"two\r\n lines\" <a@example.com>\r\n (x)", "\"x\"<a@example.com>"}) {
        EXPECT_TRUE(is_one_mailbox(one)) << one;
        EXPECT_FALSE(only(one).address.empty()) << one;
    }
}

TEST(OneMailbox, IsNothingInWhichTwoReadersCouldFindDifferentOnes) {
    for (const auto* not_one : {"",
                                " ",
                                "root",
                                "<>",
                                "root (Cron)",
                                "Bob",
                                "Bob <root>",
                                "a@b.com <relay@example.com> <evil@y.com>",
                                "\"x\" <relay@example.com> evil@y.com",
                                "<relay@example.com> <evil@y.com>",
                                "<relay@example.com> words",
                                "relay@example.com words",
                                "words relay@example.com",
                                "a@b.com <relay@example.com>",
                                "relay@example.com <a@b.com>",
                                "relay@example.com (a) b@c.com",
                                "relay@example.com,",
                                ", relay@example.com",
                                "<relay@example.com>, <>",
                                "relay@example.com; evil@y.com",
                                "a@example.com, b@example.com",
                                "group: relay@example.com;",
                                "group:;",
                                "relay@example.com (open",
                                "(open <relay@example.com>",
                                "\"open <relay@example.com>",
                                "<relay@example.com",
                                "relay@example.com>",
                                "x <a <relay@example.com>>",
                                "relay@exam(x)ple.com",
                                "(a\\) relay@example.com",
                                "tab\x01 <relay@example.com>",
                                "\"tab\x01\" <relay@example.com>",
                                "relay@example.com (\x7f)",
                                "a [b: c <relay@example.com>",
                                "a@b@c <relay@example.com>",
                                "<relay\r\n @example.com>",
                                "\"x\" \"y\"@example.com",
                                "a <x@y@example.com>"})
        EXPECT_FALSE(is_one_mailbox(not_one)) << not_one;
}

TEST(Phrase, StaysAsItIsOrIsQuoted) {
    EXPECT_EQ(as_phrase("Goods received"), "Goods received");
    EXPECT_EQ(as_phrase("\"Goods, received\""), "\"Goods, received\"");
    EXPECT_EQ(as_phrase("John Q. Public"), "John Q. Public");
    EXPECT_EQ(as_phrase("Cron (daemon)"), "\"Cron (daemon)\"");
    EXPECT_EQ(as_phrase("say \"hi"), "\"say \\\"hi\"");
    EXPECT_EQ(as_phrase("a\\"), "\"a\\\\\"");
    EXPECT_EQ(as_phrase("tab\x01"), "tab?");
    EXPECT_EQ(as_phrase("\"a\x01"
                        "b\""),
              "\"a?b\"");
    EXPECT_EQ(as_phrase("two\r\n lines"), "two lines");
    EXPECT_EQ(as_phrase("x\r\nBcc: evil@example.com"), "\"xBcc: evil@example.com\"");
    EXPECT_EQ(as_phrase("  "), "");
}

TEST(Phrase, SaysItsWordsWithoutQuotes) {
    EXPECT_EQ(plain_words("Bob \"the \\\"one\\\" \\\\\" B"), "Bob the \"one\" \\ B");
    EXPECT_EQ(plain_words("a\\b \"open\\"), "a\\b open\\");
}

}  // namespace
}  // namespace mailramp::mail
