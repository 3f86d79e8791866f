#include "mailramp/mail/originators.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

constexpr std::string_view blank = "\r\n";

std::string change(std::string_view fields, const OriginatorChange& wanted) {
    const std::string section = std::string(fields).append(blank);
    return changed_originators(section, originators_of(section), wanted);
}

TEST(Originators, ChangeNothingUnlessAsked) {
    const std::string section =
        "received: x\r\n\ty\r\nFROM : Bob\r\n <bob@example.com>\r\nsender:\ta@b.example\r\nSubject: "
        "\xff\r\n\r\n";
    EXPECT_EQ(changed_originators(section, originators_of(section), {}), section);
    EXPECT_TRUE(OriginatorChange().nothing());
}

TEST(Originators, AreReadFromAllFields) {
    const auto found = originators_of(
        "From: A <a@example.com>,\r\n b@example.com\r\nfrom: c@example.com\r\nSender: s\r\nREPLY-TO: "
        "x\r\n\r\n");
    EXPECT_EQ(found.from.count, 2u);
    ASSERT_EQ(found.from.mailboxes.size(), 3u);
    EXPECT_EQ(found.from.mailboxes[1].address, "b@example.com");
    ASSERT_EQ(found.sender.mailboxes.size(), 1u);
    EXPECT_TRUE(found.has_reply_to);
    EXPECT_FALSE(found.from.proper());
    EXPECT_TRUE(originators_of("From: a@example.com\r\n\r\n").from.proper());
    EXPECT_FALSE(originators_of("From: root\r\n\r\n").from.proper());
    EXPECT_FALSE(originators_of("Subject: From: a@example.com\r\n\r\n").from.proper());
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

// The new From of a message whose From says `value`.
std::string new_from(const std::string& value) {
    const std::string out = change("From: " + value + "\r\n", {.from = "r@example.com"});
    EXPECT_TRUE(out.starts_with("From: ")) << out;
    return out.substr(6, out.find("\r\nX-Original-From:") - 6);
}

TEST(Originators, PutNoAddressIntoTheDisplayName) {
    EXPECT_EQ(new_from("\"a@b.com\" <j@db1>"), "\"a (b.com)\" <r@example.com>");
    EXPECT_EQ(new_from("a@b.com <j@db1>"), "\"a (b.com)\" <r@example.com>");
    EXPECT_EQ(new_from("j@db1 (a@b.com)"), "\"a (b.com)\" <r@example.com>");
    EXPECT_EQ(new_from("\"Erna, via e@b.com\" <j@db1>"), "\"Erna, via e at b.com\" <r@example.com>");
    EXPECT_EQ(new_from("root at@"), "root at at <r@example.com>");
    EXPECT_EQ(new_from("\"a@b\"@db1"), "\"\\\"a at b\\\" (db1)\" <r@example.com>");
}

TEST(Originators, TakeANameFromACommentWithEscapes) {
    EXPECT_EQ(new_from("(a\\)b) j@db1"), "\"a)b\" <r@example.com>");
}

TEST(Originators, CutALongDisplayName) {
    const std::string x(display_name_bytes_max - 1, 'x');
    EXPECT_EQ(new_from(x + "y <j@db1>"), x + "y\r\n <r@example.com>");
    EXPECT_EQ(new_from(x + "yz <j@db1>"), x + "y\r\n <r@example.com>");
    EXPECT_EQ(new_from("\"" + x + "yz\" <j@db1>"), x + "y\r\n <r@example.com>");
    EXPECT_EQ(new_from("j@db1 (" + x + "yz)"), x + "y\r\n <r@example.com>");
    // Within a character of two octets, of four, and within octets that are no UTF-8.
    EXPECT_EQ(new_from(x + "\xc3\xa4 <j@db1>"), x + "\r\n <r@example.com>");
    EXPECT_EQ(new_from(x.substr(2) + "\xf0\x9f\x98\x80 <j@db1>"), x.substr(2) + "\r\n <r@example.com>");
    EXPECT_EQ(new_from(std::string(1000, '\xa4') + " <j@db1>"),
              std::string(display_name_bytes_max - 3, '\xa4') + "\r\n <r@example.com>");
}

TEST(Originators, LeaveAnEncodedWordOutThatWouldBeCut) {
    const std::string word = "=?utf-8?b?" + std::string(60, 'Q') + "?=";  // 72 octets
    const std::string three = word + " " + word + " " + word;
    const auto unfolded = [](std::string text) {
        std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
        return text;
    };
    EXPECT_EQ(unfolded(new_from(three + " " + word + " <j@db1>")), three + " <r@example.com>");
    EXPECT_EQ(unfolded(new_from(three + "\r\n " + word + "\r\n <j@db1>")), three + " <r@example.com>");
    EXPECT_EQ(new_from("=?utf-8?b?" + std::string(1000, 'Q') + "?= <j@db1>"), "<r@example.com>");
}

std::size_t longest_line(std::string_view text) {
    std::size_t longest = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find("\r\n"), text.size());
        longest = std::max(longest, end);
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return longest;
}

TEST(Originators, MakeNoLineLongerThan998Octets) {
    const OriginatorChange change_from{.from = "relay@example.com"};
    for (const std::string space : {" ", ""}) {
        for (std::size_t length = 975; length <= 998; ++length) {
            std::string line = "From:" + space + "\"" + std::string(900, '"') + "\" <a@db1>";
            line.insert(10, length - line.size(), 'x');
            ASSERT_EQ(line.size(), length);
            const std::string out = change(line + "\r\n (x)\r\n", change_from);
            EXPECT_LE(longest_line(out), 998u) << length;
            const std::string value = line.substr(5) + "\r\n (x)\r\n";
            EXPECT_NE(out.find(value), std::string::npos) << length;
        }
    }
    const std::string escapes = change("From: \"" + std::string(490, '\\') + "\" <a@db1>\r\n", change_from);
    EXPECT_LE(longest_line(escapes), 998u);
    EXPECT_EQ(change("From: a\r\n", change_from),
              "From: a <relay@example.com>\r\nX-Original-From: a\r\n\r\n");
}

TEST(Originators, AreProperOnlyInOneFieldWithOneMailbox) {
    const auto from = [](const std::string& fields) { return originators_of(fields + "\r\n").from.proper(); };
    EXPECT_FALSE(from("From: a@b.com <relay@example.com> <evil@y.com>\r\n"));
    EXPECT_FALSE(from("From: \"x\" <relay@example.com> evil@y.com\r\n"));
    EXPECT_FALSE(from("From: relay@example.com\r\nFrom:\r\n"));
    EXPECT_FALSE(from(""));
    EXPECT_TRUE(from("From:\r\n X <relay@example.com>\r\n (x)\r\n"));
    EXPECT_EQ(originators_of("Sender:\r\nsender: <>\r\n\r\n").sender.count, 2u);
}

TEST(Originators, AreNotCollectedWithoutLimit) {
    std::string fields;
    for (std::size_t i = 0; i < 4 * header_mailboxes_max; ++i)
        fields += "From: a@example.com, b@example.com\r\n";
    const auto found = originators_of(fields + "\r\n").from;
    EXPECT_EQ(found.count, 4 * header_mailboxes_max);
    EXPECT_EQ(found.mailboxes.size(), header_mailboxes_max);
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
