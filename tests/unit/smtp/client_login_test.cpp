#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/smtp/client_dialog.h"

namespace mailramp::smtp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Step = ClientProtocol::Step;
using mail::Channel;
using mail::Phase;

TEST(ClientProtocol, SendsNothingWithoutStarttls) {
    ClientDialog d;
    d.reply(banner);
    d.exchange("250-mx.example.com\r\n250 AUTH XOAUTH2\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.protocol.failure().channel, Channel::local);
    EXPECT_EQ(d.protocol.failure().phase, Phase::starttls);
    EXPECT_EQ(d.sent(), "");
}

TEST(ClientProtocol, TakesARefusedStarttlsForTheEnd) {
    for (const char* text :
         {"454 4.7.0 TLS not available\r\n", "502 5.5.1 no\r\n", "250 ok\r\n", "334 x\r\n"}) {
        ClientDialog d;
        d.reply(banner);
        d.exchange(ehlo_plain);
        d.exchange(text);
        EXPECT_EQ(d.protocol.next(), Step::failed) << text;
        EXPECT_EQ(d.protocol.failure().phase, Phase::starttls) << text;
        EXPECT_EQ(d.sent(), "");
    }
}

TEST(ClientProtocol, RefusesOctetsInjectedBetweenStarttlsAndTls) {
    for (const char* text :
         {"220 ready\r\n250-mx\r\n250 AUTH XOAUTH2\r\n", "220 ready\r\nx", "220 ready\r\n2"}) {
        ClientDialog d;
        d.reply(banner);
        d.exchange(ehlo_plain);
        d.exchange(text);
        ASSERT_EQ(d.protocol.next(), Step::failed) << text;
        EXPECT_THAT(d.protocol.failure().text, HasSubstr("between STARTTLS and TLS"));
    }
}

TEST(ClientProtocol, ForgetsWhatTheServerSaidBeforeTls) {
    ClientDialog d;
    d.reply(banner);
    d.exchange("250-mx\r\n250-STARTTLS\r\n250-AUTH XOAUTH2\r\n250-PIPELINING\r\n250 SIZE 5\r\n");
    d.exchange("220 go\r\n");
    d.protocol.tls_started();
    d.exchange("250-mx\r\n250 8BITMIME\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);  // no AUTH after TLS
    EXPECT_EQ(d.protocol.failure().code, 504);
    EXPECT_EQ(d.protocol.failure().channel, Channel::local);
    EXPECT_FALSE(d.protocol.capabilities().pipelining);
    EXPECT_EQ(d.protocol.capabilities().size_bytes_max, std::nullopt);
    EXPECT_TRUE(d.protocol.capabilities().eight_bit_mime);
}

TEST(ClientProtocol, NeverAuthenticatesWithoutTls) {
    ClientOptions options;
    options.starttls = StartTls::none;
    ClientDialog d(options);
    d.reply(banner);
    d.exchange(ehlo_tls);
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.protocol.failure().phase, Phase::auth);
    EXPECT_EQ(d.protocol.failure().channel, Channel::local);
}

TEST(ClientProtocol, DoesNotShowATokenThatTheServerRepeats) {
    const std::string token = "eyJ0eXAiOiJKV1QiLCJub25jZSI6IkFCQ0RFRiIsImFsZyI6" + std::string(900, 'x');
    for (const auto pieces : {ClientDialog::Pieces::whole, ClientDialog::Pieces::single_octets}) {
        ClientDialog refused({}, pieces);
        refused.to_credentials();
        refused.protocol.authenticate("relay@example.com", base::Secret(token));
        refused.exchange("334 \r\n");
        const std::string response = refused.sent().substr(0, 500);
        refused.reply("501-5.5.2 cannot parse " + response + "\r\n501 5.5.2 " + token.substr(0, 400) +
                      " it is\r\n");
        ASSERT_EQ(refused.protocol.next(), Step::failed);
        EXPECT_EQ(refused.protocol.failure().text, "cannot parse (secret) (secret) it is");
    }
    ClientDialog later;
    later.to_credentials();
    later.protocol.authenticate("relay@example.com", base::Secret(token));
    later.exchange("334 \r\n");
    later.exchange("235 2.7.0 good\r\n");
    later.submit({"a@example.com"});
    later.exchange("550 5.7.1 " + token + "\r\n550 5.7.1 no\r\n550 5.7.1 no\r\n");
    const auto outcomes = later.protocol.take_outcomes();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].answer.text, "(secret)");
}

TEST(ClientProtocol, RefusesAReplyBeforeItsCommand) {
    ClientDialog early(plain_options());
    early.reply("220 mx\r\n250 mx\r\n");
    EXPECT_EQ(early.protocol.next(), Step::failed);
    EXPECT_THAT(early.protocol.failure().text, HasSubstr("nobody asked for"));

    ClientDialog twice(plain_options());
    twice.reply("220 mx\r\n");
    twice.exchange("250 mx\r\n250 mx\r\n");
    EXPECT_EQ(twice.protocol.next(), Step::failed);
}

TEST(ClientProtocol, RefusesAnEhloNameThatCouldEndItsLine) {
    for (const char* name : {"", "a b", "a\r\nMAIL FROM:<>", "m\xc3\xbc"}) {
        ClientOptions options;
        options.ehlo_name = name;
        ClientDialog d(options);
        d.reply(banner);
        EXPECT_EQ(d.protocol.next(), Step::failed);
        EXPECT_EQ(d.sent(), "");
    }
}

TEST(ClientProtocol, ReadsMechanismsInAnyCaseAndPrefersXoauth2) {
    ClientDialog d;
    d.to_credentials("250-mx\r\n250 auth oauthbearer Xoauth2\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_credentials);
    d.protocol.authenticate("u@e.com", base::Secret("t"));
    EXPECT_THAT(d.sent(), HasSubstr("AUTH XOAUTH2 "));
}

TEST(ClientProtocol, TakesOauthbearerWhereThereIsNothingElse) {
    ClientOptions options;
    options.host = "smtp.office365.com";
    ClientDialog d(options);
    d.to_credentials("250-mx\r\n250 AUTH LOGIN OAUTHBEARER\r\n");
    d.protocol.authenticate("relay@example.com", base::Secret("TESTTOKEN.not.a.secret"));
    EXPECT_THAT(d.exchange("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
                HasSubstr("AUTH OAUTHBEARER bixhPXJlbGF5QGV4YW1wbGUuY29tLAFob3N0PXNtdHAub2ZmaWNlMzY1"));
    EXPECT_EQ(d.exchange("535 5.7.8 no\r\n"), "AQ==\r\n");  // RFC 7628 §3.2.3
    EXPECT_EQ(d.protocol.failure().text, "no (status 401)");
}

TEST(ClientProtocol, PutsALongTokenOnALineOfItsOwn) {
    ClientDialog d;
    d.to_credentials();
    d.protocol.authenticate("relay@example.com", base::Secret(std::string(336, 't')));
    EXPECT_EQ(d.exchange("334 \r\n"), "AUTH XOAUTH2\r\n");
    const std::string line = d.exchange("235 2.7.0 Authentication successful\r\n");
    EXPECT_EQ(line.size(), 515 - std::string("AUTH XOAUTH2 ").size());
    EXPECT_TRUE(line.starts_with("dXNlcj1yZWxheUBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB0"));
    EXPECT_EQ(d.protocol.next(), Step::ready);
}

TEST(ClientProtocol, GivesTheTokenOnlyToA334) {
    for (const char* text :
         {"235 ok\r\n", "250 ok\r\n", "504 5.7.4 Unrecognized authentication type\r\n", "421 bye\r\n"}) {
        ClientDialog d;
        d.to_credentials();
        d.protocol.authenticate("relay@example.com", base::Secret(std::string(600, 't')));
        d.exchange(text);
        EXPECT_EQ(d.protocol.next(), Step::failed) << text;
        EXPECT_EQ(d.sent(), "") << text;
    }
}

TEST(ClientProtocol, ReportsADirect535) {
    ClientDialog d;
    d.to_credentials();
    d.protocol.authenticate("relay@example.com", base::Secret("t"));
    d.exchange(
        "535 5.7.3 Authentication unsuccessful [AB1CD23EF0001.EURPRD01.PROD.OUTLOOK.COM "
        "2026-01-02T03:04:05.678Z]\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.protocol.failure().code, 535);
    EXPECT_EQ(d.protocol.failure().enhanced, "5.7.3");
    EXPECT_EQ(d.protocol.failure().phase, Phase::auth);
    EXPECT_THAT(d.protocol.failure().text, HasSubstr("EURPRD01"));
}

TEST(ClientProtocol, AnswersTheChallengeOfARefusedTokenWithAnEmptyLine) {
    const std::string challenge =
        "334 "
        "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K"
        "\r\n";
    for (const std::size_t length : {10u, 2000u}) {  // both with an initial response and in two steps
        ClientDialog d;
        d.to_credentials();
        d.protocol.authenticate("relay@example.com", base::Secret(std::string(length, 't')));
        if (length > 500) d.exchange("334\r\n");
        d.exchange(challenge);
        EXPECT_EQ(d.exchange("535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 See support\r\n"),
                  "\r\n");
        ASSERT_EQ(d.protocol.next(), Step::failed);
        EXPECT_EQ(d.protocol.failure().code, 535);
        EXPECT_EQ(
            d.protocol.failure().text,
            "Username and Password not accepted. See support (status 401, scope https://mail.google.com/)");
    }
}

TEST(ClientProtocol, DoesNotAnswerChallengesForever) {
    ClientDialog d;
    d.to_credentials();
    d.protocol.authenticate("relay@example.com", base::Secret("t"));
    d.exchange("334 eA==\r\n");
    d.exchange("334 eA==\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    ClientDialog late;  // nor takes a success after it had acknowledged a failure
    late.to_credentials();
    late.protocol.authenticate("relay@example.com", base::Secret("t"));
    late.exchange("334 eA==\r\n");
    late.exchange("235 ok\r\n");
    EXPECT_EQ(late.protocol.next(), Step::failed);
}

TEST(ClientProtocol, RefusesATokenThatCouldEndItsLine) {
    ClientDialog d;
    d.to_credentials();
    d.protocol.authenticate("relay@example.com", base::Secret("abc\r\nRSET"));
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.protocol.failure().channel, Channel::local);
    EXPECT_THAT(d.protocol.failure().text, Not(HasSubstr("abc")));
    EXPECT_EQ(d.sent(), "");
}

// Every phase before the first message, with everything that can be said there instead of yes.
TEST(ClientProtocol, EndsOnEveryInterruptionBeforeTheFirstMessage) {
    const Phase phases[] = {Phase::banner, Phase::ehlo, Phase::starttls, Phase::tls, Phase::auth};
    for (const Phase phase : phases) {
        for (const Interruption& how : interruptions) {
            SCOPED_TRACE(std::string(mail::to_string(phase)) + ", " + how.name);
            ClientDialog d({}, ClientDialog::Pieces::single_octets);
            if (phase != Phase::banner) d.reply(banner);
            if (phase == Phase::starttls || phase == Phase::tls) d.exchange(ehlo_plain);
            if (phase == Phase::tls) d.exchange("220 go\r\n");
            if (phase == Phase::auth) {
                d = ClientDialog();
                d.to_credentials();
                d.protocol.authenticate("relay@example.com", base::Secret("t"));
            }
            ASSERT_EQ(d.protocol.phase(), phase);
            interrupt(d, how);
            ASSERT_EQ(d.protocol.next(), Step::failed);
            EXPECT_EQ(d.protocol.failure().phase, phase);
            EXPECT_EQ(d.protocol.failure().channel, Channel::smtp);
            EXPECT_FALSE(d.protocol.failure().text.empty());
            EXPECT_EQ(d.protocol.failure().text.find('\r'), std::string::npos);
            EXPECT_EQ(d.sent(), "");
            EXPECT_TRUE(d.protocol.take_outcomes().empty());
            d.reply("250 ok\r\n");  // nothing brings it back
            EXPECT_EQ(d.protocol.next(), Step::failed);
        }
    }
}

}  // namespace
}  // namespace mailramp::smtp
