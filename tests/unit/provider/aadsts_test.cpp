#include "mailramp/provider/aadsts.h"

#include <array>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::provider {
namespace {

using ::testing::HasSubstr;

TEST(AadstsCatalogue, HasEveryNumberOnceWithCauseAndRemedy) {
    std::set<int> seen;
    for (const AadstsRow& row : aadsts_catalogue()) {
        EXPECT_TRUE(seen.insert(row.code).second) << row.code;
        EXPECT_GT(row.code, 0);
        EXPECT_FALSE(row.cause.empty()) << row.code;
        EXPECT_FALSE(row.remedy.empty()) << row.code;
    }
    EXPECT_GE(seen.size(), 90u);
}

TEST(Explain, KnowsAnExpiredSecret) {
    const std::array codes{7000222};
    const TokenErrorVerdict verdict =
        explain(codes, "invalid_client", "AADSTS7000222: The provided client secret keys", 401);
    EXPECT_EQ(verdict.kind, TokenErrorClass::configuration);
    EXPECT_EQ(verdict.code, 7000222);
    EXPECT_THAT(std::string(verdict.remedy), HasSubstr("new secret"));
}

TEST(Explain, SortsTheClasses) {
    const auto kind = [](int code) {
        const std::array codes{code};
        return explain(codes, "", "", 400).kind;
    };
    EXPECT_EQ(kind(7000215), TokenErrorClass::configuration);
    EXPECT_EQ(kind(700024), TokenErrorClass::clock);
    EXPECT_EQ(kind(90033), TokenErrorClass::transient);
    EXPECT_EQ(kind(90055), TokenErrorClass::transient);
    EXPECT_EQ(kind(700082), TokenErrorClass::relogin);
    EXPECT_EQ(kind(53003), TokenErrorClass::configuration);
}

TEST(Explain, TakesTheFirstNumberItKnows) {
    const std::array codes{123456, 90002};
    EXPECT_EQ(explain(codes, "", "", 400).code, 90002);
}

TEST(Explain, FindsTheNumberInTheDescription) {
    EXPECT_EQ(explain({}, "invalid_client", "oops AADSTS700016: Application not found", 400).code, 700016);
    EXPECT_EQ(explain({}, "invalid_client", "AADSTSx", 400).code, 0);
    EXPECT_EQ(explain({}, "invalid_client", "AADSTS99999999999999999999", 400).code, 0);
    EXPECT_EQ(explain({}, "invalid_client", "AADSTS-7000215", 400).code, 0);
}

TEST(Explain, FallsBackToTheWordAndThenToTheStatus) {
    const std::array unknown{999999};
    EXPECT_EQ(explain(unknown, "invalid_client", "", 401).kind, TokenErrorClass::configuration);
    EXPECT_EQ(explain(unknown, "invalid_client", "", 401).code, 999999);
    EXPECT_EQ(explain({}, "invalid_grant", "", 400).kind, TokenErrorClass::relogin);
    EXPECT_EQ(explain({}, "temporarily_unavailable", "", 400).kind, TokenErrorClass::transient);
    EXPECT_EQ(explain({}, "", "", 429).kind, TokenErrorClass::transient);
    EXPECT_EQ(explain({}, "invalid_client", "", 503).kind, TokenErrorClass::transient);
    EXPECT_EQ(explain({}, "", "", 404).kind, TokenErrorClass::configuration);
    EXPECT_EQ(explain({}, "", "<html>", 200).kind, TokenErrorClass::transient);
    EXPECT_EQ(explain({}, "", "<html>", 302).kind, TokenErrorClass::configuration);
    EXPECT_EQ(explain({}, "", "", 0).kind, TokenErrorClass::transient);
    for (const int status : {0, 200, 302, 400, 401, 429, 500}) {
        EXPECT_FALSE(explain({}, "", "", status).cause.empty());
        EXPECT_FALSE(explain({}, "", "", status).remedy.empty());
    }
}

}  // namespace
}  // namespace mailramp::provider
