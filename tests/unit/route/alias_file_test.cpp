#include "mailramp/route/alias_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::route {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = AliasProblem::Kind;

AliasFile parse(std::string_view text) {
    return parse_alias_file(text, "/etc/aliases");
}

// The targets of the only alias, nothing being wrong.
std::vector<std::string> targets_of(std::string_view text) {
    const AliasFile file = parse(text);
    EXPECT_THAT(file.problems, IsEmpty()) << file.problems.front().text;
    EXPECT_THAT(file.aliases, SizeIs(1)) << text;
    return file.aliases.empty() ? std::vector<std::string>() : file.aliases.front().targets;
}

// "line kind: text" of the only problem.
std::string problem_of(std::string_view text) {
    const AliasFile file = parse(text);
    EXPECT_THAT(file.problems, SizeIs(1)) << text;
    if (file.problems.empty()) return {};
    const AliasProblem& problem = file.problems.front();
    return std::to_string(problem.line) + (problem.kind == Kind::malformed ? " malformed: " : " not done: ") +
           problem.text;
}

TEST(AliasFile, ReadsWhatDebianWrites) {
    const AliasFile file = parse(
        "# See man 5 aliases for format\n"
        "mailer-daemon: postmaster\n"
        "postmaster:    root\n"
        "nobody: root\n\n"
        "root: admin\n");
    EXPECT_THAT(file.problems, IsEmpty());
    ASSERT_THAT(file.aliases, SizeIs(4));
    EXPECT_EQ(file.aliases[1].name, "postmaster");
    EXPECT_THAT(file.aliases[1].targets, ElementsAre("root"));
    EXPECT_EQ(file.aliases[1].place, "/etc/aliases:3");
    EXPECT_EQ(file.aliases[3].place, "/etc/aliases:6");
}

TEST(AliasFile, TakesSeveralValuesOverSeveralLines) {
    EXPECT_THAT(targets_of("root: a@x.test,\n  b@x.test\n\n# why\n  # and why\n\t, c@x.test ,\n"),
                ElementsAre("a@x.test", "b@x.test", "c@x.test"));
}

TEST(AliasFile, TakesQuotedNamesAndAnyCase) {
    const AliasFile file = parse("\"Mail Team\" : Ops\nROOT:ops\n\"we\\\"b: x\": a@x.test\r\n");
    EXPECT_THAT(file.problems, IsEmpty());
    ASSERT_THAT(file.aliases, SizeIs(3));
    EXPECT_EQ(file.aliases[0].name, "mail team");
    EXPECT_EQ(file.aliases[1].name, "root");
    EXPECT_EQ(file.aliases[2].name, "we\"b: x");
}

TEST(AliasFile, TakesAddressesAsHeaderFieldsHaveThem) {
    EXPECT_THAT(targets_of("root: Admin, The <admin@x.test>\n"), ElementsAre("Admin", "admin@x.test"));
    EXPECT_THAT(targets_of("root: \"Admin, The\" <admin@x.test> (day), b@x.test (night, too)\n"),
                ElementsAre("admin@x.test", "b@x.test"));
    EXPECT_THAT(targets_of("root: \"two words\"@x.test, \"two words\"\n"),
                ElementsAre("\"two words\"@x.test", "\"two words\""));
}

TEST(AliasFile, TakesACommentBehindAValueButNoHashWithinAnAddress) {
    EXPECT_THAT(targets_of("root: a@x.test # the day shift: b@x.test\n"), ElementsAre("a@x.test"));
    EXPECT_THAT(targets_of("root: a#b@x.test, \"x # y\"@x.test\n"),
                ElementsAre("a#b@x.test", "\"x # y\"@x.test"));
}

TEST(AliasFile, TakesAnAliasForAnyName) {
    const AliasFile file = parse("*: ops@x.test\n");
    ASSERT_THAT(file.aliases, SizeIs(1));
    EXPECT_EQ(file.aliases[0].name, any_name);
}

TEST(AliasFile, TellsWhatOnlyAMailServerWithMailboxesCanDo) {
    EXPECT_EQ(problem_of("\nmailman: \"|/usr/lib/mailman/mail/mailman post, mailman\"\n"),
              "2 not done: mailman leads to a program (|command), which mailramp does not do; mail to it is "
              "refused");
    EXPECT_THAT(problem_of("x: |/usr/bin/vacation\n"), HasSubstr("a program"));
    EXPECT_THAT(problem_of("x: /dev/null\n"), HasSubstr("a file (/path)"));
    EXPECT_THAT(problem_of("x: \"/var/spool/my mail\"\n"), HasSubstr("a file (/path)"));
    EXPECT_THAT(problem_of("x: :include:/etc/list\n"), HasSubstr("a list in another file"));
    EXPECT_THAT(problem_of("x: \\x\n"), HasSubstr("a user's mailbox"));
}

TEST(AliasFile, KeepsTheAddressesBesideWhatIsNotDone) {
    const std::string_view text = "root: \\root, ops@x.test, /var/mail/copy\n";
    EXPECT_EQ(
        problem_of(text),
        "1 not done: root leads to a file (/path), which mailramp does not do; only its addresses get the "
        "mail");
    EXPECT_THAT(parse(text).aliases.front().targets, ElementsAre("ops@x.test"));
    EXPECT_FALSE(parse(text).aliases.front().not_done.empty());
}

TEST(AliasFile, KeepsANameWhoseMailNobodyCanGetSoThatItIsNotTakenForAnother) {
    const AliasFile file = parse("mailman: |/x\n*: ops@x.test\n");
    ASSERT_THAT(file.aliases, SizeIs(2));
    EXPECT_THAT(file.aliases[0].targets, IsEmpty());
}

TEST(AliasFile, NamesEachLineThatIsNoAliasAndReadsTheOthers) {
    const AliasFile file = parse(
        "  ops@x.test\n"
        "root ops@x.test\n"
        "a@b.test: ops@x.test\n"
        "empty:\n"
        "two words: ops@x.test\n"
        ": ops@x.test\n"
        "both: ops@x.test, John Doe\n"
        "none: ops@@x.test\n"
        "good: ops@x.test\n"
        "Good: second@x.test\n"
        "pasted: root: ops@x.test\n"
        "bell: \aops@x.test\n"
        "latin: caf\xe9@x.test\n"
        "utf8: caf\xc3\xa9@x.test\n");
    std::vector<int> lines;
    for (const AliasProblem& problem : file.problems) {
        EXPECT_EQ(problem.kind, Kind::malformed) << problem.text;
        lines.push_back(problem.line);
    }
    EXPECT_THAT(lines, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14));
    ASSERT_THAT(file.aliases, SizeIs(2));
    EXPECT_EQ(file.aliases[0].name, "both");
    EXPECT_THAT(file.aliases[0].targets, ElementsAre("ops@x.test"));
    EXPECT_EQ(file.aliases[1].name, "good");
    EXPECT_THAT(file.aliases[1].targets, ElementsAre("ops@x.test"));
    ASSERT_NE(file.first_malformed(), nullptr);
    EXPECT_EQ(file.first_malformed()->line, 1);
}

TEST(AliasFile, WithNothingInItIsNoProblem) {
    EXPECT_THAT(parse("").aliases, IsEmpty());
    EXPECT_THAT(parse("\xEF\xBB\xBF# nothing\n\n   \n").problems, IsEmpty());
    EXPECT_EQ(parse("").first_malformed(), nullptr);
}

TEST(AliasFile, StopsAtItsLimits) {
    const AliasFileLimits limits{.names_max = 2, .targets_max = 2, .problems_max = 2};
    const AliasFile file = parse_alias_file("a: x, y, z\nb: x\nc: y\nd: z\n", "f", limits);
    ASSERT_THAT(file.aliases, SizeIs(2));
    ASSERT_THAT(file.problems, SizeIs(2));
    EXPECT_THAT(file.problems[0].text, HasSubstr("more than 2 addresses"));
    EXPECT_EQ(file.problems[1].line, 4);
    EXPECT_THAT(parse_alias_file("a\nb\nc\nd\n", "f", limits).problems, SizeIs(2));
}

TEST(AliasKey, IsTheLocalPartWithoutItsQuotesInLowerCase) {
    EXPECT_EQ(alias_key("Root"), "root");
    EXPECT_EQ(alias_key("\"Root\""), "root");
    EXPECT_EQ(alias_key("\"a\\\"B\""), "a\"b");
    EXPECT_EQ(alias_key("\""), "\"");
    EXPECT_EQ(alias_key("\"\""), "");
}

}  // namespace
}  // namespace mailramp::route
