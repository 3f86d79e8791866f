#include "sandbox/body_reader.h"

#include <gtest/gtest.h>

namespace mailramp::sandbox {
namespace {

struct Outcome {
    std::string content;
    std::size_t used = 0;
    bool ended = false;
    bool bare = false;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view wire, std::size_t cut) {
    BodyReader reader(1000);
    Outcome outcome;
    for (std::string_view piece : {wire.substr(0, cut), wire.substr(cut)})
        outcome.used += reader.read(piece, outcome.content);
    outcome.ended = reader.ended();
    outcome.bare = reader.has_bare_line_end();
    return outcome;
}

// At every split the outcome is the same.
void expect(std::string_view wire, const Outcome& expected) {
    for (std::size_t cut = 0; cut <= wire.size(); ++cut)
        EXPECT_EQ(read(wire, cut), expected) << "cut at " << cut << ": " << read(wire, cut).content;
}

TEST(BodyReader, EndsAtCrlfDotCrlfAndLeavesTheRest) {
    expect("a\r\n.\r\nQUIT\r\n", {"a\r\n", 6, true, false});
}

TEST(BodyReader, EndsAtOnceWhenThereIsNoContent) {
    expect(".\r\n", {"", 3, true, false});
}

TEST(BodyReader, TakesTheAddedDotsAway) {
    expect("..a\r\n...\r\nb.\r\n.\r\n", {".a\r\n..\r\nb.\r\n", 17, true, false});
}

TEST(BodyReader, KeepsAndReportsABareLf) {
    expect("a\nb\r\n.\r\n", {"a\nb\r\n", 8, true, true});
}

TEST(BodyReader, KeepsAndReportsABareCr) {
    expect("a\rb\r\n.\r\n", {"a\rb\r\n", 8, true, true});
}

TEST(BodyReader, IsNotEndedByALoneDotBetweenOtherLineEnds) {
    expect("a\n.\nb", {"a\n.\nb", 5, false, true});
    expect("a\n.\r\nb", {"a\n.\r\nb", 6, false, true});
    expect("a\r\n.\nb", {"a\r\n\nb", 6, false, true});
    expect("a\r.\rb", {"a\r.\rb", 5, false, true});
}

TEST(BodyReader, KeepsNothingBeyondItsLimitButFindsTheEnd) {
    BodyReader reader(3);
    std::string content;
    EXPECT_EQ(reader.read("abc", content), 3u);
    EXPECT_FALSE(reader.too_large());
    EXPECT_EQ(reader.read("d\r\n.\r\n", content), 6u);
    EXPECT_TRUE(reader.too_large());
    EXPECT_TRUE(reader.ended());
    EXPECT_EQ(content, "abc");
    EXPECT_EQ(reader.size_bytes(), 6u);
}

}  // namespace
}  // namespace mailramp::sandbox
