#include "mailramp/upstream/smtp_courier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/provider/reply_catalogue.h"
#include "unit/upstream/report.h"
#include "unit/upstream/world.h"

namespace mailramp::upstream {
namespace {

using delivery::AttemptReport;
using delivery::Fate;
using mail::Channel;
using mail::Phase;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::World;

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
