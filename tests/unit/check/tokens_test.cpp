#include "check/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/check/matching.h"

namespace mailramp::check {
namespace {

using namespace std::chrono_literals;
using testing::all_of;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view tenant = "11111111-2222-3333-4444-555555555555";
constexpr std::string_view app = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
constexpr std::string_view object_id = "99999999-8888-7777-6666-555555555555";
constexpr base::WallTime now{1'800'000'000s};

// ------------------------------------------------------------------ the server

TEST(Authority, IsHostAndPort) {
    EXPECT_EQ(parse_authority("https://login.microsoftonline.com").host, "login.microsoftonline.com");
    EXPECT_EQ(parse_authority("https://login.microsoftonline.com/").port, 443);
    EXPECT_EQ(parse_authority("https://localhost:8443/x").host, "localhost");
    EXPECT_EQ(parse_authority("https://localhost:8443").port, 8443);
    EXPECT_EQ(parse_authority("https://[::1]:8443").host, "::1");
    EXPECT_EQ(parse_authority("https://[::1]:8443").port, 8443);
    EXPECT_EQ(parse_authority("https://a:99999").port, 443);
}

TEST(JudgeTokenServer, SuspectsFirewallAndProxy) {
    TokenServerFacts facts{
        {"login.example", 443}, "", base::Error{base::ErrorKind::timeout, "no answer"}, ""};
    EXPECT_THAT(all_of(judge_token_server(facts)), HasSubstr("token: {proxy:"));
    facts.proxy = "http://proxy:3128";
    const Finding finding = judge_token_server(facts);
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_THAT(finding.cause, HasSubstr("http://proxy:3128"));
    EXPECT_THAT(all_of(finding), HasSubstr("whether the proxy lets login.example pass"));
}

TEST(JudgeTokenServer, NamesWhoOpensTls) {
    const TokenServerFacts facts{
        {"login.example", 443},
        "",
        base::Error{base::ErrorKind::tls, "SSL certificate problem"},
        "the certificate of login.example is not accepted: unable to get local issuer certificate "
        "(subject: CN = login.example; issuer: CN = Corp Firewall)"};
    const Finding finding = judge_token_server(facts);
    EXPECT_THAT(finding.cause, HasSubstr("\"CN = Corp Firewall\""));
    EXPECT_THAT(all_of(finding), HasSubstr("ca_file"));
}

// ------------------------------------------------------------------ the answer

struct Refusal {
    int code;
    std::string_view heading;
    std::string_view article;
};
const Refusal refusals[] = {
    {7000215, "3 The application in Entra", "1.1, steps 19 to 23"},
    {7000222, "3 The application in Entra", "1.1, steps 19 to 23"},
    {700016, "3 The application in Entra", "1.1, step 7"},
    {90002, "3 The application in Entra", "1.1, step 7"},
    {900382, "GCC High, DoD and China", ""},
    {500011, "1 Before you start", ""},
    {501051, "The classic way", "1.1, steps 8 to 18"},
    {53003, "5 SMTP AUTH", ""},
    {7000112, "What errors look like", ""},
    {0, "What errors look like", ""},
};

TEST(JudgeToken, LeadsFromEachNumberToItsPlaceInTheSetUp) {
    for (const Refusal& refusal : refusals) {
        oauth::TokenFailure failure;
        failure.aadsts = refusal.code;
        failure.cause = "the cause";
        failure.remedy = "the remedy";
        const Finding finding = judge_token("default", &failure, {}, {});
        EXPECT_EQ(finding.outcome, Outcome::failed);
        EXPECT_EQ(finding.setup.heading, refusal.heading) << refusal.code;
        EXPECT_EQ(finding.setup.article, refusal.article) << refusal.code;
        EXPECT_EQ(finding.cause, "the cause");
        EXPECT_EQ(finding.remedy.at(0).words, "the remedy");
    }
}

TEST(JudgeToken, SaysHowANewSecretIsPutInPlace) {
    oauth::TokenFailure failure;
    failure.aadsts = 7000222;
    EXPECT_THAT(all_of(judge_token("default", &failure, {"/etc/mailramp/it's"}, {})),
                HasSubstr("install -o mailramp -m 600 /dev/stdin '/etc/mailramp/it'\\''s'\n"));
    EXPECT_THAT(all_of(judge_token("default", &failure, {}, {})), Not(HasSubstr("install")));
    failure.aadsts = 53003;
    EXPECT_THAT(all_of(judge_token("default", &failure, {"/s"}, {})), Not(HasSubstr("install")));
}

// ------------------------------------------------------------------ the claims

ClaimFacts good_claims() {
    ClaimFacts facts;
    facts.credential = "default";
    facts.claims = Claims{.audience = "https://outlook.office365.com",
                          .tenant = std::string(tenant),
                          .application = std::string(app),
                          .object_id = std::string(object_id),
                          .roles = {"SMTP.SendAsApp"},
                          .issued = 1'800'000'000,
                          .expires = 1'800'003'599};
    facts.tenant = tenant;
    facts.client_id = app;
    facts.scope = "https://outlook.office365.com/.default";
    facts.now = now;
    facts.clock_tolerance = 5min;
    return facts;
}

Finding finding_of(const ClaimFacts& facts, Step step) {
    for (const Finding& finding : judge_claims(facts))
        if (finding.step == step) return finding;
    return {};
}

TEST(JudgeClaims, AreAllGoodInTheClassicWay) {
    const std::vector<Finding> findings = judge_claims(good_claims());
    ASSERT_EQ(findings.size(), 6u);
    for (const Finding& finding : findings)
        EXPECT_EQ(finding.outcome, Outcome::passed) << to_string(finding.step);
    EXPECT_THAT(finding_of(good_claims(), Step::object_id).text, HasSubstr(object_id));
}

// What is changed, which step tells, and a word of what it says.
struct Wrong {
    void (*change)(ClaimFacts&);
    Step step;
    std::string_view word;
};
const Wrong wrongs[] = {
    {[](ClaimFacts& f) { f.claims->audience = "https://graph.microsoft.com"; }, Step::audience, "Graph"},
    {[](ClaimFacts& f) {
         f.claims->audience = "https://graph.microsoft.com/";
         f.scope = "https://graph.microsoft.com/.default";
     },
     Step::audience, "Graph"},
    {[](ClaimFacts& f) { f.claims->audience.clear(); }, Step::audience, "another audience"},
    {[](ClaimFacts& f) { f.claims->tenant = "22222222-2222-3333-4444-555555555555"; }, Step::tenant, tenant},
    {[](ClaimFacts& f) { f.claims->application = "another"; }, Step::application, app},
    {[](ClaimFacts& f) { f.claims->expires = 1'800'000'000; }, Step::lifetime, "clock"},
    {[](ClaimFacts& f) { f.claims->issued = 1'800'000'301; }, Step::lifetime, "clock"},
};

TEST(JudgeClaims, FailByTheOneThatIsWrong) {
    for (const Wrong& wrong : wrongs) {
        ClaimFacts facts = good_claims();
        wrong.change(facts);
        for (const Finding& finding : judge_claims(facts)) {
            const bool meant = finding.step == wrong.step;
            EXPECT_EQ(finding.outcome, meant ? Outcome::failed : Outcome::passed) << to_string(finding.step);
            if (!meant) continue;
            EXPECT_THAT(testing::words(finding), HasSubstr(wrong.word));
            EXPECT_FALSE(finding.remedy.empty());
            EXPECT_FALSE(finding.setup.heading.empty());
        }
    }
}

TEST(JudgeClaims, TakeEveryNameOfExchangeForAnAudience) {
    for (const char* audience : {"https://outlook.office.com", "https://outlook.office365.us",
                                 "https://OUTLOOK.office365.com/", "00000002-0000-0ff1-ce00-000000000000"}) {
        ClaimFacts facts = good_claims();
        facts.claims->audience = audience;
        EXPECT_EQ(finding_of(facts, Step::audience).outcome, Outcome::passed) << audience;
    }
    ClaimFacts china = good_claims();
    china.claims->audience = "https://partner.outlook.cn";
    EXPECT_EQ(finding_of(china, Step::audience).outcome, Outcome::failed);
    china.scope = "https://partner.outlook.cn/.default";
    EXPECT_EQ(finding_of(china, Step::audience).outcome, Outcome::passed);
}

TEST(JudgeClaims, DoNotCallAMissingRoleWrongSinceRbacWantsIt) {
    ClaimFacts facts = good_claims();
    facts.claims->roles.clear();
    EXPECT_EQ(finding_of(facts, Step::role).outcome, Outcome::skipped);
    facts.claims->roles = {"Mail.Send"};
    EXPECT_EQ(finding_of(facts, Step::role).outcome, Outcome::skipped);
}

TEST(JudgeClaims, TakeADomainForTheTenant) {
    ClaimFacts facts = good_claims();
    facts.tenant = "contoso.onmicrosoft.com";
    EXPECT_EQ(finding_of(facts, Step::tenant).outcome, Outcome::passed);
}

TEST(JudgeClaims, LeaveTheLifetimeOutWhileTheClockIsWrong) {
    ClaimFacts facts = good_claims();
    facts.clock_is_right = false;
    facts.claims->issued = 1'900'000'000;
    EXPECT_EQ(finding_of(facts, Step::lifetime).outcome, Outcome::skipped);
}

TEST(JudgeClaims, AreSkippedWithoutATokenAndInAnOpaqueOne) {
    ClaimFacts facts = good_claims();
    facts.claims.reset();
    for (const Finding& finding : judge_claims(facts)) {
        EXPECT_EQ(finding.outcome, Outcome::skipped);
        EXPECT_THAT(finding.text, HasSubstr("cannot be looked into"));
    }
    facts.needs = "a token";
    EXPECT_EQ(judge_claims(facts).at(0).text, "needs a token");
}

}  // namespace
}  // namespace mailramp::check
