#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/provider/reply_catalogue.h"
#include "unit/upstream/report.h"
#include "unit/upstream/world.h"

namespace mailramp::upstream {
namespace {

using namespace std::chrono_literals;
using delivery::AttemptReport;
using delivery::Fate;
using mail::Channel;
using mail::Phase;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Point;
using testing::World;

// ------------------------------------------------------------------ tokens

TEST(SmtpCourier, FetchesANewTokenOnceAfterA535) {
    World world;
    world.server.script.bad_responses.insert(World::response_for("token-1"));
    expect_all(world.deliver(), Fate::delivered);
    EXPECT_EQ(world.source.fetches, 2);
    ASSERT_EQ(world.server.records.size(), 2u);
    EXPECT_EQ(world.server.records[1]->auth_responses.at(0), World::response_for("token-2"));
    EXPECT_EQ(world.courier().status().at(0).tokens_refused, 1u);
}

TEST(SmtpCourier, ReportsTheSecond535AndForcesNoMore) {
    World world;
    world.server.script.point = Point::auth;
    world.server.script.fault = Fault::say;
    world.server.script.text = "535 5.7.3 Authentication unsuccessful [TEST]\r\n";
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).code, 535);
    EXPECT_EQ(answer(report).phase, Phase::auth);
    EXPECT_EQ(world.source.fetches, 2);
    expect_all(world.deliver(), Fate::not_tried);
    EXPECT_EQ(world.source.fetches, 2);  // not more than one forced refresh a minute
}

TEST(SmtpCourier, KeepsATokenThatIsNotToBlame) {
    World world;
    world.server.script.point = Point::auth;
    world.server.script.fault = Fault::say;
    world.server.script.text = "454 4.7.0 Temporary authentication failure\r\n";
    EXPECT_EQ(answer(world.deliver()).code, 454);
    EXPECT_EQ(world.source.fetches, 1);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, ConnectsNowhereWithoutAToken) {
    World world;
    oauth::TokenFailure failure;
    failure.kind = oauth::TokenFailureClass::configuration;
    failure.http_status = 401;
    failure.message = "invalid_client AADSTS7000222: expired";
    failure.retry_after = 30s;
    world.source.failure = failure;
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::http);
    EXPECT_EQ(answer(report).phase, Phase::token);
    EXPECT_EQ(answer(report).code, 401);
    EXPECT_EQ(report.recipients[0].retry_after, 30s);
    EXPECT_TRUE(world.server.records.empty());
}

TEST(SmtpCourier, TellsASecretThatCannotBeReadFromAnEndpointThatCannotBeReached) {
    for (const auto kind : {oauth::TokenFailureClass::configuration, oauth::TokenFailureClass::transient}) {
        World world;
        oauth::TokenFailure failure;
        failure.kind = kind;
        failure.message = "secret file /etc/mailramp/secret is open to other users";
        world.source.failure = failure;
        const mail::Answer said = answer(world.deliver());
        EXPECT_EQ(said.phase, Phase::token);
        EXPECT_EQ(said.text, failure.message);
        const bool unreadable = kind == oauth::TokenFailureClass::configuration;
        EXPECT_EQ(said.channel, unreadable ? Channel::local : Channel::http);
        EXPECT_EQ(provider::classify(provider::Dialect::exchange_online, said).action,
                  unreadable ? provider::Action::pause : provider::Action::retry);
    }
}

TEST(SmtpCourier, LogsNoTokenWhateverHappens) {
    for (const char* text : {"235 ok\r\n", "535 5.7.3 no\r\n", "501 5.5.2 what is this\r\n", "garbage\r\n"}) {
        World world;
        world.server.script.point = Point::auth;
        world.server.script.fault = Fault::say;
        world.server.script.text = text;
        const AttemptReport report = world.deliver();
        for (const char* secret : {"token-1", "token-2"}) {
            EXPECT_THAT(world.log, Not(HasSubstr(secret)));
            EXPECT_THAT(world.log, Not(HasSubstr(World::response_for(secret))));
            EXPECT_THAT(mail::to_string(answer(report)), Not(HasSubstr(secret)));
        }
    }
}

// ------------------------------------------------------------------ TLS

// Nothing but EHLO and STARTTLS went out, and the answer says why.
void expect_distrust(World& world, const char* reason) {
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::tls);
    EXPECT_THAT(answer(report).text, HasSubstr(reason));
    EXPECT_EQ(provider::classify(provider::Dialect::exchange_online, answer(report)).action,
              provider::Action::pause);
    ASSERT_EQ(world.server.records.size(), 1u);
    EXPECT_EQ(world.server.heard(), "EHLO relay.example.com\r\nSTARTTLS\r\n");
}

TEST(SmtpCourier, SendsNoTokenToAServerOfAnUnknownAuthority) {
    const auto other = sandbox::CertificateAuthority::create("Other CA").value();
    World world(testing::Authority::server(other, {}));
    expect_distrust(world, "Other CA");
}

TEST(SmtpCourier, SendsNoTokenToAServerOfAnotherName) {
    World world(testing::Authority::server(testing::authority().ca,
                                           {.common_name = "mx", .names = {"mx.example.com"}}));
    expect_distrust(world, "mismatch");
}

TEST(SmtpCourier, SendsNoTokenToAServerWithAnExpiredCertificate) {
    World world(
        testing::Authority::server(testing::authority().ca, {.valid_from = -48h, .valid_until = -24h}));
    expect_distrust(world, "expired");
}

TEST(SmtpCourier, SendsNoTokenToASelfSignedServer) {
    World world(testing::self_signed_server("127.0.0.1"));
    expect_distrust(world, "self-signed");
}

TEST(SmtpCourier, SendsNoTokenWithoutStarttls) {
    World world;
    world.server.script.ehlo_plain = world.server.script.ehlo_tls;  // offers AUTH in plain text
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_EQ(answer(report).phase, Phase::starttls);
    EXPECT_EQ(world.server.heard(), "EHLO relay.example.com\r\n");
}

TEST(SmtpCourier, RefusesRepliesInjectedBeforeTls) {
    World world;
    world.server.script.starttls += "250-mx.test\r\n250 AUTH XOAUTH2\r\n";
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::tls);
    EXPECT_THAT(world.server.heard(), Not(HasSubstr("AUTH")));
}

TEST(SmtpCourier, SendsNoTokenToAServerThatDoesNotOfferTheLogin) {
    World world;
    world.server.script.ehlo_tls = "250-mx.test\r\n250 AUTH LOGIN PLAIN\r\n";
    const AttemptReport report = world.deliver();
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_EQ(answer(report).code, 504);
    EXPECT_THAT(world.server.heard(), Not(HasSubstr("AUTH")));
}

}  // namespace
}  // namespace mailramp::upstream
