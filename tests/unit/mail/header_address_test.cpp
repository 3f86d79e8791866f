#include "mailramp/mail/header_address.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mailramp/mail/originators.h"

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

TEST(Phrase, StaysAsItIsOrIsQuoted) {
    EXPECT_EQ(as_phrase("Goods received"), "Goods received");
    EXPECT_EQ(as_phrase("\"Goods, received\""), "\"Goods, received\"");
    EXPECT_EQ(as_phrase("John Q. Public"), "John Q. Public");
    EXPECT_EQ(as_phrase("Cron (daemon)"), "\"Cron (daemon)\"");
    EXPECT_EQ(as_phrase("say \"hi"), "\"say \\\"hi\"");
    EXPECT_EQ(as_phrase("a\\"), "\"a\\\\\"");
    EXPECT_EQ(as_phrase("tab\x01"), "\"tab?\"");
    EXPECT_EQ(as_phrase("two\r\n lines"), "two lines");
    EXPECT_EQ(as_phrase("x\r\nBcc: evil@example.com"), "\"xBcc: evil@example.com\"");
    EXPECT_EQ(as_phrase("  "), "");
}

// ------------------------------------------------------------------ changing a header section

constexpr std::string_view blank = "\r\n";

std::string change(std::string_view fields, const OriginatorChange& wanted) {
    return changed_originators(std::string(fields).append(blank), wanted);
}

TEST(Originators, ChangeNothingUnlessAsked) {
    const std::string section =
        "received: x\r\n\ty\r\nFROM : Bob\r\n <bob@example.com>\r\nsender:\ta@b.example\r\nSubject: "
        "\xff\r\n\r\n";
    EXPECT_EQ(changed_originators(section, {}), section);
    EXPECT_TRUE(OriginatorChange().nothing());
}

TEST(Originators, AreReadFromAllFields) {
    const auto found = originators_of(
        "From: A <a@example.com>,\r\n b@example.com\r\nfrom: c@example.com\r\nSender: s\r\nREPLY-TO: "
        "x\r\n\r\n");
    EXPECT_EQ(found.from_fields, 2u);
    ASSERT_EQ(found.from.size(), 3u);
    EXPECT_EQ(found.from[1].address, "b@example.com");
    ASSERT_EQ(found.sender.size(), 1u);
    EXPECT_TRUE(found.has_reply_to);
    EXPECT_FALSE(found.proper());
    EXPECT_TRUE(originators_of("From: a@example.com\r\n\r\n").proper());
    EXPECT_FALSE(originators_of("From: root\r\n\r\n").proper());
    EXPECT_FALSE(originators_of("Subject: From: a@example.com\r\n\r\n").proper());
}

TEST(Originators, KeepTheDisplayNameAndWhatFromSaid) {
    EXPECT_EQ(
        change("A: 1\r\nFrom: \"Goods, received\" <erp@db1>\r\nZ: 2\r\n", {.from = "relay@example.com"}),
        "A: 1\r\nFrom: \"Goods, received\" <relay@example.com>\r\n"
        "X-Original-From: \"Goods, received\" <erp@db1>\r\nZ: 2\r\n\r\n");
    EXPECT_EQ(change("From: root (Cron Daemon)\r\n", {.from = "relay@example.com"}),
              "From: Cron Daemon <relay@example.com>\r\nX-Original-From: root (Cron Daemon)\r\n\r\n");
    EXPECT_EQ(change("From: root\r\n", {.from = "relay@example.com"}),
              "From: root <relay@example.com>\r\nX-Original-From: root\r\n\r\n");
    EXPECT_EQ(
        change("From: root@db1.example\r\n", {.from = "relay@example.com"}),
        "From: \"root (db1.example)\" <relay@example.com>\r\nX-Original-From: root@db1.example\r\n\r\n");
}

TEST(Originators, GiveAMessageWithoutFromOne) {
    EXPECT_EQ(change("Subject: x\r\n", {.from = "relay@example.com"}),
              "Subject: x\r\nFrom: <relay@example.com>\r\n\r\n");
    EXPECT_EQ(change("", {.from = "relay@example.com"}), "From: <relay@example.com>\r\n\r\n");
    EXPECT_EQ(change("From:\r\n", {.from = "relay@example.com"}),
              "From: <relay@example.com>\r\nX-Original-From:\r\n\r\n");
}

TEST(Originators, LeaveOneFromOfSeveral) {
    EXPECT_EQ(
        change("From: a@x.example\r\nTo: t@x.example\r\nfrom: b@x.example\r\n", {.from = "r@example.com"}),
        "From: \"a (x.example)\" <r@example.com>\r\nX-Original-From: a@x.example\r\nTo: t@x.example\r\n"
        "X-Original-From: b@x.example\r\n\r\n");
}

TEST(Originators, AddReplyToOnlyWhereThereIsNone) {
    EXPECT_EQ(change("From: Bob <bob@x.example>\r\n", {.from = "r@example.com", .reply_to = "bob@x.example"}),
              "From: Bob <r@example.com>\r\nReply-To: <bob@x.example>\r\n"
              "X-Original-From: Bob <bob@x.example>\r\n\r\n");
    const std::string has_one = "From: b@x.example\r\nReply-To: other@x.example\r\n";
    EXPECT_EQ(change(has_one, {.from = "", .reply_to = "bob@x.example"}), has_one + "\r\n");
}

TEST(Originators, RemoveOrReplaceSender) {
    using Sender = OriginatorChange::Sender;
    EXPECT_EQ(
        change("Sender: a@x.example\r\nTo: t\r\nSender: b@x.example\r\n", {.sender_field = Sender::remove}),
        "To: t\r\n\r\n");
    EXPECT_EQ(change("Sender: a@x.example\r\nTo: t\r\nSender: b@x.example\r\n",
                     {.sender_field = Sender::replace, .sender = "r@example.com"}),
              "Sender: <r@example.com>\r\nTo: t\r\n\r\n");
}

TEST(Originators, FoldALongName) {
    const std::string name =
        "A name of many words that goes on and on until the line is far too long for anybody";
    const std::string out = change("From: " + name + " <a@x.example>\r\n", {.from = "relay@example.com"});
    EXPECT_TRUE(
        out.starts_with("From: A name of many words that goes on and on until the line is far too long\r\n"
                        " for anybody <relay@example.com>\r\n"))
        << out;
}

}  // namespace
}  // namespace mailramp::mail
