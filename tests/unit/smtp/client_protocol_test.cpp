#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/smtp/client_dialog.h"

namespace mailramp::smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Step = ClientProtocol::Step;
using mail::Channel;
using mail::Phase;

class GoodSession : public ::testing::TestWithParam<ClientDialog::Pieces> {};

TEST_P(GoodSession, SendsAMessageInOnePipelinedGroup) {
    std::vector<std::string> states;
    ClientOptions options;
    options.ehlo_name = "relay.example.com";
    options.trace = [&states](std::string_view from, std::string_view to) {
        states.push_back(std::string(from) + " -> " + std::string(to));
    };
    ClientDialog d(options, GetParam());
    EXPECT_EQ(d.protocol.phase(), Phase::banner);
    EXPECT_EQ(d.sent(), "");
    d.reply(banner);
    EXPECT_EQ(d.exchange(ehlo_plain), "EHLO relay.example.com\r\n");
    EXPECT_EQ(d.exchange("220 2.0.0 SMTP server ready\r\n"), "STARTTLS\r\n");
    ASSERT_EQ(d.protocol.next(), Step::start_tls);
    EXPECT_EQ(d.sent(), "");
    d.protocol.tls_started();
    EXPECT_EQ(d.exchange(ehlo_tls), "EHLO relay.example.com\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_credentials);
    d.protocol.authenticate("relay@example.com", base::Secret("TESTTOKEN.not.a.secret"));
    EXPECT_EQ(
        d.exchange("235 2.7.0 Authentication successful\r\n"),
        "AUTH XOAUTH2 dXNlcj1yZWxheUBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBURVNUVE9LRU4ubm90LmEuc2VjcmV0AQE=\r\n");
    ASSERT_EQ(d.protocol.next(), Step::ready);

    d.submit({"a@example.net", "b@example.net"});
    EXPECT_EQ(d.exchange("250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n250 2.1.5 Recipient OK\r\n"
                         "354 Start mail input; end with <CRLF>.<CRLF>\r\n"),
              "MAIL FROM:<relay@example.com> SIZE=100\r\nRCPT TO:<a@example.net>\r\nRCPT "
              "TO:<b@example.net>\r\nDATA\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_body);
    EXPECT_EQ(d.send_content("Subject: x\r\n\r\n.dot\r\n"), "Subject: x\r\n\r\n..dot\r\n.\r\n");
    EXPECT_EQ(d.protocol.phase(), Phase::body_end);
    d.reply("250 2.0.0 OK <id@example.com> [Hostname=AM0PR.prod.outlook.com]\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_THAT(fates(outcomes), ElementsAre(RecipientFate::delivered, RecipientFate::delivered));
    EXPECT_EQ(outcomes[0].answer.text, "OK <id@example.com> [Hostname=AM0PR.prod.outlook.com]");
    EXPECT_EQ(d.protocol.next(), Step::ready);
    d.protocol.quit();
    EXPECT_EQ(d.exchange("221 2.0.0 Service closing transmission channel\r\n"), "QUIT\r\n");
    EXPECT_EQ(d.protocol.next(), Step::closed);
    EXPECT_THAT(states, ElementsAre("banner -> ehlo", "ehlo -> starttls", "starttls -> tls", "tls -> ehlo",
                                    "ehlo -> credentials", "credentials -> auth", "auth -> ready",
                                    "ready -> transaction", "transaction -> body", "body -> body_end",
                                    "body_end -> submitted", "submitted -> ready", "ready -> quit",
                                    "quit -> closed"));
}

INSTANTIATE_TEST_SUITE_P(Pieces, GoodSession,
                         ::testing::Values(ClientDialog::Pieces::whole, ClientDialog::Pieces::single_octets));

TEST(ClientProtocol, GoesStepByStepWithoutPipelining) {
    ClientDialog d;
    d.to_ready(ehlo_step_by_step);
    d.submit({"a@example.net", "b@example.net"});
    EXPECT_EQ(d.exchange("250 ok\r\n"), "MAIL FROM:<relay@example.com>\r\n");
    EXPECT_EQ(d.protocol.phase(), Phase::rcpt);
    EXPECT_EQ(d.exchange("550 5.1.1 no such user\r\n"), "RCPT TO:<a@example.net>\r\n");
    EXPECT_EQ(d.exchange("250 ok\r\n"), "RCPT TO:<b@example.net>\r\n");
    EXPECT_EQ(d.protocol.phase(), Phase::data);
    EXPECT_EQ(d.exchange("354 go\r\n"), "DATA\r\n");
    d.send_content();
    d.reply("250 2.0.0 OK\r\n");
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_THAT(fates(outcomes), ElementsAre(RecipientFate::refused, RecipientFate::delivered));
    EXPECT_EQ(outcomes[0].answer, (mail::Answer{Channel::smtp, Phase::rcpt, 550, "5.1.1", "no such user"}));
}

TEST(ClientProtocol, SendsManyMessagesInOneSession) {
    ClientDialog d;
    d.to_ready();
    for (int i = 0; i < 3; ++i) {
        d.submit({"a@example.net"});
        EXPECT_THAT(d.exchange("250 ok\r\n250 ok\r\n354 go\r\n"), Not(HasSubstr("RSET")));
        d.send_content();
        d.reply("250 2.0.0 OK\r\n");
        EXPECT_THAT(fates(d.protocol.take_outcomes()), ElementsAre(RecipientFate::delivered));
    }
}

TEST(ClientProtocol, WorksWithoutTlsAndAuthenticationWhenBothAreOff) {
    ClientDialog d(plain_options());
    d.reply("220 smart.host\r\n");
    EXPECT_EQ(d.exchange("250 smart.host\r\n"), "EHLO localhost\r\n");
    EXPECT_EQ(d.protocol.next(), Step::ready);
}

TEST(ClientProtocol, NeedsNoReplyToQuit) {
    ClientDialog d;
    d.to_ready();
    d.protocol.quit();
    EXPECT_EQ(d.sent(), "QUIT\r\n");
    d.protocol.connection_lost({base::ErrorKind::closed, "closed"});
    EXPECT_EQ(d.protocol.next(), Step::closed);
    ClientDialog early;
    early.reply(banner);
    early.protocol.quit();
    EXPECT_EQ(early.protocol.next(), Step::closed);
}

}  // namespace
}  // namespace mailramp::smtp
