#include "mailramp/oauth/client_credentials_source.h"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "unit/oauth/fakes.h"

namespace mailramp::oauth {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* secret_text = "p~Q8+a/b=c d";
constexpr const char* secret_encoded = "p~Q8%2Ba%2Fb%3Dc%20d";

io::Task<> run_fetch(TokenSource& source, std::optional<TokenResult>& result) {
    TokenResult got = co_await source.fetch();
    result.emplace(std::move(got));
}

class Source : public ::testing::Test {
  protected:
    static ClientCredentialsOptions options() {
        ClientCredentialsOptions options;
        options.tenant = "contoso.onmicrosoft.com";
        options.client_id = "app-id";
        options.secret = {SecretPlace::configuration, "", base::Secret(secret_text)};
        return options;
    }

    TokenResult fetch(ClientCredentialsOptions options) {
        ClientCredentialsSource source(std::move(options), http_, clock_);
        boost::asio::io_context context;
        std::optional<TokenResult> result;
        boost::asio::co_spawn(context, run_fetch(source, result), boost::asio::detached);
        context.run();
        EXPECT_TRUE(result.has_value());
        return std::move(*result);
    }

    TokenFailure failure(ClientCredentialsOptions options = Source::options()) {
        auto result = fetch(std::move(options));
        EXPECT_FALSE(result);
        return result ? TokenFailure{} : result.error();
    }

    FakeHttpClient http_;
    FakeClock clock_;
};

TEST_F(Source, PostsTheGrantToTheTenantsEndpoint) {
    http_.answer_with(200, R"({"access_token":"abc","expires_in":3599})");
    auto asked = options();
    asked.proxy = "http://proxy:3128";
    asked.connect_timeout = 3s;
    asked.total_timeout = 7s;
    asked.response_bytes_max = 1000;
    const auto token = fetch(std::move(asked));
    ASSERT_TRUE(token);
    EXPECT_EQ(token->value.reveal(), "abc");
    EXPECT_EQ(token->obtained, clock_.steady_now);
    EXPECT_EQ(token->expires, clock_.steady_now + 3599s);

    ASSERT_EQ(http_.requests.size(), 1u);
    const io::HttpRequest& request = http_.requests.front();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token");
    const std::vector<std::pair<std::string, std::string>> headers{
        {"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    EXPECT_EQ(request.headers, headers);
    EXPECT_EQ(request.body.reveal(),
              std::string("grant_type=client_credentials&client_id=app-id"
                          "&scope=https%3A%2F%2Foutlook.office365.com%2F.default&client_secret=") +
                  secret_encoded);
    EXPECT_EQ(request.proxy, "http://proxy:3128");
    EXPECT_EQ(request.connect_timeout, 3s);
    EXPECT_EQ(request.total_timeout, 7s);
    EXPECT_EQ(request.response_bytes_max, 1000u);
}

TEST_F(Source, BuildsOneUrlWhateverTheTenantHoldsAndHoweverTheAuthorityEnds) {
    auto odd = options();
    odd.authority = "https://login.example//";
    odd.tenant = "a/../b?c#d";
    const ClientCredentialsSource source(std::move(odd), http_, clock_);
    EXPECT_EQ(source.token_url(), "https://login.example/a%2F..%2Fb%3Fc%23d/oauth2/v2.0/token");
}

TEST_F(Source, FetchesTheSecretAnewForEachRequest) {
    auto from_environment = [] {
        auto changed = options();
        changed.secret = {SecretPlace::environment, "MAILRAMP_TEST_SECRET", {}};
        return changed;
    };
    for (const char* value : {"first", "second"}) {
        ::setenv("MAILRAMP_TEST_SECRET", value, 1);
        http_.answer_with(200, R"({"access_token":"abc"})");
        EXPECT_TRUE(fetch(from_environment()));
        EXPECT_TRUE(http_.requests.back().body.reveal().ends_with(std::string("client_secret=") + value));
    }
    ::unsetenv("MAILRAMP_TEST_SECRET");
}

TEST_F(Source, AsksNobodyWithoutASecret) {
    auto without = options();
    without.secret = {SecretPlace::file, "/nonexistent/client_secret", {}};
    const TokenFailure missing = failure(std::move(without));
    EXPECT_EQ(missing.kind, TokenFailureClass::configuration);
    EXPECT_THAT(missing.message, HasSubstr("/nonexistent/client_secret: No such file"));
    EXPECT_FALSE(missing.remedy.empty());
    EXPECT_TRUE(http_.requests.empty());
}

TEST_F(Source, CallsTransportErrorsTransientAndExplainsThem) {
    for (const auto kind : {base::ErrorKind::not_found, base::ErrorKind::timeout, base::ErrorKind::tls,
                            base::ErrorKind::closed, base::ErrorKind::io, base::ErrorKind::limit,
                            base::ErrorKind::protocol, base::ErrorKind::unavailable}) {
        http_.fail_with(kind, "connect: it broke\r\n");
        const TokenFailure broken = failure();
        EXPECT_EQ(broken.kind, TokenFailureClass::transient);
        EXPECT_EQ(broken.http_status, 0);
        EXPECT_EQ(broken.message, "connect: it broke??");
        EXPECT_FALSE(broken.cause.empty());
        EXPECT_FALSE(broken.remedy.empty());
    }
    http_.fail_with(base::ErrorKind::tls, "untrusted");
    EXPECT_THAT(failure().remedy, HasSubstr("ca_file"));
}

TEST_F(Source, TellsCancellationAndMisconfigurationApart) {
    http_.fail_with(base::ErrorKind::cancelled, "stopping");
    EXPECT_EQ(failure().kind, TokenFailureClass::cancelled);
    http_.fail_with(base::ErrorKind::invalid, "not https");
    EXPECT_EQ(failure().kind, TokenFailureClass::configuration);
}

TEST_F(Source, HonoursRetryAfter) {
    http_.answer_with(429, "{}", {{"retry-after", "90"}});
    EXPECT_EQ(failure().retry_after, 90s);
}

TEST_F(Source, NamesItsApplicationInTheRemedy) {
    http_.answer_with(401, R"({"error":"invalid_client","error_codes":[7000215]})");
    EXPECT_THAT(failure().remedy, HasSubstr("application app-id"));
}

TEST_F(Source, NeverRepeatsTheSecretThatAServerRepeats) {
    const std::string echo = std::string(secret_text) + " or " + secret_encoded;
    http_.answer_with(400, R"({"error":"bad )" + echo + R"(","error_description":"you sent )" + echo +
                               R"(","trace_id":")" + echo + "\"}");
    const TokenFailure echoed = failure();
    for (const std::string& text :
         {echoed.error, echoed.message, echoed.cause, echoed.remedy, echoed.trace}) {
        EXPECT_THAT(text, Not(HasSubstr(secret_text)));
        EXPECT_THAT(text, Not(HasSubstr(secret_encoded)));
    }
    EXPECT_THAT(echoed.message, HasSubstr("you sent [secret] or [secret]"));
}

}  // namespace
}  // namespace mailramp::oauth
