#include "cli/words.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(Words, ColumnsAreCodePoints) {
    EXPECT_EQ(columns_of(""), 0u);
    EXPECT_EQ(columns_of("J\xc3\xbcrgen"), 6u);
    EXPECT_EQ(padded("J\xc3\xbcrgen", 8), "J\xc3\xbcrgen  ");
    EXPECT_EQ(padded("long", 2), "long");
}

TEST(Words, AreShortenedToTheirColumnsAndNeverInsideACharacter) {
    EXPECT_EQ(shortened_in_middle("abcdefghij", 10), "abcdefghij");
    EXPECT_EQ(shortened_in_middle("abcdefghij", 9), "abc...hij");
    EXPECT_EQ(shortened_in_middle("abcdefghij", 8), "ab...hij");
    EXPECT_EQ(shortened_in_middle("abcdefghij", 3), "abc");
    EXPECT_EQ(shortened_in_middle("abcdefghij", 0), "");
    EXPECT_EQ(shortened_at_end("abcdefghij", 9), "abcdef...");
    EXPECT_EQ(shortened_at_end("abcdefghij", 2), "ab");
    EXPECT_EQ(shortened_at_end("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 4), "\xc3\xa4...");
    EXPECT_EQ(shortened_in_middle("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 5),
              "\xc3\xa4...\xc3\xbc");
}

TEST(Words, AreWrappedAtSpaces) {
    EXPECT_THAT(wrapped("", 10), ElementsAre(""));
    EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("one  two", 80), ElementsAre("one two"));
    EXPECT_THAT(wrapped("a abcdefghij b", 4), ElementsAre("a", "abcd", "efgh", "ij b"));
    EXPECT_THAT(wrapped("abcdefgh", 4), ElementsAre("abcd", "efgh"));
    EXPECT_THAT(wrapped("ab", 0), ElementsAre("a", "b"));
}

TEST(Words, MakeParagraphsWithinTheirWidth) {
    EXPECT_EQ(paragraph("Cause: ", "  ", "one two three", 14), "Cause: one two\n  three\n");
    EXPECT_EQ(paragraph("", "", "", 14), "\n");
}

TEST(Words, CountInTheRightNumber) {
    EXPECT_EQ(counted(0, "message"), "0 messages");
    EXPECT_EQ(counted(1, "message"), "1 message");
    EXPECT_EQ(counted(2, "message"), "2 messages");
    EXPECT_EQ(counted(2, "mailbox"), "2 mailboxes");
    EXPECT_EQ(joined({}), "");
    EXPECT_EQ(joined({"a"}), "a");
    EXPECT_EQ(joined({"a", "b"}), "a and b");
    EXPECT_EQ(joined({"a", "b", "c"}), "a, b and c");
}

TEST(Words, SizesHaveTwoOrThreeDigits) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(1023), "1023 B");
    EXPECT_EQ(size_text(1024), "1.0 KiB");
    EXPECT_EQ(size_text(4200), "4.1 KiB");
    EXPECT_EQ(size_text(10'188), "9.9 KiB");
    EXPECT_EQ(size_text(10'200), "10 KiB");
    EXPECT_EQ(size_text(1'048'575), "1.0 MiB");
    EXPECT_EQ(size_text(35'000'000), "33 MiB");
    EXPECT_EQ(size_text(10ull << 30), "10 GiB");
    EXPECT_EQ(size_text(~0ull), "16777216 TiB");
}

TEST(Words, SpansAreRoundedDown) {
    EXPECT_EQ(span_text(-5s), "0 s");
    EXPECT_EQ(span_text(999ms), "0 s");
    EXPECT_EQ(span_text(59s), "59 s");
    EXPECT_EQ(span_text(60s), "1 min");
    EXPECT_EQ(span_text(2h), "2 h");
    EXPECT_EQ(span_text(2h + 5min + 59s), "2 h 5 min");
    EXPECT_EQ(span_text(24h), "1 day");
    EXPECT_EQ(span_text(76h + 59min), "3 days 4 h");
    EXPECT_EQ(short_span_text(59min), "59 min");
    EXPECT_EQ(short_span_text(23h + 59min), "23 h");
    EXPECT_EQ(short_span_text(99h), "4 d");
}

}  // namespace
}  // namespace mailramp::cli
