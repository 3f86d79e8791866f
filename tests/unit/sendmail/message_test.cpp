#include "sendmail/message.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>

namespace mailramp::sendmail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Author author{.address = "root@web1.example", .name = "Root"};

Message message_of(std::string content) {
    auto message = Message::from(std::move(content), author);
    EXPECT_TRUE(message) << message.error().message;
    return *std::move(message);
}

std::string whole(const Message& message) {
    return std::string(message.head()).append(message.body());
}

TEST(Message, LosesItsBccAndKeepsEveryOtherOctet) {
    const Message message = message_of(
        "From: a@example.com\r\nBcc: secret@example.com,\r\n\thidden@example.com\r\nX-Odd :  two  \r\nTo: "
        "b@example.com\r\n"
        "bcc : third@example.com\r\nResent-Bcc: fourth@example.com\r\nX-Bcc: stays\r\n\r\nBcc: in the "
        "text\r\n.\r\n");
    EXPECT_EQ(whole(message),
              "From: a@example.com\r\nX-Odd :  two  \r\nTo: b@example.com\r\nX-Bcc: stays\r\n\r\nBcc: in the "
              "text\r\n.\r\n");
    EXPECT_EQ(message.size_bytes(), whole(message).size());
}

TEST(Message, NamesToCcAndBcc) {
    const Message message = message_of(
        "From: a@example.com\r\nTo: b@example.com\r\nCC: C <c@example.com>\r\nBcc:\r\n d@example.com\r\nTo: "
        "e@example.com\r\n"
        "Reply-To: no@example.com\r\n\r\nTo: text@example.com\r\n");
    EXPECT_THAT(message.recipients().addresses,
                ElementsAre("b@example.com", "c@example.com", "d@example.com", "e@example.com"));
}

TEST(Message, NamesTheResentFieldsWhereThereAreAny) {
    const std::string fields = "From: a@example.com\r\nTo: b@example.com\r\nBcc: c@example.com\r\n";
    EXPECT_THAT(message_of("Resent-To: r@example.com\r\nResent-Cc: s@example.com\r\n" + fields + "\r\n")
                    .recipients()
                    .addresses,
                ElementsAre("r@example.com", "s@example.com"));
    EXPECT_THAT(message_of("Resent-Bcc: t@example.com\r\n" + fields + "\r\n").recipients().addresses,
                ElementsAre("t@example.com"));
    EXPECT_THAT(message_of("Resent-From: u@example.com\r\n" + fields + "\r\n").recipients().addresses,
                ElementsAre("b@example.com", "c@example.com"));
}

TEST(Message, SaysWhatInItsFieldsIsNoAddress) {
    EXPECT_THAT(message_of("To: b@example.com, nobody knows\r\n\r\n").recipients().unreadable,
                ElementsAre("nobody knows"));
}

TEST(Message, GetsAFromWhereItHasNone) {
    EXPECT_EQ(whole(message_of("Subject: x\r\n\r\ntext\r\n")),
              "From: Root <root@web1.example>\r\nSubject: x\r\n\r\ntext\r\n");
    EXPECT_EQ(whole(message_of("from : cron\r\n\r\n")), "from : cron\r\n\r\n");
}

TEST(Message, GetsAHeaderSectionWhereItHasNone) {
    EXPECT_EQ(whole(message_of("just text\r\nBcc: text too\r\n")),
              "From: Root <root@web1.example>\r\n\r\njust text\r\nBcc: text too\r\n");
    EXPECT_EQ(whole(message_of("\r\ntext\r\n")), "From: Root <root@web1.example>\r\n\r\ntext\r\n");
    EXPECT_EQ(whole(message_of("")), "From: Root <root@web1.example>\r\n\r\n");
    EXPECT_EQ(whole(message_of("From: a@example.com\r\nno field\r\n\r\ntext\r\n")),
              "From: a@example.com\r\n\r\nno field\r\n\r\ntext\r\n");
}

TEST(Message, LosesTheSeparatorOfAMailboxFile) {
    EXPECT_EQ(
        whole(message_of(
            "From root Thu Jan  1 00:00:00 1970\r\nFrom: a@example.com\r\nTo: b@example.com\r\n\r\nx\r\n")),
        "From: a@example.com\r\nTo: b@example.com\r\n\r\nx\r\n");
}

TEST(Message, KnowsEightBitOctetsInHeadAndBody) {
    EXPECT_FALSE(message_of("From: a@example.com\r\n\r\nplain\r\n").has_eight_bit());
    EXPECT_TRUE(message_of("From: a@example.com\r\n\r\n\xe4\r\n").has_eight_bit());
    EXPECT_TRUE(message_of("From: a@example.com\r\nSubject: \xe4\r\n\r\n").has_eight_bit());
    EXPECT_FALSE(message_of("From: a@example.com\r\nBcc: \xc3\xa4@example.com\r\n\r\n").has_eight_bit());
}

TEST(Message, KnowsABareCrInItsHeader) {
    for (const std::string content : {"To: a@example.com\rBcc: b@example.com\r\n\r\nx\r\n",
                                      "To: a@example.com\r\r\nBcc: b@example.com\rX: y\r\n",
                                      "Bcc: b@example.com\rTo: a@example.com\r\n\r\n",
                                      "Subject: \r x\r\n\r\n", "To: a@example.com\r\rbody\r\n"})
        EXPECT_TRUE(message_of(content).has_bare_cr_in_header()) << content;
    for (const std::string content :
         {"To: a@example.com\r\n\r\nx\ry\r\n", "To: a@example.com\r\r\nBcc: b@example.com\r\r\r\n\r\nx\r\n",
          "To: a@example.com\r\nno field\rBcc: b@example.com\r\n", "", "\r\n\r"})
        EXPECT_FALSE(message_of(content).has_bare_cr_in_header()) << content;
}

TEST(Message, StaysWholeWhenItIsMoved) {
    Message first = message_of("From: a@example.com\r\n\r\nx\r\n");
    const Message second = std::move(first);
    EXPECT_EQ(whole(second), "From: a@example.com\r\n\r\nx\r\n");
}

TEST(Message, IsRefusedWithAHeaderSectionThatIsTooLarge) {
    const std::string line = "X-Long: " + std::string(900, 'x') + "\r\n";
    std::string content;
    while (content.size() <= header_bytes_max)
        content += line;
    const auto refused = Message::from(content + "\r\n", author);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, base::ErrorKind::limit);
}

TEST(FromField, QuotesOrEncodesTheName) {
    EXPECT_EQ(from_field({"a@b", ""}), "From: a@b\r\n");
    EXPECT_EQ(from_field({"a@b", "Cron Daemon"}), "From: Cron Daemon <a@b>\r\n");
    EXPECT_EQ(from_field({"a@b", "Doe, \"J\" \\"}), "From: \"Doe, \\\"J\\\" \\\\\" <a@b>\r\n");
    EXPECT_EQ(from_field({"a@b", "J\u00fcrgen"}), "From: =?UTF-8?B?SsO8cmdlbg==?= <a@b>\r\n");
    EXPECT_EQ(from_field({"a@b", "\xfc"}), "From: a@b\r\n");
}

TEST(FromField, LetsNoNameBreakTheLine) {
    EXPECT_EQ(from_field({"a@b", "x\r\nBcc: c@d"}), "From: \"x??Bcc: c@d\" <a@b>\r\n");
}

TEST(FromField, CutsLongNamesIntoEncodedWordsBetweenCharacters) {
    std::string name;
    for (int i = 0; i < 60; ++i)
        name += "\u20ac";
    const std::string field = from_field({"a@b", name});
    std::size_t begin = 0;
    for (std::size_t end = field.find("\r\n"); end != std::string::npos; end = field.find("\r\n", begin)) {
        EXPECT_LE(end - begin, 90u);
        begin = end + 2;
    }
    // 15 characters of three octets in each word: the base64 of "€" repeated is a repetition without padding.
    EXPECT_THAT(field, testing::StartsWith("From: =?UTF-8?B?4oKs4oKs"));
    EXPECT_THAT(field, testing::Not(testing::HasSubstr("=?=")));
}

}  // namespace
}  // namespace mailramp::sendmail
