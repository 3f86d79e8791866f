#include "mailramp/upstream/smtp_courier.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/provider/reply_catalogue.h"
#include "unit/io/hanging.h"
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

void expect_all(const AttemptReport& report, Fate fate) {
    ASSERT_EQ(report.recipients.size(), 2u);
    for (const delivery::RecipientReport& recipient : report.recipients)
        EXPECT_EQ(recipient.fate, fate) << mail::to_string(recipient.answer);
}

const mail::Answer& answer(const AttemptReport& report) {
    return report.recipients.at(0).answer;
}

// ------------------------------------------------------------------ what works

TEST(SmtpCourier, SubmitsWithTlsAndToken) {
    World world;
    const AttemptReport report = world.deliver("Subject: x\r\n\r\n.dot\r\n");
    expect_all(report, Fate::delivered);
    EXPECT_EQ(report.receipt, "OK <receipt@mx.test> [Hostname=MX.TEST]");
    ASSERT_EQ(world.server.records.size(), 1u);
    EXPECT_EQ(world.server.records[0]->plain, "EHLO relay.example.com\r\nSTARTTLS\r\n");
    EXPECT_EQ(world.server.records[0]->encrypted,
              "EHLO relay.example.com\r\nAUTH XOAUTH2 " + World::response_for("token-1") +
                  "\r\nMAIL FROM:<relay@example.com>\r\nRCPT TO:<a@example.net>\r\nRCPT "
                  "TO:<b@example.net>\r\nDATA\r\n"
                  "Subject: x\r\n\r\n..dot\r\n.\r\n");
    EXPECT_THAT(world.log, HasSubstr("connected"));
    EXPECT_THAT(world.log, HasSubstr("TLSv1.3"));
}

TEST(SmtpCourier, SubmitsWithATokenOfEntrasLength) {
    World world;
    world.source.padding = 2000;
    expect_all(world.deliver(), Fate::delivered);
    EXPECT_THAT(world.server.records[0]->encrypted, HasSubstr("\r\nAUTH XOAUTH2\r\ndXNlcj1"));
}

TEST(SmtpCourier, ReusesAWarmConnection) {
    World world;
    for (int i = 0; i < 3; ++i)
        expect_all(world.deliver(), Fate::delivered);
    EXPECT_EQ(world.server.records.size(), 1u);
    EXPECT_EQ(world.source.fetches, 1);
    const MailboxStatus status = world.courier().status().at(0);
    EXPECT_EQ(status.connections_opened, 1u);
    EXPECT_EQ(status.connections_reused, 2u);
    EXPECT_EQ(status.connections_idle, 1u);
    EXPECT_EQ(status.recipients_delivered, 6u);
}

TEST(SmtpCourier, SendsALargeMessageInPieces) {
    World world;
    std::string content = "Subject: large\r\n\r\n";
    while (content.size() < 3'000'000)
        content += ".starts with a dot and goes on for a while\r\n";
    expect_all(world.deliver(content), Fate::delivered);
    ASSERT_EQ(world.server.messages(), 1u);
    EXPECT_TRUE(world.server.records[0]->messages[0] == content);
}

io::Task<> deliver_into(SmtpCourier& courier, delivery::Submission submission,
                        std::optional<AttemptReport>& report) {
    report = co_await courier.deliver(std::move(submission));
}

TEST(SmtpCourier, HasNoMoreConnectionsThanAllowed) {
    World world;
    std::array<std::optional<AttemptReport>, 4> reports;
    for (auto& report : reports)
        world.loop.spawn(deliver_into(world.courier(), world.submission(), report));
    world.until([&] { return world.server.messages() == 4; });
    expect_all(world.deliver(), Fate::delivered);
    for (const auto& report : reports) {
        ASSERT_TRUE(report.has_value());
        expect_all(*report, Fate::delivered);
    }
    EXPECT_EQ(world.server.records.size(), 2u);
}

TEST(SmtpCourier, SpeaksPlainTextToALocalServerWithoutAuthentication) {
    World world;
    world.options.starttls = smtp::StartTls::none;
    world.options.authentication = smtp::Authentication::none;
    expect_all(world.deliver(), Fate::delivered);
    EXPECT_EQ(world.source.fetches, 0);
    EXPECT_THAT(world.server.records[0]->plain, Not(HasSubstr("STARTTLS")));
}

// ------------------------------------------------------------------ warm connections

TEST(SmtpCourier, ReplacesAWarmConnectionThatDiedWithoutLosingAnAttempt) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.server.cut_connections();
    expect_all(world.deliver(), Fate::delivered);
    EXPECT_EQ(world.server.records.size(), 2u);
    EXPECT_EQ(world.courier().status().at(0).connections_replaced, 1u);
}

TEST(SmtpCourier, ReplacesAWarmConnectionThatEndsAtMail) {
    for (const Fault fault : {Fault::drop, Fault::say}) {
        World world;
        expect_all(world.deliver(), Fate::delivered);
        world.server.script.point = Point::mail;
        world.server.script.fault = fault;
        world.server.script.text = "421 4.4.1 Connection timed out\r\n";
        world.server.script.times = 1;
        expect_all(world.deliver(), Fate::delivered);
        EXPECT_EQ(world.server.records.size(), 2u);
        EXPECT_EQ(world.courier().status().at(0).connections_replaced, 1u);
    }
}

TEST(SmtpCourier, DoesNotTryAFreshConnectionTwice) {
    World world;
    world.server.script.point = Point::mail;
    world.server.script.fault = Fault::drop;
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, NeverRepeatsAMessageWhoseEndWentOut) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.server.script.point = Point::body_end;
    world.server.script.fault = Fault::drop;
    expect_all(world.deliver(), Fate::uncertain);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, SaysGoodbyeToAnIdleConnection) {
    World world;
    world.options.pool.idle_timeout = 1ms;
    world.loop.spawn(world.courier().maintain());
    expect_all(world.deliver(), Fate::delivered);
    world.until([&] { return world.server.records[0]->ended; });
    EXPECT_TRUE(world.server.records[0]->said_quit);
    EXPECT_EQ(world.courier().status().at(0).connections_idle, 0u);
    world.courier().stop();
}

TEST(SmtpCourier, SaysGoodbyeWhenItStops) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.courier().stop();
    world.until([&] { return world.server.records[0]->ended; });
    EXPECT_TRUE(world.server.records[0]->said_quit);
}

TEST(SmtpCourier, EndsAConnectionWithTheTokenThatOpenedIt) {
    World world;
    world.source.life = 200ms;
    world.options.pool.session_age_max = world.options.pool.idle_timeout = 5h;
    world.loop.spawn(world.courier().maintain());
    expect_all(world.deliver(), Fate::delivered);
    world.until([&] { return world.server.records[0]->ended; });
    EXPECT_TRUE(world.server.records[0]->said_quit);
    world.courier().stop();
}

TEST(SmtpCourier, CutsWhatIsUnderWayWhenAborted) {
    World world;
    world.server.script.point = Point::body_end;
    world.server.script.fault = Fault::hang;
    std::optional<AttemptReport> report;
    world.loop.spawn(deliver_into(world.courier(), world.submission(), report));
    while (world.server.heard().find("\r\n.\r\n") == std::string::npos)
        world.loop.context().run_one();
    world.courier().abort();
    world.until([&] { return world.server.records[0]->ended; });
    while (!report)
        world.loop.context().run_one();
    expect_all(*report, Fate::uncertain);
}

// Nothing was sent and nothing says anything against the message or the mailbox.
void expect_stopping(const AttemptReport& report) {
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_EQ(answer(report).phase, Phase::connect);
    EXPECT_EQ(answer(report).text, "the daemon is stopping");
    const provider::Verdict verdict = provider::classify(provider::Dialect::exchange_online, answer(report));
    EXPECT_EQ(verdict.action, provider::Action::retry);
    EXPECT_EQ(verdict.radius, provider::Radius::connection);
}

TEST(SmtpCourier, EndsALookupWhenAborted) {
    World world;
    const io::testing::HungNameServer names(world.loop);
    world.options.host = "hung.example";
    world.options.connect.resolve_timeout = io::testing::patient;
    SmtpCourier& courier = world.courier();
    expect_stopping(world.loop.run(courier.deliver(world.submission()), [&] { courier.abort(); }));
    EXPECT_EQ(courier.status().at(0).connections_in_use, 0u);
}

TEST(SmtpCourier, EndsAnUnansweredConnectionWhenAborted) {
    World world;
    const io::testing::FullListener full(world.loop);
    world.options.port = full.endpoint().port;
    world.options.connect.address_timeout = io::testing::patient;
    SmtpCourier& courier = world.courier();
    expect_stopping(world.loop.run(courier.deliver(world.submission()), [&] { courier.abort(); }));
    EXPECT_EQ(courier.status().at(0).connections_in_use, 0u);
}

TEST(SmtpCourier, EndsALoginWhenAborted) {
    World world;
    world.server.script.point = Point::auth;
    world.server.script.fault = Fault::hang;
    std::optional<AttemptReport> report;
    world.loop.spawn(deliver_into(world.courier(), world.submission(), report));
    while (world.server.heard().find("AUTH") == std::string::npos)
        world.loop.context().run_one();
    world.courier().abort();
    while (!report)
        world.loop.context().run_one();
    expect_stopping(*report);
}

TEST(SmtpCourier, EndsTheWaitForAPlaceWhenAborted) {
    World world;
    world.options.pool.connections_max = 1;
    world.server.script.point = Point::body_end;
    world.server.script.fault = Fault::hang;
    std::optional<AttemptReport> first;
    std::optional<AttemptReport> second;
    world.loop.spawn(deliver_into(world.courier(), world.submission(), first));
    world.loop.spawn(deliver_into(world.courier(), world.submission(), second));
    while (world.server.heard().find("\r\n.\r\n") == std::string::npos)
        world.loop.context().run_one();
    world.courier().abort();
    while (!first || !second)
        world.loop.context().run_one();
    expect_all(*first, Fate::uncertain);
    expect_stopping(*second);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, EndsTheWaitForATokenWhenTheCacheStops) {
    World world;
    io::Event never(world.loop.executor());
    world.source.hangs_on = &never;
    SmtpCourier& courier = world.courier();
    expect_stopping(world.loop.run(courier.deliver(world.submission()), [&] { world.tokens.stop(); }));
    EXPECT_TRUE(world.server.records.empty());
}

TEST(SmtpCourier, TriesNothingOnceAborted) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.courier().abort();
    expect_stopping(world.deliver());
    EXPECT_EQ(world.server.messages(), 1u);
}

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

// ------------------------------------------------------------------ where mail may not go

TEST(SmtpCourier, RefusesItsOwnListener) {
    for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
        World world;
        world.own_listeners.push_back({address, world.server.port()});
        const AttemptReport report = world.deliver();
        expect_all(report, Fate::not_tried);
        EXPECT_THAT(answer(report).text, HasSubstr("circles"));
        EXPECT_EQ(provider::classify(provider::Dialect::any, answer(report)).action, provider::Action::pause);
        EXPECT_EQ(world.server.heard(), "");
    }
}

TEST(SmtpCourier, ReportsAServerThatIsNotThere) {
    World world;
    world.options.port = 1;  // nobody listens there
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::connect);
    EXPECT_EQ(answer(report).code, 0);
    EXPECT_THAT(answer(report).text, HasSubstr("127.0.0.1"));
}

TEST(SmtpCourier, ReportsAMailboxThatIsNoLongerConfigured) {
    World world;
    delivery::Submission submission = world.submission();
    submission.mailbox = "gone";
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
}

TEST(SmtpCourier, RefusesAMessageThatTheServerCannotTake) {
    World world;
    world.server.script.ehlo_tls = "250-mx.test\r\n250-SIZE 10\r\n250 AUTH XOAUTH2\r\n";
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::refused);
    EXPECT_EQ(answer(report).enhanced, "5.3.4");
    EXPECT_EQ(world.courier().status().at(0).connections_idle, 1u);  // the connection stays warm
}

// ------------------------------------------------------------------ what goes wrong on the way

struct Trouble {
    const char* name;
    Fault fault;
    const char* text;
};
constexpr Trouble troubles[] = {
    {"drop", Fault::drop, ""},
    {"421", Fault::say, "421 4.3.2 Service not available\r\n"},
    {"4xx", Fault::say, "451 4.7.0 Temporary server error. Please try again later. PRX2\r\n"},
    {"5xx", Fault::say, "554 5.9.9 no\r\n"},
    {"garbage", Fault::say, "\x15\x03\x01 what\r\n"},
    {"endless line", Fault::say, nullptr},
    {"hang", Fault::hang, ""},
};

Phase phase_of(Point point) {
    switch (point) {
        case Point::none:
            return Phase::none;
        case Point::banner:
            return Phase::banner;
        case Point::ehlo:
        case Point::ehlo_again:
            return Phase::ehlo;
        case Point::starttls:
            return Phase::starttls;
        case Point::tls:
            return Phase::tls;
        case Point::auth:
            return Phase::auth;
        case Point::mail:
            return Phase::mail;
        case Point::rcpt:
            return Phase::rcpt;
        case Point::data:
            return Phase::data;
        case Point::body:
            return Phase::body;
        case Point::body_end:
            return Phase::body_end;
    }
    return Phase::none;
}

// The one that ends the wait when the server hangs there. The others stay as they are, since this machine may
// be busy.
base::Duration& timeout_of(Point point, Timeouts& timeouts) {
    switch (point) {
        case Point::none:
        case Point::banner:
            return timeouts.banner_timeout;
        case Point::ehlo:
        case Point::ehlo_again:
            return timeouts.ehlo_timeout;
        case Point::starttls:
            return timeouts.starttls_timeout;
        case Point::tls:
            return timeouts.tls_timeout;
        case Point::auth:
            return timeouts.auth_timeout;
        case Point::mail:
        case Point::rcpt:
        case Point::data:
            return timeouts.envelope_timeout;
        case Point::body:
        case Point::body_end:
            return timeouts.body_end_timeout;
    }
    return timeouts.banner_timeout;
}

class TroubleAt : public ::testing::TestWithParam<Point> {};

TEST_P(TroubleAt, IsReportedAndOvercome) {
    for (const Trouble& trouble : troubles) {
        SCOPED_TRACE(trouble.name);
        World world;
        if (trouble.fault == Fault::hang) timeout_of(GetParam(), world.options.timeouts) = 500ms;
        testing::Script& script = world.server.script;
        script.point = GetParam();
        script.fault = trouble.fault;
        script.text = trouble.text != nullptr ? trouble.text : std::string(100'000, '2');
        const bool reply = script.text.starts_with("4") || script.text.starts_with("5");
        // While content flows nobody waits for the server, so its silence goes unnoticed until the end.
        const bool unnoticed = GetParam() == Point::body && trouble.fault == Fault::hang;
        const Point noticed = unnoticed ? Point::body_end : GetParam();
        // In place of a handshake any octets are garbage.
        const bool refusal = reply && GetParam() != Point::tls;

        // So much that it still flows when the server speaks up.
        std::string content = "Subject: x\r\n\r\n";
        while (GetParam() == Point::body && content.size() < 16'000'000)
            content += std::string(998, 'x') + "\r\n";
        const AttemptReport report = world.deliver(content);
        ASSERT_EQ(report.recipients.size(), 2u);
        for (const delivery::RecipientReport& recipient : report.recipients) {
            const bool first_or_all = &recipient == &report.recipients[0] || GetParam() != Point::rcpt;
            EXPECT_EQ(recipient.answer.channel, Channel::smtp);
            EXPECT_FALSE(recipient.answer.text.empty());
            EXPECT_LE(recipient.answer.text.size(), mail::answer_text_bytes_max);
            EXPECT_NE(recipient.fate, Fate::delivered);
            EXPECT_EQ(recipient.fate == Fate::uncertain, noticed == Point::body_end && !refusal);
            if (first_or_all) {
                EXPECT_EQ(recipient.answer.phase, phase_of(noticed));
                EXPECT_EQ(recipient.answer.code, refusal ? std::stoi(script.text.substr(0, 3)) : 0);
            }
        }
        EXPECT_EQ(world.server.messages(), 0u);

        // And the mailbox recovers by itself.
        script.fault = Fault::none;
        script.point = Point::none;
        expect_all(world.deliver(), Fate::delivered);
        EXPECT_EQ(world.server.messages(), 1u);
    }
}

INSTANTIATE_TEST_SUITE_P(EveryPoint, TroubleAt,
                         ::testing::Values(Point::banner, Point::ehlo, Point::starttls, Point::tls,
                                           Point::ehlo_again, Point::auth, Point::mail, Point::rcpt,
                                           Point::data, Point::body, Point::body_end));

TEST(SmtpCourier, HearsARefusalOfAServerThatNoLongerReads) {
    World world;
    world.server.script.point = Point::body;
    world.server.script.fault = Fault::say_and_stop;
    world.server.script.text = "452 4.3.1 Insufficient system resources\r\n";
    const AttemptReport report = world.deliver(std::string(32'000'000, 'x'));  // more than any socket buffer
    expect_all(report, Fate::refused);
    EXPECT_EQ(answer(report).phase, Phase::body);
    EXPECT_EQ(answer(report).code, 452);
}

TEST(SmtpCourier, ReportsContentThatCannotBeRead) {
    World world;
    delivery::Submission submission = world.submission();
    submission.content = [](std::uint64_t, std::size_t) -> io::Task<base::Result<std::string>> {
        co_return base::fail(base::ErrorKind::io, "read /spool/1: Input/output error");
    };
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_THAT(answer(report).text, HasSubstr("Input/output error"));
    EXPECT_EQ(world.server.messages(), 0u);
    expect_all(world.deliver(), Fate::delivered);
}

TEST(SmtpCourier, EndsAnAttemptAtItsDeadline) {
    World world;
    world.server.script.point = Point::mail;
    world.server.script.fault = Fault::hang;
    delivery::Submission submission = world.submission();
    submission.deadline = world.clock.steady() + 300ms;
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
}

TEST(SmtpCourier, EndsALookupAtTheDeadlineOfItsAttempt) {
    World world;
    const io::testing::HungNameServer names(world.loop);
    world.options.host = "hung.example";
    world.options.connect.resolve_timeout = io::testing::patient;
    delivery::Submission submission = world.submission();
    submission.deadline = world.clock.steady() + 20ms;
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::resolve);
}

// ------------------------------------------------------------------ content

io::Task<base::Result<std::string>> jump_and_read(World& world, base::Duration ahead,
                                                  delivery::ContentReader read, std::uint64_t offset,
                                                  std::size_t octets_max) {
    world.clock.ahead = ahead;
    co_return co_await read(offset, octets_max);
}

// Half an hour passes from the beginning of the attempt to the first octet of content.
AttemptReport deliver_late(World& world, std::string content) {
    world.clock.ahead = -30min;
    delivery::Submission submission = world.submission(std::move(content));
    submission.content = [&world, read = submission.content](std::uint64_t offset, std::size_t octets_max) {
        return jump_and_read(world, 0min, read, offset, octets_max);
    };
    return world.loop.run(world.courier().deliver(std::move(submission)));
}

TEST(SmtpCourier, WaitsForTheFinalReplyPastTheDeadline) {
    World world;
    world.options.timeouts.content_bytes_per_second_min = 1;
    expect_all(deliver_late(world, std::string(3600, 'x')), Fate::delivered);
}

TEST(SmtpCourier, SendsBigContentPastTheDeadlineAsLongAsItFlows) {
    World world;
    world.options.timeouts.content_bytes_per_second_min = 1000;
    std::string content;
    while (content.size() < 4'000'000)
        content += std::string(998, 'x') + "\r\n";
    expect_all(deliver_late(world, content), Fate::delivered);
    EXPECT_EQ(world.server.records.at(0)->messages.at(0), content);
}

TEST(SmtpCourier, GivesUpContentThatFlowsTooSlowly) {
    World world;
    world.options.timeouts.content_bytes_per_second_min = 1000;
    const AttemptReport report = deliver_late(world, std::string(1'000'000, 'x'));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::body);
    EXPECT_THAT(answer(report).text, HasSubstr("too slowly"));
    EXPECT_EQ(world.server.messages(), 0u);
}

TEST(SmtpCourier, GivesUpAServerThatNoLongerTakesContent) {
    World world;
    world.server.script.point = Point::body;
    world.server.script.fault = Fault::say_and_stop;
    world.options.timeouts.body_timeout = 100ms;
    world.options.timeouts.last_words_timeout = 1ms;
    const AttemptReport report = world.deliver(std::string(32'000'000, 'x'));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::body);
}

TEST(SmtpCourier, ReadsEveryOctetOfContentOnce) {
    World world;
    world.options.body_piece_bytes = 16;
    delivery::Submission submission = world.submission(std::string(30, 'x') + "\r\n");
    std::vector<std::pair<std::uint64_t, std::size_t>> reads;
    submission.content = [&reads, read = submission.content](std::uint64_t offset, std::size_t octets_max) {
        reads.emplace_back(offset, octets_max);
        return read(offset, octets_max);
    };
    expect_all(world.loop.run(world.courier().deliver(std::move(submission))), Fate::delivered);
    EXPECT_THAT(reads, ::testing::ElementsAre(::testing::Pair(0, 16), ::testing::Pair(16, 16)));
    EXPECT_EQ(world.server.records.at(0)->messages.at(0), std::string(30, 'x') + "\r\n");
}

TEST(SmtpCourier, SendsNoMessageWhoseContentIsNotAsLongAsSaid) {
    for (const int difference : {-1, 1}) {
        World world;
        delivery::Submission submission = world.submission();
        submission.size_bytes -= static_cast<std::uint64_t>(difference);
        submission.content = [](std::uint64_t offset, std::size_t) -> io::Task<base::Result<std::string>> {
            const std::string content = "Subject: x\r\n\r\nHello\r\n";
            co_return content.substr(std::min<std::size_t>(offset, content.size()));
        };
        const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
        expect_all(report, Fate::not_tried);
        EXPECT_EQ(answer(report).channel, Channel::local);
        EXPECT_EQ(world.server.messages(), 0u);
    }
}

// ------------------------------------------------------------------ options

TEST(CheckServerOptions, AllowsPlainTextOnlyOnThisMachineAndWithoutALogin) {
    ServerOptions options;
    options.mailbox = "m";
    options.user = "u@example.com";
    options.host = "smtp.office365.com";
    EXPECT_TRUE(check(options));
    options.starttls = smtp::StartTls::none;
    EXPECT_FALSE(check(options));
    options.authentication = smtp::Authentication::none;
    EXPECT_FALSE(check(options));
    for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
        options.host = host;
        EXPECT_TRUE(check(options)) << host;
    }
    for (const char* host :
         {"127.example.com", "192.0.2.1", "::", "0.0.0.0", "localhost.example.com", "1127.0.0.1"}) {
        options.host = host;
        EXPECT_FALSE(check(options)) << host;
    }
    options.host = "127.0.0.1";
    options.authentication = smtp::Authentication::xoauth2;
    EXPECT_FALSE(check(options));
}

TEST(CheckServerOptions, WantsHostPortUserAndAConnection) {
    ServerOptions good;
    good.mailbox = "m";
    good.user = "u@example.com";
    good.host = "mx.example.com";
    ASSERT_TRUE(check(good));
    ServerOptions options = good;
    options.host = "";
    EXPECT_FALSE(check(options));
    options = good;
    options.port = 0;
    EXPECT_FALSE(check(options));
    options = good;
    options.user = "";
    EXPECT_FALSE(check(options));
    options = good;
    options.pool.connections_max = 0;
    EXPECT_FALSE(check(options));
}

TEST(IsOwnListener, KnowsListenersOnEveryAddress) {
    const std::vector<io::Endpoint> own{{"192.0.2.1", 25}, {"0.0.0.0", 2525}};
    EXPECT_TRUE(is_own_listener("192.0.2.1", 25, own));
    EXPECT_FALSE(is_own_listener("192.0.2.1", 587, own));
    EXPECT_FALSE(is_own_listener("192.0.2.2", 25, own));
    EXPECT_TRUE(is_own_listener("127.0.0.1", 2525, own));
    EXPECT_FALSE(is_own_listener("198.51.100.1", 2525, own));
}

TEST(SmtpCourier, IsNotMadeFromMailboxesThatCannotWork) {
    World world;
    const auto make = [&world](std::vector<ServerOptions> servers, std::optional<io::TlsClient> tls,
                               oauth::TokenCache* tokens) {
        std::vector<CourierMailbox> mailboxes;
        for (ServerOptions& server : servers)
            mailboxes.push_back({std::move(server), tokens});
        return SmtpCourier::create(std::move(mailboxes), std::move(tls), {}, world.loop.executor(),
                                   world.clock, {});
    };
    const auto& tls = testing::authority().client;
    EXPECT_TRUE(make({world.options}, tls, &world.tokens));
    EXPECT_FALSE(make({world.options}, tls, nullptr));
    EXPECT_FALSE(make({world.options}, std::nullopt, &world.tokens));
    EXPECT_FALSE(make({world.options, world.options}, tls, &world.tokens));
    ServerOptions bad = world.options;
    bad.starttls = smtp::StartTls::none;
    EXPECT_FALSE(make({bad}, tls, &world.tokens));
}

}  // namespace
}  // namespace mailramp::upstream
