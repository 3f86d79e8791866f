#include "mailramp/mail/header_section.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

using State = HeaderSection::State;

struct Scan {
    State state;
    std::string octets;
    std::string body;
    HeaderFacts facts;
};

// Feeds `content` cut at `cut`, or octet by octet.
Scan scan(std::string_view content, std::size_t cut, HeaderLimits limits = {}) {
    HeaderSection section(limits);
    std::string body;
    const auto feed = [&](std::string_view piece) {
        const bool was_reading = section.reading();
        const std::size_t used = was_reading ? section.feed(piece) : 0;
        if (was_reading && !section.reading()) body = section.body_start();
        body += piece.substr(used);
    };
    if (cut == std::string_view::npos) {
        for (const char& c : content)
            feed(std::string_view(&c, 1));
    } else {
        feed(content.substr(0, cut));
        feed(content.substr(cut));
    }
    const bool was_reading = section.reading();
    section.finish();
    if (was_reading) body = section.body_start();
    return {section.state(), std::string(section.octets()), body, section.facts()};
}

// The result, after checking that it is the same however the content is cut.
Scan scan(std::string_view content, HeaderLimits limits = {}) {
    const Scan whole = scan(content, 0, limits);
    std::vector<std::size_t> cuts{std::string_view::npos};
    for (std::size_t cut = 1; cut < content.size(); ++cut)
        cuts.push_back(cut);
    for (const std::size_t cut : cuts) {
        const Scan other = scan(content, cut, limits);
        EXPECT_EQ(other.state, whole.state) << cut;
        EXPECT_EQ(other.octets, whole.octets) << cut;
        if (whole.state != State::too_large) {
            EXPECT_EQ(other.body, whole.body) << cut;
        }
        EXPECT_EQ(other.facts.from, whole.facts.from) << cut;
        EXPECT_EQ(other.facts.field_count, whole.facts.field_count) << cut;
    }
    return whole;
}

TEST(HeaderSection, EndsWithTheBlankLine) {
    const Scan result = scan("Subject: a\r\nTo: b\r\n\r\nbody\r\n\r\nDate: no\r\n");
    EXPECT_EQ(result.state, State::blank_line);
    EXPECT_EQ(result.octets, "Subject: a\r\nTo: b\r\n\r\n");
    EXPECT_EQ(result.body, "body\r\n\r\nDate: no\r\n");
    EXPECT_EQ(result.facts.field_count, 2u);
    EXPECT_FALSE(result.facts.has_date);
}

TEST(HeaderSection, FindsItsFactsWhateverTheCase) {
    const Scan result = scan("dAtE: x\r\nMESSAGE-id : <y>\r\nreceived: z\r\nReceived: z\r\n\r\n");
    EXPECT_TRUE(result.facts.has_date);
    EXPECT_TRUE(result.facts.has_message_id);
    EXPECT_EQ(result.facts.received_count, 2u);
}

TEST(HeaderSection, TakesNoOtherFieldForTheOneItWants) {
    const Scan result =
        scan("X-Date: x\r\nDates: x\r\nResent-Message-ID: x\r\nSubject: Date: x\r\n Date: x\r\n\r\n");
    EXPECT_FALSE(result.facts.has_date);
    EXPECT_FALSE(result.facts.has_message_id);
}

TEST(HeaderSection, UnfoldsTheFirstFrom) {
    const Scan result =
        scan("From:\r\n \"B\" \r\n\t<b@example.com>\r\nTo: c\r\n d\r\nFrom: second\r\n third\r\n\r\n");
    EXPECT_EQ(result.facts.from, "\"B\" \t<b@example.com>");
    EXPECT_EQ(result.facts.from_count, 2u);
}

TEST(HeaderSection, KeepsOnlySoMuchOfFrom) {
    HeaderLimits limits;
    limits.value_bytes_max = 5;
    EXPECT_EQ(scan("From: abc\r\n defgh\r\n\r\n", limits).facts.from, "abc");
    EXPECT_EQ(scan("From: abcdefgh\r\n\r\n", limits).facts.from, "abcd");
}

TEST(HeaderSection, EndsWithTheMessage) {
    const Scan result = scan("Subject: a\r\n folded\r\n");
    EXPECT_EQ(result.state, State::end_of_message);
    EXPECT_EQ(result.octets, "Subject: a\r\n folded\r\n");
    EXPECT_EQ(scan("").state, State::end_of_message);
}

TEST(HeaderSection, MayBeMissing) {
    for (const auto* content : {"Hello there\r\nDate: x\r\n", " indented: text\r\n", ": no name\r\n",
                                "Hello\r\n", "<html lang=\"a:b\">\r\n",
                                "\xef\xbb\xbf"
                                "Subject: x\r\n"}) {
        const Scan result = scan(content);
        EXPECT_EQ(result.state, State::no_separator) << content;
        EXPECT_EQ(result.octets, "") << content;
        EXPECT_EQ(result.body, content);
        EXPECT_EQ(result.facts.field_count, 0u);
        EXPECT_FALSE(result.facts.has_date);
    }
}

TEST(HeaderSection, MayBeABlankLineOnly) {
    const Scan result = scan("\r\nDate: this is body\r\n");
    EXPECT_EQ(result.state, State::blank_line);
    EXPECT_EQ(result.octets, "\r\n");
    EXPECT_EQ(result.body, "Date: this is body\r\n");
    EXPECT_FALSE(result.facts.has_date);
}

TEST(HeaderSection, EndsInFrontOfALineThatIsNoField) {
    const Scan result = scan("Subject: a\r\nThis is text\r\nDate: x\r\n\r\nmore\r\n");
    EXPECT_EQ(result.state, State::no_separator);
    EXPECT_EQ(result.octets, "Subject: a\r\n");
    EXPECT_EQ(result.body, "This is text\r\nDate: x\r\n\r\nmore\r\n");
    EXPECT_FALSE(result.facts.has_date);
}

TEST(HeaderSection, LeavesAnMboxSeparatorOut) {
    for (const auto* separator :
         {"From a@example.com Thu Jan  1 00:00:00 1970\r\n", ">From a\r\n", "From a: b\r\n"}) {
        const Scan result = scan(std::string(separator) + "From: b@example.com\r\n\r\nx\r\n");
        EXPECT_EQ(result.octets, "From: b@example.com\r\n\r\n") << separator;
        EXPECT_EQ(result.facts.from, "b@example.com");
    }
    const Scan later = scan("Subject: x\r\nFrom a line of the body\r\n");
    EXPECT_EQ(later.body, "From a line of the body\r\n");
}

TEST(HeaderSection, OfTooManyOctetsIsRefused) {
    HeaderLimits limits;
    limits.header_bytes_max = 20;
    EXPECT_EQ(scan("A: 345678\r\nB: 45\r\n\r\n", limits).state, State::blank_line);
    EXPECT_EQ(scan("A: 345678\r\nB: 456\r\n\r\n", limits).state, State::too_large);
    EXPECT_EQ(scan("A: 345678901234567890", limits).state, State::too_large) << "a line without end";
}

TEST(HeaderSection, DoesNotRefuseTheBodyForItsOwnSize) {
    HeaderLimits limits;
    limits.header_bytes_max = 12;
    const Scan result = scan("A: 45678\r\nlong-word-that-is-no-field text\r\n", limits);
    EXPECT_EQ(result.state, State::no_separator);
    EXPECT_EQ(result.octets, "A: 45678\r\n");
}

TEST(HeaderSection, OfTooManyFieldsIsRefused) {
    HeaderLimits limits;
    limits.fields_max = 2;
    EXPECT_EQ(scan("A: 1\r\nB: 2\r\n 3\r\n 4\r\n\r\n", limits).state, State::blank_line);
    EXPECT_EQ(scan("A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits).state, State::too_large);
}

TEST(HeaderSection, TakesALongFirstLineForText) {
    HeaderLimits limits;
    limits.name_bytes_max = 10;
    limits.header_bytes_max = 50;
    const std::string text(200, 'x');
    const Scan result = scan(text + "\r\n", limits);
    EXPECT_EQ(result.state, State::no_separator);
    EXPECT_EQ(result.body, text + "\r\n");
    EXPECT_EQ(scan("abcdefghi: x\r\n\r\n", limits).state, State::blank_line);
}

TEST(HeaderSection, CountsHopsAgainstLoops) {
    HeaderLimits limits;
    limits.received_max = 2;
    HeaderSection two(limits);
    (void)two.feed("Received: a\r\nReceived: b\r\n\r\n");
    EXPECT_FALSE(two.loops());
    HeaderSection three(limits);
    (void)three.feed("Received: a\r\nReceived: b\r\nReceived: c\r\n\r\n");
    EXPECT_TRUE(three.loops());
}

TEST(HeaderSection, GivesItsMemoryBack) {
    HeaderSection section;
    (void)section.feed("Subject: a\r\n\r\nbody");
    section.release();
    EXPECT_EQ(section.octets(), "");
    EXPECT_EQ(section.state(), State::blank_line);
    EXPECT_EQ(section.facts().field_count, 1u);
}

TEST(HeaderSection, KeepsTheFirstMessageIdUnfolded) {
    HeaderSection section;
    static_cast<void>(
        section.feed("Message-ID:\r\n <a@b.test>\r\nX: y\r\n z\r\nMessage-Id: <second@b.test>\r\n\r\n"));
    EXPECT_EQ(section.facts().message_id, "<a@b.test>");
}

}  // namespace
}  // namespace mailramp::mail
