#include "config/document.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::config {
namespace {

using ::testing::HasSubstr;

std::string errors_of(std::string_view text, const DocumentLimits& limits = {}) {
    Problems problems;
    (void)parse_document(text, problems, limits);
    return render_errors("f", problems.take());
}

Node good(std::string_view text) {
    Problems problems;
    Node root = parse_document(text, problems);
    EXPECT_EQ(render_errors("f", problems.take()), "");
    return root;
}

TEST(Document, KnowsThePlaceOfEveryKeyAndValue) {
    const Node root = good("a: 1\nb:\n  - x\n  - {c: 2}\nempty:\nlast: z\n");
    EXPECT_EQ(root.kind, Node::Kind::map);
    EXPECT_EQ(root.entries[0].mark.line, 1);
    EXPECT_EQ(root.find("a")->mark.column, 4);
    EXPECT_EQ(root.find("b")->items[0].mark.line, 3);
    EXPECT_EQ(root.find("b")->items[0].mark.column, 5);
    const Found inner = locate(root, {"b", "[1]", "c"});
    ASSERT_NE(inner.node, nullptr);
    EXPECT_EQ(inner.mark.line, 4);
    EXPECT_EQ(inner.mark.column, 9);
    EXPECT_EQ(root.find("empty")->kind, Node::Kind::null);
    EXPECT_EQ(root.find("empty")->mark.line, 5);
}

TEST(Document, PointsAsFarAsAPathLeads) {
    const Node root = good("a: 1\nb:\n  c: 2\n");
    EXPECT_EQ(locate(root, {"b", "missing"}).node, nullptr);
    EXPECT_EQ(locate(root, {"b", "missing"}).mark.line, 2);
    EXPECT_EQ(locate(root, {"nothing", "at", "all"}).mark.line, 1);
    EXPECT_EQ(locate(root, {"a", "[7]"}).node, nullptr);
    EXPECT_EQ(locate(root, {}).node, &root);
}

TEST(Document, TellsQuotedFromPlainText) {
    const Node root = good("plain: true\ndouble: \"true\"\nsingle: 'true'\nblock: |\n  true\n");
    EXPECT_FALSE(root.find("plain")->quoted);
    EXPECT_TRUE(root.find("double")->quoted);
    EXPECT_TRUE(root.find("single")->quoted);
    EXPECT_TRUE(root.find("block")->quoted);
}

TEST(Document, NotesEveryMistakeAndNotTheFirstAlone) {
    EXPECT_EQ(errors_of("a: 1\na: 2\nb: &x 3\nc: *x\nd: !!int 4\n? {e: 5}\n: 6\n---\nf: 7\n"),
              "f:2:1: a: the key is given twice; the first time in line 1\n"
              "f:3:4: b: an anchor (&name) is not supported; write the value out where it is needed\n"
              "f:4:4: c: an alias (*name) is not supported; write the value out; a text that starts with * "
              "stands in "
              "quotes\n"
              "f:5:4: d: a tag (tag:yaml.org,2002:int) is not supported; write the value alone\n"
              "f:6:3: a key must be a word\n"
              "f:8:1: a second document (---) begins here; one file holds one configuration\n");
}

TEST(Document, ExpandsNoAliases) {
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 30; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
    }
    EXPECT_THAT(errors_of(bomb), HasSubstr("an alias (*name) is not supported"));
}

TEST(Document, StopsAtItsLimits) {
    EXPECT_EQ(errors_of("a: [1, 2, 3]\n", {.nodes_max = 6, .depth_max = 12}), "");
    EXPECT_THAT(errors_of("a: [1, 2, 3]\n", {.nodes_max = 5, .depth_max = 12}),
                HasSubstr("more keys and values"));
    EXPECT_EQ(errors_of("a: [[1]]\n", {.nodes_max = 100, .depth_max = 3}), "");
    EXPECT_THAT(errors_of("a: [[1]]\n", {.nodes_max = 100, .depth_max = 2}), HasSubstr("deeper"));
    for (const char* opening : {"[", "{a: ", "- ", "? "}) {
        std::string deep = "x: ";
        for (int i = 0; i < 100'000; ++i)
            deep += opening;
        EXPECT_NE(errors_of(deep), "") << opening;
    }
    EXPECT_THAT(errors_of(std::string(file_bytes_max + 1, '#')), HasSubstr("larger than 1048576 octets"));
}

TEST(Document, ListsAHundredErrorsAndCountsTheRest) {
    std::string text;
    for (int i = 0; i < 151; ++i)
        text += "a: 1\n";
    const std::string errors = errors_of(text);
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 101);
    EXPECT_THAT(errors, HasSubstr("f: and 50 more errors; repair these first\n"));
}

TEST(Document, RefusesWhatIsNoText) {
    EXPECT_EQ(errors_of("a: \xC3\n"), "f: the file is not valid UTF-8; save it as UTF-8\n");
    EXPECT_THAT(errors_of(std::string_view("a: b\0c\n", 7)), HasSubstr("f:1:5: a control character"));
    EXPECT_THAT(errors_of("\xFF\xFE"
                          "a\n"),
                HasSubstr("not valid UTF-8"));
    EXPECT_EQ(errors_of("\xEF\xBB\xBF"
                        "a: \xC3\xA4\n"),
              "");
}

TEST(Document, ShowsPathsAsPeopleWriteThem) {
    EXPECT_EQ(to_string(Path{"routes", "[2]", "match", "sender"}), "routes[2].match.sender");
    EXPECT_EQ(to_string(Path{}), "");
    EXPECT_EQ(to_string(Path{"a\x1b[2J"}), "a?[2J");
}

}  // namespace
}  // namespace mailramp::config
