#include "mailramp/route/router.h"

#include <gtest/gtest.h>

#include "mailramp/base/clock.h"

namespace mailramp::route {
namespace {

constexpr Query usual{"erp@contoso.com", "Erp@contoso.com", "10.1.2.3", "127.0.0.1:25", "bob@example.com"};

std::string mailbox_of(const Router& router, const Query& query) {
    const auto choice = router.choose(query);
    return choice ? choice->mailbox : "none";
}

Router single(Match match) {
    return Router({{{"only", std::move(match), "taken"}}});
}

TEST(Router, TakesTheFirstRuleThatMatchesAndNamesIt) {
    const Router router({{{"erp", {.senders = {"erp@contoso.com"}}, "finance"},
                          {"contoso", {.senders = {"*@contoso.com"}}, "general"},
                          {"default", {}, "alerts"}}});
    EXPECT_EQ(router.choose(usual)->mailbox, "finance");
    EXPECT_EQ(router.choose(usual)->route, "erp");
    Query query = usual;
    query.sender = "scanner@contoso.com";
    EXPECT_EQ(router.choose(query)->route, "contoso");
    query.sender = "root@localhost";
    EXPECT_EQ(router.choose(query)->route, "default");
}

TEST(Router, ChoosesNothingWhenNoRuleMatches) {
    EXPECT_EQ(mailbox_of(single({.senders = {"other@contoso.com"}}), usual), "none");
    EXPECT_FALSE(single({.senders = {"other@contoso.com"}}).may_route(usual));
    EXPECT_EQ(mailbox_of(Router({}), usual), "none");
}

TEST(Router, AsksEveryFieldOfAMatchAndAnyOneEntryOfAField) {
    const auto block = *Cidr::parse("10.0.0.0/8");
    const Router router = single({.senders = {"nobody@x.y", "erp@*"},
                                  .header_froms = {"erp@contoso.com"},
                                  .clients = {*Cidr::parse("192.0.2.1"), block},
                                  .listeners = {"[::1]:25", "127.0.0.1:25"},
                                  .recipient_domains = {"contoso.com", "example.com"}});
    EXPECT_EQ(mailbox_of(router, usual), "taken");
    Query query = usual;
    query.sender = "abc@contoso.com";
    EXPECT_EQ(mailbox_of(router, query), "none");
    query = usual;
    query.header_from = "abc@contoso.com";
    EXPECT_EQ(mailbox_of(router, query), "none");
    query = usual;
    query.client_address = "11.0.0.1";
    EXPECT_EQ(mailbox_of(router, query), "none");
    query = usual;
    query.listener = "127.0.0.1:2525";
    EXPECT_EQ(mailbox_of(router, query), "none");
    query = usual;
    query.recipient = "bob@example.org";
    EXPECT_EQ(mailbox_of(router, query), "none");
}

TEST(Router, MayStillMatchOnAHeaderThatHasNotCome) {
    const Router router = single({.header_froms = {"*@contoso.com"}});
    Query query = usual;
    query.header_from.reset();
    EXPECT_TRUE(router.may_route(query));
    EXPECT_EQ(mailbox_of(router, query), "none");
    query.header_from = "";  // the content has come, without a From field
    EXPECT_FALSE(router.may_route(query));
    query.header_from = "a@contoso.com";
    EXPECT_TRUE(router.may_route(query));
}

TEST(Router, DecidesForEachRecipientOfAMessage) {
    const Router router({{{"inside", {.recipient_domains = {"contoso.com", "*.contoso.com"}}, "internal"},
                          {"default", {}, "outside"}}});
    Query query = usual;
    for (const std::string_view recipient :
         {"a@contoso.com", "a@CONTOSO.com", "a@de.contoso.com", "\"x@y\"@contoso.com"}) {
        query.recipient = recipient;
        EXPECT_EQ(mailbox_of(router, query), "internal") << recipient;
    }
    for (const std::string_view recipient : {"a@notcontoso.com", "a@contoso.com.example", "postmaster"}) {
        query.recipient = recipient;
        EXPECT_EQ(mailbox_of(router, query), "outside") << recipient;
    }
}

TEST(Pattern, LetsAStarStandForAnyRunOfCharacters) {
    EXPECT_TRUE(matches_pattern("*", "a@b.c"));
    EXPECT_TRUE(matches_pattern("a@b.c", "a@b.c"));
    EXPECT_TRUE(matches_pattern("*@b.c", "@b.c"));
    EXPECT_TRUE(matches_pattern("a*@*.c", "abc@x.y.c"));
    EXPECT_TRUE(matches_pattern("**a**", "a"));
    EXPECT_FALSE(matches_pattern("a@b", "a@b.c"));
    EXPECT_FALSE(matches_pattern("*@b.c", "a@b.cd"));
    EXPECT_FALSE(matches_pattern("a*b*c", "acb"));
    EXPECT_FALSE(matches_pattern("", "a@b.c"));
}

TEST(Pattern, TakesNoOtherCharacterForAWildcard) {
    EXPECT_FALSE(matches_pattern("a?b@c", "axb@c"));
    EXPECT_FALSE(matches_pattern("a.b@c", "axb@c"));
    EXPECT_FALSE(matches_pattern("[ab]@c", "a@c"));
}

TEST(Pattern, IgnoresCaseOfAsciiLettersOnly) {
    EXPECT_TRUE(matches_pattern("ALERTS@Contoso.COM", "alerts@contoso.com"));
    EXPECT_FALSE(matches_pattern("\xC3\x84@b", "\xC3\xA4@b"));
}

TEST(Pattern, TakesTheNullSenderOnlyByItsOwnNameOrByEverything) {
    EXPECT_TRUE(matches_pattern("<>", ""));
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_FALSE(matches_pattern("*@*", ""));
    EXPECT_FALSE(matches_pattern("**", ""));
    EXPECT_FALSE(matches_pattern("<>", "a@b.c"));
}

TEST(Pattern, StaysQuickOnPatternsThatAreMadeToBeSlow) {
    std::string pattern;
    for (int i = 0; i < 60; ++i)
        pattern += "a*";
    // 60 stars backtracking on each other would take longer than any test may.
    EXPECT_FALSE(matches_pattern(pattern + "b", std::string(254, 'a')));
}

}  // namespace
}  // namespace mailramp::route
