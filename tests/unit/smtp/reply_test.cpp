#include "mailramp/smtp/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Feeds `text` in two pieces cut at `cut` and returns what came out first.
base::Result<std::optional<Reply>> parse(std::string_view text, std::size_t cut = 0,
                                         ReplyLimits limits = {}) {
    ReplyParser parser(limits);
    for (std::string_view piece : {text.substr(0, cut), text.substr(cut)}) {
        while (!piece.empty()) {
            auto reply = parser.consume(piece);
            if (!reply || *reply) return reply;
        }
    }
    return std::nullopt;
}

Reply parsed(std::string_view text) {
    auto reply = parse(text);
    EXPECT_TRUE(reply && *reply) << text;
    return reply && *reply ? **reply : Reply{};
}

TEST(ReplyParser, ReadsASingleLine) {
    const Reply reply = parsed("250 2.1.0 Sender OK\r\n");
    EXPECT_EQ(reply.code, 250);
    EXPECT_EQ(reply.enhanced, "2.1.0");
    EXPECT_THAT(reply.lines, ElementsAre("Sender OK"));
    EXPECT_TRUE(reply.positive());
}

TEST(ReplyParser, JoinsLinesAndTakesTheEnhancedCodeOffEach) {
    const Reply reply = parsed(
        "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials\r\n");
    EXPECT_EQ(reply.enhanced, "5.7.8");
    EXPECT_EQ(reply.text(),
              "Username and Password not accepted. For more information, go to  "
              "https://support.google.com/mail/?p=BadCredentials");
}

TEST(ReplyParser, GivesTheSameReplyHoweverTheOctetsAreCut) {
    const std::string text =
        "250-mx.example Hello\r\n250-SIZE 157286400\r\n250-AUTH LOGIN XOAUTH2\r\n250 SMTPUTF8\r\n";
    const Reply whole = parsed(text);
    EXPECT_EQ(whole.lines.size(), 4u);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const auto reply = parse(text, cut);
        ASSERT_TRUE(reply && *reply) << cut;
        EXPECT_EQ(**reply, whole) << cut;
    }
}

TEST(ReplyParser, LeavesOctetsOfTheNextReply) {
    ReplyParser parser;
    std::string_view bytes = "250 one\r\n354 two\r\n";
    const auto first = parser.consume(bytes);
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->code, 250);
    EXPECT_EQ(bytes, "354 two\r\n");
    const auto second = parser.consume(bytes);
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->code, 354);
    EXPECT_EQ(bytes, "");
}

TEST(ReplyParser, TakesACodeWithoutText) {
    EXPECT_EQ(parsed("334\r\n").code, 334);
    EXPECT_EQ(parsed("334 \r\n").text(), "");
    EXPECT_EQ(parsed("250\n").code, 250);  // a bare LF ends a line too
}

TEST(ReplyParser, MakesControlOctetsHarmless) {
    const Reply reply = parsed(std::string("550 a\rb\0c\x1b[31m\xff.\r\n", 19));
    EXPECT_EQ(reply.text(), "a?b?c?[31m?.");
}

TEST(ReplyParser, RefusesWhatIsNotSmtp) {
    for (const char* text :
         {"\r\n", "25\r\n", "HTTP/1.1 400 Bad Request\r\n", "2x0 ok\r\n", "150 no\r\n", "650 no\r\n",
          "250_ok\r\n", "\x16\x03\x01\r\n", "250-a\r\n251 b\r\n", "+OK\r\n", "-250 ok\r\n"}) {
        const auto reply = parse(text);
        ASSERT_FALSE(reply) << text;
        EXPECT_EQ(reply.error().kind, base::ErrorKind::protocol) << text;
        EXPECT_THAT(reply.error().message, HasSubstr("broke the SMTP protocol"));
        EXPECT_EQ(reply.error().message.find_first_of("\r\n\x16"), std::string::npos);
    }
}

TEST(ReplyParser, CapsLinesToTheOctet) {
    const ReplyLimits limits{.line_bytes_max = 10, .lines_max = 3};
    EXPECT_TRUE(parse("250 678910\r\n", 0, limits));
    EXPECT_FALSE(parse("250 6789101\r\n", 0, limits));
    EXPECT_FALSE(parse("250 6789101\n", 0, limits));
    // Without waiting for a line end that may never come.
    EXPECT_FALSE(parse("250 67891011", 0, limits));
}

TEST(ReplyParser, CapsAnEndlessLineInsteadOfStoringIt) {
    ReplyParser parser;
    const std::string piece(1024, 'x');
    std::size_t eaten = 0;
    for (; eaten < 1024; ++eaten) {
        std::string_view bytes = piece;
        if (!parser.consume(bytes)) break;
    }
    EXPECT_EQ(eaten, 4u);
}

TEST(ReplyParser, CapsTheNumberOfLines) {
    std::string text;
    for (int i = 0; i < 99; ++i)
        text += "250-x\r\n";
    EXPECT_TRUE(parse(text + "250 x\r\n"));
    const auto reply = parse(text + "250-x\r\n250 x\r\n");
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("too many lines"));
}

TEST(SplitEnhancedCode, TakesOnlyWhatRfc3463Allows) {
    const auto split = [](std::string_view text) {
        const std::string code = split_enhanced_code(text);
        return code + "|" + std::string(text);
    };
    EXPECT_EQ(split("5.7.139 Authentication"), "5.7.139|Authentication");
    EXPECT_EQ(split("2.0.0"), "2.0.0|");
    EXPECT_EQ(split("4.7.500-699 busy"), "|4.7.500-699 busy");
    EXPECT_EQ(split("3.0.0 x"), "|3.0.0 x");
    EXPECT_EQ(split("5.7 x"), "|5.7 x");
    EXPECT_EQ(split("5.1234.1 x"), "|5.1234.1 x");
    EXPECT_EQ(split("5.7.1x"), "|5.7.1x");
    EXPECT_EQ(split("5..1 x"), "|5..1 x");
    EXPECT_EQ(split("192.0.2.1 x"), "|192.0.2.1 x");
}

TEST(ToAnswer, KeepsAtMost512OctetsOfText) {
    Reply reply{.code = 550, .enhanced = "5.1.1", .lines = {}};
    for (int i = 0; i < 10; ++i)
        reply.lines.push_back(std::string(100, 'a'));
    const mail::Answer answer = to_answer(reply, mail::Phase::rcpt);
    EXPECT_EQ(answer.channel, mail::Channel::smtp);
    EXPECT_EQ(answer.phase, mail::Phase::rcpt);
    EXPECT_EQ(answer.code, 550);
    EXPECT_EQ(answer.enhanced, "5.1.1");
    EXPECT_EQ(answer.text.size(), mail::answer_text_bytes_max);
}

}  // namespace
}  // namespace mailramp::smtp
