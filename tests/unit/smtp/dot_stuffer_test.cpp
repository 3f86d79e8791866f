#include "mailramp/smtp/dot_stuffer.h"

#include <string>

#include <gtest/gtest.h>

#include "mailramp/smtp/data_reader.h"
#include "unit/smtp/wire_strings.h"

namespace mailramp::smtp {
namespace {

std::string stuff(std::string_view content, std::size_t cut = 0) {
    DotStuffer stuffer;
    std::string wire;
    stuffer.write(content.substr(0, cut), wire);
    stuffer.write(content.substr(cut), wire);
    stuffer.finish(wire);
    return wire;
}

std::string unstuff(const std::string& wire) {
    DataReader reader(1 << 20);
    std::string content;
    EXPECT_EQ(reader.read(wire, content), wire.size());
    EXPECT_TRUE(reader.ended());
    return content;
}

TEST(DotStuffer, DoublesTheDotsAtLineStarts) {
    EXPECT_EQ(stuff(".\r\n"), "..\r\n.\r\n");
    EXPECT_EQ(stuff("a.\r\n..b\r\n"), "a.\r\n...b\r\n.\r\n");
}

TEST(DotStuffer, EndsAnEmptyMessageAndALineWithoutItsEnd) {
    EXPECT_EQ(stuff(""), ".\r\n");
    EXPECT_EQ(stuff("a"), "a\r\n.\r\n");
    EXPECT_EQ(stuff("a\r"), "a \r\n.\r\n");
}

TEST(DotStuffer, MayBeUsedForTheNextMessage) {
    DotStuffer stuffer;
    std::string wire;
    stuffer.write("a", wire);
    stuffer.finish(wire);
    stuffer.write(".", wire);
    stuffer.finish(wire);
    EXPECT_EQ(wire, "a\r\n.\r\n..\r\n.\r\n");
}

TEST(DotStuffer, IsUndoneByTheDataReaderAtEverySplit) {
    testing::for_each_wire_string(8, [](const std::string& content) {
        if (!testing::is_crlf_only(content) || !(content.empty() || content.ends_with("\r\n"))) return;
        for (std::size_t cut = 0; cut <= content.size(); ++cut)
            ASSERT_EQ(unstuff(stuff(content, cut)), content) << testing::visible(content) << " at " << cut;
    });
}

// Whatever the disk gives back, the server sees one message and its end where we think it is.
TEST(DotStuffer, NeverWritesALoneCrOrLfOrAnEarlyEnd) {
    testing::for_each_wire_string(7, [](const std::string& content) {
        const std::string whole = stuff(content);
        ASSERT_TRUE(testing::is_crlf_only(whole)) << testing::visible(content);
        ASSERT_EQ(("\r\n" + whole).find("\r\n.\r\n"), whole.size() - 3) << testing::visible(content);
        for (std::size_t cut = 1; cut < content.size(); ++cut)
            ASSERT_EQ(stuff(content, cut), whole) << testing::visible(content) << " at " << cut;
    });
}

}  // namespace
}  // namespace mailramp::smtp
