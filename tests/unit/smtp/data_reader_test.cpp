#include "mailramp/smtp/data_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/smtp/wire_strings.h"

namespace mailramp::smtp {
namespace {

constexpr std::uint64_t no_limit = 1 << 30;

struct Reading {
    std::string content;
    std::string rest;  // what stood behind the end of data
    bool ended = false;
    friend bool operator==(const Reading&, const Reading&) = default;
};

// Reads `wire` in pieces that end at each of `cuts` and at the end.
Reading read(const std::string& wire, const std::vector<std::size_t>& cuts = {},
             std::uint64_t limit = no_limit) {
    DataReader reader(limit);
    Reading reading;
    std::size_t from = 0;
    std::vector<std::size_t> ends = cuts;
    ends.push_back(wire.size());
    for (const std::size_t to : ends) {
        const std::string_view piece = std::string_view(wire).substr(from, to - from);
        const std::size_t used = reader.ended() ? 0 : reader.read(piece, reading.content);
        EXPECT_TRUE(used == piece.size() || reader.ended());
        reading.rest += piece.substr(used);
        from = to;
    }
    reading.ended = reader.ended();
    return reading;
}

std::string content_of(const std::string& wire) {
    const Reading reading = read(wire + "\r\n.\r\n");
    EXPECT_TRUE(reading.ended);
    return reading.content;
}

TEST(DataReader, EndsOnlyAtCrlfDotCrlf) {
    testing::for_each_wire_string(8, [](const std::string& wire) {
        // The start of the data counts as behind a CRLF.
        const std::string padded = "\r\n" + wire;
        const std::size_t end = padded.find("\r\n.\r\n");
        const Reading reading = read(wire);
        ASSERT_EQ(reading.ended, end != std::string::npos) << testing::visible(wire);
        if (reading.ended) {
            ASSERT_EQ(reading.rest, padded.substr(end + 5)) << testing::visible(wire);
        }
    });
}

TEST(DataReader, GivesTheSameAtEverySplit) {
    testing::for_each_wire_string(7, [](const std::string& wire) {
        const Reading whole = read(wire);
        for (std::size_t cut = 1; cut < wire.size(); ++cut)
            ASSERT_EQ(read(wire, {cut}), whole) << testing::visible(wire) << " at " << cut;
        std::vector<std::size_t> everywhere;
        for (std::size_t cut = 1; cut < wire.size(); ++cut)
            everywhere.push_back(cut);
        ASSERT_EQ(read(wire, everywhere), whole) << testing::visible(wire);
    });
}

TEST(DataReader, HandsOutNoLoneCrOrLf) {
    testing::for_each_wire_string(8, [](const std::string& wire) {
        const Reading reading = read(wire);
        ASSERT_TRUE(testing::is_crlf_only(reading.content)) << testing::visible(wire);
        if (reading.ended && !reading.content.empty()) {
            ASSERT_TRUE(reading.content.ends_with("\r\n")) << testing::visible(wire);
        }
    });
}

TEST(DataReader, HandsOutCleanTextUnchanged) {
    std::string text;
    for (int line = 0; line < 300; ++line)
        text += std::string(static_cast<std::size_t>(line), static_cast<char>('a' + line % 26)) + "\r\n";
    EXPECT_EQ(read(text + ".\r\n").content, text);
}

TEST(DataReader, TakesAwayStuffedDotsOnly) {
    EXPECT_EQ(content_of("..a"), ".a\r\n");
    EXPECT_EQ(content_of(".a"), "a\r\n");
    EXPECT_EQ(content_of("a\r\n..\r\n...\r\nb."), "a\r\n.\r\n..\r\nb.\r\n");
}

TEST(DataReader, TreatsDotsBehindABareLfAsTheirSenderMeantThem) {
    EXPECT_EQ(content_of("a\n..b"), "a\r\n.b\r\n") << "smtplib doubles";
    EXPECT_EQ(content_of("a\n.b"), "a\r\n.b\r\n") << "curl does not";
    EXPECT_EQ(content_of("a\r\n.\nb"), "a\r\n.\r\nb\r\n") << "a dot alone is no stuffing";
}

TEST(DataReader, TurnsABareCrIntoASpace) {
    EXPECT_EQ(content_of("a\rb"), "a b\r\n");
    EXPECT_EQ(content_of("a\r"), "a \r\n");
    EXPECT_EQ(content_of("a\r\r\nb"), "a \r\nb\r\n");
}

TEST(DataReader, CountsBeyondTheLimitButHandsOutNothing) {
    DataReader reader(4);
    std::string out;
    EXPECT_EQ(reader.read("ab\r\n", out), 4u);
    EXPECT_FALSE(reader.too_large());
    EXPECT_EQ(reader.read("c", out), 1u);
    EXPECT_TRUE(reader.too_large());
    EXPECT_EQ(reader.read("d\r\n.\r\nQUIT", out), 6u);
    EXPECT_TRUE(reader.ended());
    EXPECT_EQ(reader.size_bytes(), 8u);
    EXPECT_EQ(out, "ab\r\n");
}

TEST(DataReader, CountsWhatIsStoredAndNotWhatIsSent) {
    DataReader reader(no_limit);
    std::string out;
    (void)reader.read("..\n..\r\n.\r\n", out);
    EXPECT_EQ(out, ".\r\n.\r\n");
    EXPECT_EQ(reader.size_bytes(), out.size());
}

TEST(DataReader, ReportsNulAndEightBitOctetsWhereverTheyStand) {
    for (std::size_t at = 0; at < 20; ++at) {
        std::string text(20, 'a');
        DataReader clean(no_limit);
        std::string out;
        (void)clean.read(text, out);
        EXPECT_FALSE(clean.has_nul() || clean.has_eight_bit());
        text[at] = '\0';
        DataReader with_nul(no_limit);
        (void)with_nul.read(text, out);
        EXPECT_TRUE(with_nul.has_nul() && !with_nul.has_eight_bit()) << at;
        text[at] = '\x80';
        DataReader with_eight_bit(no_limit);
        (void)with_eight_bit.read(text, out);
        EXPECT_TRUE(with_eight_bit.has_eight_bit() && !with_eight_bit.has_nul()) << at;
    }
}

TEST(DataReader, PassesLinesOfAnyLength) {
    const std::string line(300'000, 'x');
    EXPECT_EQ(content_of(line), line + "\r\n");
}

}  // namespace
}  // namespace mailramp::smtp
