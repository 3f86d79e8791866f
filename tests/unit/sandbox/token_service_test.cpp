#include "sandbox/token_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "mailramp/base/text.h"
#include "sandbox/jwt.h"
#include "sandbox/sasl.h"

namespace mailramp::sandbox {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr base::WallTime t0{1'800'000'000s};

// One key for all tests: making it takes longer than all of them.
const TokenSigner& shared_signer() {
    static const TokenSigner signer = TokenSigner::create().value();
    return signer;
}

class Tokens : public ::testing::Test {
  protected:
    static constexpr std::string_view good =
        "grant_type=client_credentials&client_id=app-1&client_secret=s%2B%2F%7E%3D+x&scope="
        "https%3A%2F%2Foutlook.office365.com%2F.default";

    json::object ask(std::string_view tenant, std::string_view form, int status) {
        const HttpAnswer answer = service_.answer(tenant, form, t0);
        EXPECT_EQ(answer.status, status) << answer.body;
        return json::parse(answer.body).as_object();
    }
    void expect_error(std::string_view tenant, std::string_view form, int status, std::string_view error,
                      int code) {
        const json::object body = ask(tenant, form, status);
        EXPECT_EQ(body.at("error").as_string(), error);
        EXPECT_EQ(body.at("error_codes").as_array().at(0).as_int64(), code);
        EXPECT_THAT(std::string(body.at("error_description").as_string()),
                    ::testing::StartsWith("AADSTS" + std::to_string(code) + ": "));
        EXPECT_TRUE(body.contains("trace_id") && body.contains("correlation_id") &&
                    body.contains("timestamp"));
    }
    static std::string with(std::string_view from, std::string_view to) {
        std::string form(good);
        return form.replace(form.find(from), from.size(), to);
    }

    Directory directory_{{App{"tenant-1", "app-1", "s+/~= x", {"relay@contoso.test"}},
                          App{"tenant-2", "app-2", "other", {"*"}}}};
    const TokenSigner& signer_ = shared_signer();
    Faults faults_;
    TokenService service_{TokenServiceOptions(), directory_, signer_, faults_};
};

TEST_F(Tokens, AreIssuedForTheRightSecretHoweverItIsEncoded) {
    const json::object body = ask("tenant-1", good, 200);
    EXPECT_EQ(body.at("token_type").as_string(), "Bearer");
    EXPECT_EQ(body.at("expires_in").as_int64(), 3599);
    const auto claims = signer_.verify(std::string(body.at("access_token").as_string()), t0);
    ASSERT_TRUE(claims.has_value());
    EXPECT_EQ(claims->audience, "https://outlook.office365.com");
    EXPECT_EQ(claims->tenant, "tenant-1");
    EXPECT_EQ(claims->app_id, "app-1");
    EXPECT_THAT(claims->roles, ::testing::ElementsAre("SMTP.SendAsApp"));
}

TEST_F(Tokens, AreAsLongAsRealOnes) {
    EXPECT_GE(ask("tenant-1", good, 200).at("access_token").as_string().size(), 1200u);
}

TEST_F(Tokens, AreRefusedWithTheCodesOfEntra) {
    expect_error("nowhere", good, 400, "invalid_request", 90002);
    expect_error("tenant-2", good, 400, "unauthorized_client", 700016);
    expect_error("tenant-1", with("client_secret=s", "client_secret=t"), 401, "invalid_client", 7000215);
    expect_error("tenant-1", with("client_secret", "no_secret"), 401, "invalid_client", 7000218);
    expect_error("tenant-1", with(".default", "SMTP.Send"), 400, "invalid_scope", 70011);
    expect_error("tenant-1", with("client_credentials", "password"), 400, "unsupported_grant_type", 70003);
    expect_error("tenant-1", with("client_id", "client"), 400, "invalid_request", 900144);
    expect_error("tenant-1", "", 400, "invalid_request", 900144);
    EXPECT_EQ(service_.counters().calls, 8u);
    EXPECT_EQ(service_.counters().tokens, 0u);
}

TEST_F(Tokens, HaveNoRoleWithoutConsentNorWithRbac) {
    const auto roles = [this] {
        const json::object body = ask("tenant-1", good, 200);
        return signer_.verify(std::string(body.at("access_token").as_string()), t0).value().roles;
    };
    ASSERT_TRUE(faults_.arm(Faults::parse("token-no-role:1").value()));
    EXPECT_THAT(roles(), ::testing::IsEmpty());
    EXPECT_THAT(roles(), ::testing::ElementsAre("SMTP.SendAsApp"));
    TokenServiceOptions rbac;
    rbac.permission = Permission::rbac;
    TokenService service(rbac, directory_, signer_, faults_);
    const json::object body = json::parse(service.answer("tenant-1", good, t0).body).as_object();
    EXPECT_THAT(signer_.verify(std::string(body.at("access_token").as_string()), t0).value().roles,
                ::testing::IsEmpty());
}

TEST_F(Tokens, ForGraphAreNotForExchange) {
    const json::object body = ask("tenant-1", with("outlook.office365.com", "graph.microsoft.com"), 200);
    const auto claims = signer_.verify(std::string(body.at("access_token").as_string()), t0);
    EXPECT_EQ(claims->audience, "https://graph.microsoft.com");
    EXPECT_TRUE(claims->roles.empty());
}

TEST_F(Tokens, FailOnDemand) {
    const auto arm = [this](const char* name) { ASSERT_TRUE(faults_.arm({name, 1, {}}).has_value()); };
    arm("token-500");
    ask("tenant-1", good, 500);
    arm("token-429");
    EXPECT_EQ(service_.answer("tenant-1", good, t0).retry_after, "60");
    arm("token-hang");
    EXPECT_TRUE(service_.answer("tenant-1", good, t0).hang);
    arm("token-html");
    EXPECT_THAT(service_.answer("tenant-1", good, t0).content_type, HasSubstr("text/html"));
    arm("token-crlf");
    EXPECT_THAT(std::string(ask("tenant-1", good, 200).at("access_token").as_string()), HasSubstr("\r\n"));
    arm("token-expired-secret");
    expect_error("tenant-1", good, 401, "invalid_client", 7000222);
    arm("token-no-role");
    const auto body = ask("tenant-1", good, 200);
    EXPECT_TRUE(signer_.verify(std::string(body.at("access_token").as_string()), t0)->roles.empty());
    ask("tenant-1", good, 200);
}

TEST_F(Tokens, EndAtTheirTime) {
    const std::string token = signer_.mint({"aud", "t", "a", {}, 100s}, t0).value();
    EXPECT_TRUE(signer_.verify(token, t0 + 99s).has_value());
    EXPECT_FALSE(signer_.verify(token, t0 + 100s).has_value());
    EXPECT_TRUE(signer_.verify(token, t0 - 300s).has_value());
    EXPECT_FALSE(signer_.verify(token, t0 - 301s).has_value());
}

TEST_F(Tokens, OfAnotherSignerOrWithOtherClaimsAreForged) {
    const std::string token = signer_.mint({"aud", "t", "a", {}, 100s}, t0).value();
    const TokenSigner stranger = TokenSigner::create().value();
    EXPECT_FALSE(stranger.verify(token, t0).has_value());
    std::string changed = token;
    const std::size_t middle = changed.find('.') + 10;
    changed[middle] = changed[middle] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(signer_.verify(changed, t0).has_value());
    for (const char* broken : {"", ".", "..", "a.b", "a.b.c", "====.====.===="})
        EXPECT_FALSE(signer_.verify(broken, t0).has_value()) << broken;
}

TEST(Form, IsDecoded) {
    const auto form = parse_form("a=1+2&b=%41%zz%4&c&=d&a=3");
    EXPECT_EQ(form.at("a"), "3");
    EXPECT_EQ(form.at("b"), "A%zz%4");
    EXPECT_EQ(form.at("c"), "");
    EXPECT_EQ(form.at(""), "d");
}

TEST(Base64url, HasNoPaddingAndItsOwnAlphabet) {
    EXPECT_EQ(base64url_encode("\xfb\xff\xfe"), "-__-");
    EXPECT_EQ(base64url_encode("a"), "YQ");
    EXPECT_EQ(base64url_decode("-__-").value(), "\xfb\xff\xfe");
    EXPECT_FALSE(base64url_decode("+//+").has_value());
    EXPECT_FALSE(base64url_decode("YQ==").has_value());
}

// The vectors that Microsoft and Google publish.
TEST(Xoauth2, ReadsTheVendorsExamples) {
    const auto microsoft = parse_xoauth2(
        "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQlda"
        "V0NjbFJDM0V"
        "vQUEBAQ==");
    ASSERT_TRUE(microsoft.has_value());
    EXPECT_EQ(microsoft->user, "test@contoso.onmicrosoft.com");
    EXPECT_EQ(microsoft->token, "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA");
    const auto google = parse_xoauth2(
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRH"
        "RXVZMjl0Q2c"
        "BAQ==");
    ASSERT_TRUE(google.has_value());
    EXPECT_EQ(google->user, "someuser@example.com");
}

TEST(Xoauth2, TakesNothingThatIsAlmostRight) {
    using base::base64_encode;
    using namespace std::string_literals;
    for (const std::string& raw :
         {"user=a\1auth=Bearer t\1"s, "user=a\1auth=Bearer t\1\1\n"s, "user=a\1auth=bearer t\1\1"s,
          "user=a\1\1auth=Bearer t\1\1"s, "auth=Bearer t\1user=a\1\1"s, "user=\1auth=Bearer t\1\1"s,
          "user=a\1auth=Bearer \1\1"s, ""s})
        EXPECT_FALSE(parse_xoauth2(base64_encode(raw)).has_value()) << raw;
    EXPECT_FALSE(parse_xoauth2("not base64").has_value());
}

TEST(Oauthbearer, IsReadAsTheRfcWritesIt) {
    const auto login = parse_oauthbearer(
        "bixhPXJlbGF5QGV4YW1wbGUuY29tLAFob3N0PXNtdHAub2ZmaWNlMzY1LmNvbQFwb3J0PTU4NwFhdXRoPUJlYXJlciBURVNUVE9L"
        "RU4ubm90LmE"
        "uc2VjcmV0AQE=");
    ASSERT_TRUE(login.has_value());
    EXPECT_EQ(login->user, "relay@example.com");
    EXPECT_EQ(login->token, "TESTTOKEN.not.a.secret");
}

TEST(Directory, ReadsAnApplicationWhoseSecretHasColons) {
    const App app = parse_app("Tenant:Client:se:cr:et:A@contoso.test,b@contoso.test").value();
    EXPECT_EQ(app.tenant, "tenant");
    EXPECT_EQ(app.client_id, "client");
    EXPECT_EQ(app.secret, "se:cr:et");
    EXPECT_THAT(app.mailboxes, ::testing::ElementsAre("a@contoso.test", "b@contoso.test"));
    EXPECT_EQ(parse_app("t:c::m@x").value().secret, "");
    for (const char* wrong : {"", "t", "t:c", "t:c:s", "t:c:s:", ":c:s:m", "t::s:m", "t:c:s:,m"})
        EXPECT_FALSE(parse_app(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace mailramp::sandbox
