#include "smtp/server_reply.h"

#include <gtest/gtest.h>

namespace mailramp::smtp {
namespace {

TEST(ServerReplyFormat, PutsCodeAndEnhancedCodeInFront) {
    EXPECT_EQ(format_reply(250, "2.0.0", "OK"), "250 2.0.0 OK\r\n");
    EXPECT_EQ(format_reply(354, "", "Go"), "354 Go\r\n");
    EXPECT_EQ(format_reply(250, "2.0.0", ""), "250 2.0.0 \r\n");
}

TEST(ServerReplyFormat, NeverLetsATextStartALineOfItsOwn) {
    EXPECT_EQ(format_reply(550, "5.1.1", "no\r\n250 ok\x01\xc3\xbc\xff"), "550 5.1.1 no??250 ok????\r\n");
}

TEST(ServerReplyFormat, CutsLongTextsAtSpaces) {
    const std::string word(100, 'w');
    std::string text = word;
    for (int i = 0; i < 5; ++i)
        text += " " + word;
    const std::string four_words = word + " " + word + " " + word + " " + word;
    EXPECT_EQ(format_reply(554, "5.7.1", text),
              "554-5.7.1 " + four_words + "\r\n554 5.7.1 " + word + " " + word + "\r\n");
}

TEST(ServerReplyFormat, CutsAWordThatIsTooLong) {
    const std::string reply = format_reply(554, "5.7.1", std::string(600, 'w'));
    EXPECT_EQ(reply,
              "554-5.7.1 " + std::string(490, 'w') + "\r\n554 5.7.1 " + std::string(110, 'w') + "\r\n");
}

TEST(ServerReplyFormat, IsBounded) {
    const std::string reply = format_reply(554, "5.7.1", std::string(1 << 20, 'w'));
    EXPECT_LT(reply.size(), 5000u);
}

TEST(ServerReplyFormat, MarksAllLinesButTheLast) {
    EXPECT_EQ(format_lines(250, {"mail.test", "SIZE 1", "PIPELINING"}),
              "250-mail.test\r\n250-SIZE 1\r\n250 PIPELINING\r\n");
}

}  // namespace
}  // namespace mailramp::smtp
