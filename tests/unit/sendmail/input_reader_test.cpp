#include "sendmail/input_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailramp::sendmail {
namespace {

constexpr std::size_t plenty = 1 << 20;

struct Outcome {
    std::string content;
    bool ended = false;  // before the input did
    std::size_t behind = 0;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// The input in two pieces, cut at `cut`.
Outcome read(LoneDot lone_dot, std::string_view input, std::size_t cut) {
    InputReader reader(lone_dot, plenty);
    reader.read(input.substr(0, cut));
    if (!reader.ended()) reader.read(input.substr(cut));
    const bool ended = reader.ended();
    reader.finish();
    return {reader.take_content(), ended, reader.bytes_behind_the_end()};
}

// The same content wherever the input is cut.
std::string content(LoneDot lone_dot, std::string_view input) {
    const std::string whole = read(lone_dot, input, input.size()).content;
    for (std::size_t cut = 0; cut < input.size(); ++cut)
        EXPECT_EQ(read(lone_dot, input, cut).content, whole) << "cut at " << cut;
    return whole;
}

TEST(InputReader, EndsEveryLineInCrlf) {
    EXPECT_EQ(content(LoneDot::is_content, "a\nb\r\n\nc"), "a\r\nb\r\n\r\nc\r\n");
    EXPECT_EQ(content(LoneDot::is_content, ""), "");
    EXPECT_EQ(content(LoneDot::is_content, "a\r"), "a\r\n");
}

TEST(InputReader, LeavesABareCrToTheWire) {
    EXPECT_EQ(content(LoneDot::is_content, "a\rb\r\r\n"), "a\rb\r\r\n");
}

TEST(InputReader, EndsAtALoneDotInAnyKindOfLine) {
    EXPECT_EQ(content(LoneDot::ends_the_input, "a\n.\nb\n"), "a\r\n");
    EXPECT_EQ(content(LoneDot::ends_the_input, "a\r\n.\r\nb\r\n"), "a\r\n");
    EXPECT_EQ(content(LoneDot::ends_the_input, "a\n."), "a\r\n");
    EXPECT_EQ(content(LoneDot::ends_the_input, ".\n"), "");
}

TEST(InputReader, TakesOnlyALoneDotForTheEnd) {
    EXPECT_EQ(content(LoneDot::ends_the_input, "..\n.a\n. \na.\n \n"), "..\r\n.a\r\n. \r\na.\r\n \r\n");
    EXPECT_EQ(content(LoneDot::ends_the_input, "a\r.\rb\n"), "a\r.\rb\r\n");
}

TEST(InputReader, KeepsALoneDotThatIsContent) {
    EXPECT_EQ(content(LoneDot::is_content, "a\n.\nb\n"), "a\r\n.\r\nb\r\n");
    EXPECT_EQ(content(LoneDot::is_content, "a\n."), "a\r\n.\r\n");
}

TEST(InputReader, CountsWhatCameBehindTheLoneDot) {
    EXPECT_EQ(read(LoneDot::ends_the_input, "a\n.\nmore\n", 9), (Outcome{"a\r\n", true, 5}));
    EXPECT_EQ(read(LoneDot::ends_the_input, "a\n.\n", 4), (Outcome{"a\r\n", true, 0}));
    EXPECT_EQ(read(LoneDot::is_content, "a\n.\n", 4), (Outcome{"a\r\n.\r\n", false, 0}));
}

TEST(InputReader, StopsWhenTheMessageIsTooLarge) {
    InputReader reader(LoneDot::is_content, 8);
    reader.read("123456\n");
    EXPECT_FALSE(reader.too_large());
    reader.read("7\n");
    EXPECT_TRUE(reader.too_large());
    const std::string more(plenty, 'x');
    for (int i = 0; i < 10; ++i)
        reader.read(more);
    EXPECT_LT(reader.take_content().size(), 16u);
}

}  // namespace
}  // namespace mailramp::sendmail
