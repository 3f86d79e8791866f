#include "mailramp/route/recipients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::route {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Recipients with_file(std::string_view text, RecipientOptions options = {}) {
    return Recipients(std::move(options), parse_alias_file(text, "/etc/aliases").aliases);
}

std::vector<std::string> resolved(const Recipients& recipients, std::string_view recipient) {
    auto found = recipients.resolve(recipient);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<std::string>());
}

std::string refusal(const Recipients& recipients, std::string_view recipient) {
    const auto found = recipients.resolve(recipient);
    EXPECT_FALSE(found);
    return found ? std::string() : found.error().message;
}

TEST(Recipients, LeavesAddressesBeyondThisMachineAlone) {
    const Recipients none((RecipientOptions()));
    EXPECT_THAT(resolved(none, "Ops@Contoso.com"), ElementsAre("Ops@Contoso.com"));
    EXPECT_THAT(resolved(with_file("ops: other@x.test\n"), "ops@contoso.com"),
                ElementsAre("ops@contoso.com"));
    EXPECT_THAT(resolved(none, "ops@[192.0.2.1]"), ElementsAre("ops@[192.0.2.1]"));
}

TEST(Recipients, FollowsAliasesWhateverTheCaseAndTheLocalDomain) {
    const Recipients table = with_file(
        "mailer-daemon: postmaster\npostmaster: root\nROOT: Admin@localhost\nadmin: Ops@Contoso.com\n",
        {.local_domains = {"localhost", "web1"}});
    for (const char* const name :
         {"root", "Root", "\"root\"", "root@localhost", "ROOT@Web1", "postmaster", "mailer-daemon@LOCALHOST"})
        EXPECT_THAT(resolved(table, name), ElementsAre("Ops@Contoso.com")) << name;
}

TEST(Recipients, AnAliasOfTheConfigurationCountsBeforeThatOfTheFile) {
    const Recipients table = with_file("root: old@x.test\nwww: root\n",
                                       {.aliases = {{.name = "root", .targets = {"new@x.test"}}}});
    EXPECT_THAT(resolved(table, "root"), ElementsAre("new@x.test"));
    EXPECT_THAT(resolved(table, "www"), ElementsAre("new@x.test"));
    EXPECT_EQ(table.size(), 2u);
}

TEST(Recipients, GivesEachAddressOnce) {
    const Recipients table = with_file(
        "root: day, night, ops@X.test\nday: ops@x.test, a@x.test\nnight: a@x.test, b@x.test, day\n");
    EXPECT_THAT(resolved(table, "root"), ElementsAre("ops@X.test", "a@x.test", "b@x.test"));
}

TEST(Recipients, TakesRootForPostmasterWhoHasNoAlias) {
    EXPECT_THAT(resolved(with_file("root: ops@x.test\n"), "Postmaster"), ElementsAre("ops@x.test"));
    EXPECT_THAT(resolved(with_file("root: ops@x.test\npostmaster: pm@x.test\n"), "postmaster"),
                ElementsAre("pm@x.test"));
    EXPECT_THAT(refusal(with_file("www: ops@x.test\n"), "postmaster"), HasSubstr("aliases: {postmaster: "));
}

TEST(Recipients, TakesTheAliasForAnyNameWhereThereIsNoOther) {
    const Recipients table = with_file("*: all@x.test\nroot: ops@x.test\nmailman: |/x\nwww: www-data\n");
    EXPECT_THAT(resolved(table, "nobody-knows@localhost"), ElementsAre("all@x.test"));
    EXPECT_THAT(resolved(table, "root"), ElementsAre("ops@x.test"));
    EXPECT_THAT(resolved(table, "www"), ElementsAre("all@x.test"));
    EXPECT_THAT(refusal(table, "mailman"), HasSubstr("a program"));
}

TEST(Recipients, RefusesANameWithoutAnAliasAndSaysWhatToType) {
    const Recipients none((RecipientOptions()));
    EXPECT_EQ(refusal(none, "oper"),
              "oper has no domain and no alias; send to an address such as oper@example.com, or add to "
              "mailramp.yaml: aliases: {oper: you@example.com}");
    EXPECT_EQ(refusal(none, "Oper@LocalHost"),
              "LocalHost is this machine, and oper has no alias; add to mailramp.yaml: aliases: {oper: "
              "you@example.com}; or, if others receive mail for LocalHost, take it out of local_domains");
    EXPECT_THAT(refusal(none, "\"a: b\""), HasSubstr("aliases: {NAME: "));
    EXPECT_EQ(none.resolve("oper").error().kind, base::ErrorKind::not_found);
}

TEST(Recipients, RefusesAnAliasThatLeadsNowhereAndNamesItsLine) {
    const Recipients table = with_file("postmaster: root\nroot: pi\nmailman: |/x\nlists: mailman\n");
    EXPECT_EQ(
        refusal(table, "postmaster"),
        "the alias root (/etc/aliases:2) leads to pi, which is no address beyond this machine and has no "
        "alias; add to mailramp.yaml: aliases: {pi: you@example.com}");
    EXPECT_EQ(
        refusal(table, "lists"),
        "the alias mailman (/etc/aliases:3) leads to a program (|command), which mailramp does not do; add "
        "to mailramp.yaml: aliases: {mailman: you@example.com}");
}

TEST(Recipients, LeavesOutWhatLeadsNowhereWhileSomebodyGetsTheMail) {
    const Recipients table = with_file("root: \\root, pi, admin, ops@x.test\nadmin: root, /var/log/mail\n");
    EXPECT_THAT(resolved(table, "root"), ElementsAre("ops@x.test"));
    EXPECT_THAT(resolved(table, "admin"), ElementsAre("ops@x.test"));
}

TEST(Recipients, RefusesCircles) {
    const Recipients table = with_file("root: admin\nadmin: Root@localhost\nself: self\n*: any\n");
    EXPECT_EQ(refusal(table, "root"),
              "its aliases go in circles (root -> admin -> root); add to mailramp.yaml: aliases: {root: "
              "you@example.com}");
    EXPECT_THAT(refusal(table, "self"), HasSubstr("(self -> self)"));
    EXPECT_THAT(refusal(table, "other"), AllOf(HasSubstr("(* -> *)"), HasSubstr("{\"*\": you")));
}

TEST(Recipients, LeavesNobodyOutHoweverFarTheAliasesLead) {
    std::string text = "a0: ops@x.test\n";
    for (int i = 1; i <= 5000; ++i)
        text += "a" + std::to_string(i) + ": a" + std::to_string(i - 1) + "\n";
    // A long way and a short one to the same alias, the long one first.
    text += "sub: worker@x.test\nteam: a5000, a0, sub, boss@x.test\n";
    const Recipients table = with_file(text);
    EXPECT_THAT(resolved(table, "a5000"), ElementsAre("ops@x.test"));
    EXPECT_THAT(resolved(table, "team"),
                ::testing::UnorderedElementsAre("boss@x.test", "ops@x.test", "worker@x.test"));
    EXPECT_THAT(table.dead_ends(), IsEmpty());
}

TEST(Recipients, ACircleThatIsLongIsToldInShort) {
    std::string text = "a0: a1000\n";
    for (int i = 1; i <= 1000; ++i)
        text += "a" + std::to_string(i) + ": a" + std::to_string(i - 1) + "\n";
    EXPECT_THAT(refusal(with_file(text), "a1000"),
                AllOf(HasSubstr("(a1000 -> a999 -> "), SizeIs(::testing::Lt(500))));
}

TEST(Recipients, LeadsToNoMoreAddressesThanItsLimit) {
    const RecipientOptions options{.limits = {.addresses_max = 2}};
    const Recipients table = with_file("two: a@x.test, b@x.test, a@x.test\nthree: two, c@x.test\n", options);
    EXPECT_THAT(resolved(table, "two"), SizeIs(2));
    const auto found = table.resolve("three");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, base::ErrorKind::limit);
    EXPECT_THAT(found.error().message, HasSubstr("more than 2 addresses"));
}

TEST(Recipients, AWebOfAliasesIsFollowedOnce) {
    // Two ways from each to the next: a million ways through all of them.
    std::string text;
    for (int i = 0; i < 18; ++i) {
        const std::string next = std::to_string(i + 1);
        text += "a" + std::to_string(i) + ": a" + next + ", b" + next + "\n";
        text += "b" + std::to_string(i) + ": a" + next + ", b" + next + "\n";
    }
    EXPECT_THAT(resolved(with_file(text + "a18: x@x.test\nb18: y@x.test\n"), "a0"),
                ElementsAre("x@x.test", "y@x.test"));
}

TEST(Recipients, TellsDeadEndsOnceWhereTheyAre) {
    const Recipients table = with_file(
        "postmaster: root\nnobody: root\nroot: pi\nmailman: |/x\nlists: mailman\n"
        "a: b\nb: c\nc: b\ngood: a, ops@x.test\nalso-good: good\n");
    const std::vector<DeadEnd> ends = table.dead_ends();
    std::vector<std::string> told;
    for (const DeadEnd& end : ends)
        told.push_back(end.alias->place + " " + end.text);
    EXPECT_THAT(told,
                ElementsAre("/etc/aliases:3 root leads to pi, which is no address beyond this machine and "
                            "has no alias",
                            "/etc/aliases:6 a leads to aliases that go in circles",
                            "/etc/aliases:7 b leads to aliases that go in circles",
                            "/etc/aliases:8 c leads to aliases that go in circles"));
    const Recipients way_out = with_file("root: admin\nadmin: root, ops@x.test\n");
    EXPECT_THAT(way_out.dead_ends(), IsEmpty());
    const Recipients any = with_file("root: pi\n*: ops@x.test\n");
    EXPECT_THAT(any.dead_ends(), IsEmpty());
}

}  // namespace
}  // namespace mailramp::route
