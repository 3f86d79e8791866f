#include "oauth/token_response.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::oauth {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const base::SteadyTime sent{1000h};
const base::WallTime now{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

TokenResult parse(int status, std::string_view body, std::string_view retry_after = {}) {
    return parse_token_response({status, retry_after, body}, sent, now);
}

base::Duration lifetime(std::string_view expires_in) {
    const std::string body =
        R"({"token_type":"Bearer","access_token":"eyJ0.e30.x","expires_in":)" + std::string(expires_in) + "}";
    const auto token = parse(200, body);
    EXPECT_TRUE(token) << body;
    return token ? std::chrono::duration_cast<base::Duration>(token->expires - sent) : base::Duration(-1);
}

TokenFailure failure(int status, std::string_view body, std::string_view retry_after = {}) {
    auto result = parse(status, body, retry_after);
    EXPECT_FALSE(result) << "a token came out of " << body.substr(0, 200);
    return result ? TokenFailure{} : result.error();
}

// What Entra answers to a wrong secret, shortened.
constexpr std::string_view wrong_secret = R"({"error":"invalid_client",
  "error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 11aa Correlation ID: 22bb Timestamp: 2026-01-01 00:00:00Z",
  "error_codes":[7000215],"timestamp":"2026-01-01 00:00:00Z","trace_id":"11aa","correlation_id":"22bb",
  "error_uri":"https://login.microsoftonline.com/error?code=7000215"})";

TEST(TokenResponse, GivesTheTokenWithItsLifeCountedFromTheRequest) {
    const auto token = parse(
        200,
        R"({"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"eyJ0-._~+/=9"})");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->value.reveal(), "eyJ0-._~+/=9");
    EXPECT_EQ(token->obtained, sent);
    EXPECT_EQ(token->expires, sent + 3599s);
    EXPECT_EQ(token->refresh_at, token->expires);
}

TEST(TokenResponse, TakesNumbersAndNumericStrings) {
    EXPECT_EQ(lifetime("4000"), 4000s);
    EXPECT_EQ(lifetime("\"4000\""), 4000s);
    EXPECT_EQ(lifetime("4000.0"), 4000s);
}

TEST(TokenResponse, ClampsTheLifeToTwoSecondsAndOneDay) {
    EXPECT_EQ(lifetime("0"), 2s);
    EXPECT_EQ(lifetime("-1"), 2s);
    EXPECT_EQ(lifetime("1"), 2s);
    EXPECT_EQ(lifetime("7"), 7s);
    EXPECT_EQ(lifetime("1e30"), 24h);
    EXPECT_EQ(lifetime("-1e300"), 2s);
    EXPECT_EQ(lifetime("18446744073709551615"), 24h);
    EXPECT_EQ(lifetime("\"18446744073709551615\""), 24h);
    EXPECT_EQ(lifetime("86401"), 24h);
}

TEST(TokenResponse, SupposesAnHourWithoutAUsableLife) {
    for (const std::string_view useless :
         {"null", "\"soon\"", "\"\"", "\"-5\"", "[]", "{}", "true", "\"99999999999999999999999\""})
        EXPECT_EQ(lifetime(useless), 1h) << useless;
    const auto token = parse(200, R"({"access_token":"abc"})");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->expires, sent + 1h);
}

TEST(TokenResponse, RefreshesWhenTheServerAsksForItButWithinTheLife) {
    const auto refresh = [](std::string_view value) {
        const auto token =
            parse(200, R"({"access_token":"abc","expires_in":3600,"refresh_in":)" + std::string(value) + "}");
        return std::chrono::duration_cast<base::Duration>(token->refresh_at - sent);
    };
    EXPECT_EQ(refresh("1800"), 30min);
    EXPECT_EQ(refresh("\"1800\""), 30min);
    EXPECT_EQ(refresh("7200"), 1h);
    EXPECT_EQ(refresh("1e30"), 1h);
    EXPECT_EQ(refresh("-1"), 1h);
    EXPECT_EQ(refresh("0"), 1h);
    EXPECT_EQ(refresh("1"), 1min);
}

TEST(TokenResponse, ExplainsARefusalByItsAadstsNumber) {
    const TokenFailure wrong = failure(401, wrong_secret);
    EXPECT_EQ(wrong.kind, TokenFailureClass::configuration);
    EXPECT_EQ(wrong.http_status, 401);
    EXPECT_EQ(wrong.error, "invalid_client");
    EXPECT_EQ(wrong.aadsts, 7000215);
    EXPECT_EQ(wrong.message, "invalid_client: AADSTS7000215: Invalid client secret provided.");
    EXPECT_EQ(wrong.trace, "trace id 11aa, correlation id 22bb, timestamp 2026-01-01 00:00:00Z");
    EXPECT_FALSE(wrong.cause.empty());
    EXPECT_FALSE(wrong.remedy.empty());
}

TEST(TokenResponse, FindsTheNumberInTheDescriptionWhenTheListIsMissing) {
    const TokenFailure wrong = failure(
        400, R"({"error":"invalid_request","error_description":"AADSTS90002: Tenant 'x' not found."})");
    EXPECT_EQ(wrong.aadsts, 90002);
    EXPECT_EQ(wrong.kind, TokenFailureClass::configuration);
}

TEST(TokenResponse, TellsTransientFromConfiguration) {
    const auto kind = [](int status, std::string_view body) { return failure(status, body).kind; };
    EXPECT_EQ(kind(400, R"({"error":"unauthorized_client","error_codes":[700016]})"),
              TokenFailureClass::configuration);
    EXPECT_EQ(kind(400, R"({"error":"invalid_scope"})"), TokenFailureClass::configuration);
    EXPECT_EQ(kind(400, R"({"error":"invalid_client","error_codes":[700024]})"),
              TokenFailureClass::configuration);
    EXPECT_EQ(kind(503, R"({"error":"temporarily_unavailable"})"), TokenFailureClass::transient);
    EXPECT_EQ(kind(500, R"({"error":"server_error"})"), TokenFailureClass::transient);
    EXPECT_EQ(kind(429, R"({"error":"too_many"})"), TokenFailureClass::transient);
    EXPECT_EQ(kind(500, "oops"), TokenFailureClass::transient);
    EXPECT_EQ(kind(502, ""), TokenFailureClass::transient);
    EXPECT_EQ(kind(429, ""), TokenFailureClass::transient);
}

TEST(TokenResponse, RefusesEverySuccessThatHoldsNoUsableToken) {
    for (const std::string& body : {
             std::string(""),
             std::string("<html><body>Sign in to the guest network</body></html>"),
             std::string(R"({"token_type":"Bearer","expires_in":3599,"access_to)"),
             std::string(R"({"token_type":"Bearer","expires_in":3599})"),
             std::string(R"({"access_token":12345,"expires_in":3599})"),
             std::string(R"({"access_token":null})"),
             std::string(R"({"access_token":["a"]})"),
             std::string(R"({"access_token":""})"),
             std::string("{\"access_token\":\"abc\\r\\nMAIL FROM:<x>\"}"),
             std::string("{\"access_token\":\"abc\\u0001auth=Bearer\"}"),
             std::string(R"({"access_token":"abc def"})"),
             std::string(R"({"access_token":"abc\u0000"})"),
             std::string("{\"access_token\":\"\xC3\xA4\"}"),
             std::string(R"({"access_token":"abc","token_type":"MAC"})"),
             R"({"access_token":")" + std::string(16 * 1024 + 1, 'a') + "\"}",
             std::string(200'000, '['),
             std::string(R"(["access_token"])"),
             std::string(R"("abc")"),
             std::string("null"),
             std::string(R"({"access_token":"abc"} {"access_token":"def"})"),
             std::string("{\"access_token\":\"abc\"}\0garbage", 29),
             R"({"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}},"access_token":"abc"})" +
                 std::string(),
         }) {
        const TokenFailure refused = failure(200, body);
        EXPECT_EQ(refused.kind, TokenFailureClass::transient) << body.substr(0, 80);
        EXPECT_EQ(refused.http_status, 200);
        EXPECT_FALSE(refused.message.empty());
        EXPECT_FALSE(refused.cause.empty());
        EXPECT_FALSE(refused.remedy.empty());
        EXPECT_THAT(refused.message, Not(HasSubstr("\r")));
    }
}

TEST(TokenResponse, TakesATokenAtTheLengthLimit) {
    const std::string longest(16 * 1024, 'a');
    const auto token = parse(200, R"({"access_token":")" + longest + "\"}");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->value.reveal(), longest);
}

TEST(TokenResponse, BelievesAnErrorEvenWithStatus200) {
    const TokenFailure refused =
        failure(200, R"({"error":"invalid_client","error_codes":[7000215],"access_token":"abc"})");
    EXPECT_EQ(refused.kind, TokenFailureClass::configuration);
}

TEST(TokenResponse, BelievesNoTokenWithAnotherStatus) {
    for (const int status : {100, 201, 204, 302, 400, 500})
        failure(status, R"({"access_token":"abc","expires_in":3599})");
}

TEST(TokenResponse, CallsARedirectAMatterOfConfiguration) {
    const TokenFailure redirected = failure(302, "");
    EXPECT_EQ(redirected.kind, TokenFailureClass::configuration);
    EXPECT_THAT(redirected.cause, HasSubstr("redirect"));
}

TEST(TokenResponse, LetsNoControlCharactersThroughAndCutsLongTexts) {
    const TokenFailure hostile = failure(400, "{\"error\":\"a\\u001b[31m\\r\\nb\",\"error_description\":\"" +
                                                  std::string(100'000, 'x') + "\",\"trace_id\":\"t\\nt\"}");
    EXPECT_EQ(hostile.error, "a?[31m??b");
    EXPECT_EQ(hostile.trace, "trace id t?t");
    EXPECT_LT(hostile.message.size(), 700u);
}

TEST(TokenResponse, ReadsErrorCodesOfAnyShapeWithoutHarm) {
    for (const std::string_view codes :
         {"[]", "{}", "\"7000215\"", "[\"x\"]", "[-1]", "[9999999999999]", "[1.5]", "null", "[[7000215]]"}) {
        const TokenFailure odd =
            failure(400, R"({"error":"invalid_client","error_codes":)" + std::string(codes) + "}");
        EXPECT_EQ(odd.aadsts, 0) << codes;
        EXPECT_EQ(odd.kind, TokenFailureClass::configuration) << codes;
    }
}

TEST(TokenResponse, PassesOnHowLongTheServerWantsToBeLeftAlone) {
    EXPECT_EQ(failure(429, "{}", "60").retry_after, 60s);
    EXPECT_EQ(failure(503, "", "Sun, 01 Mar 2026 00:02:00 GMT").retry_after, 2min);
    EXPECT_EQ(failure(503, "").retry_after, 0s);
}

TEST(RetryAfter, TakesSecondsAndDatesAndNothingElse) {
    EXPECT_EQ(parse_retry_after("120", now, 1h), 120s);
    EXPECT_EQ(parse_retry_after(" 120 ", now, 1h), 120s);
    EXPECT_EQ(parse_retry_after("0", now, 1h), 0s);
    EXPECT_EQ(parse_retry_after("Sun, 01 Mar 2026 00:30:00 GMT", now, 1h), 30min);
    for (const std::string_view useless :
         {"", "-5", "1.5", "soon", "Sun, 01 Mar 2026 00:30:00", "Sunday, 01-Mar-26 00:30:00 GMT",
          "Sun Mar  1 00:30:00 2026", "Sun, 31 Feb 2026 00:30:00 GMT", "Sun, 01 Xyz 2026 00:30:00 GMT",
          "Sun, 01 Mar 2026 00:3x:00 GMT"})
        EXPECT_EQ(parse_retry_after(useless, now, 1h), 0s) << useless;
}

TEST(RetryAfter, NeverLastsLongerThanAllowedNorPointsIntoThePast) {
    EXPECT_EQ(parse_retry_after("3601", now, 1h), 1h);
    EXPECT_EQ(parse_retry_after("99999999999999999999999", now, 1h), 1h);
    EXPECT_EQ(parse_retry_after("18446744073709551615", now, 1h), 1h);
    EXPECT_EQ(parse_retry_after("Mon, 01 Mar 2027 00:00:00 GMT", now, 1h), 1h);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now, 1h), 0s);
}

}  // namespace
}  // namespace mailramp::oauth
