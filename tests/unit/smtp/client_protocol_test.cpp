#include "mailramp/smtp/client_protocol.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Step = ClientProtocol::Step;
using mail::Channel;
using mail::Phase;

constexpr const char* banner = "220 mx.example.com Microsoft ESMTP MAIL Service ready\r\n";
constexpr const char* ehlo_plain =
    "250-mx.example.com Hello [203.0.113.7]\r\n250-SIZE "
    "157286400\r\n250-PIPELINING\r\n250-DSN\r\n250-STARTTLS\r\n"
    "250-8BITMIME\r\n250 SMTPUTF8\r\n";
constexpr const char* ehlo_tls =
    "250-mx.example.com Hello [203.0.113.7]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n"
    "250-ENHANCEDSTATUSCODES\r\n250-AUTH LOGIN XOAUTH2\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
    "250 SMTPUTF8\r\n";
constexpr const char* ehlo_step_by_step = "250-mx.example.com\r\n250 AUTH XOAUTH2\r\n";

mail::Envelope envelope(std::vector<std::string> recipients) {
    mail::Envelope out;
    out.sender = "relay@example.com";
    for (std::string& address : recipients)
        out.recipients.push_back({std::move(address), "", ""});
    return out;
}

// A driver without a socket. Every reply is given octet by octet or whole, as `pieces` says.
struct Dialog {
    enum class Pieces { whole, single_octets };

    explicit Dialog(ClientOptions options = {}, Pieces cut = Pieces::whole)
        : pieces(cut), protocol(std::move(options)) {}

    // The client's octets since the last call.
    std::string sent() { return protocol.take_output(); }
    void reply(std::string_view text) {
        if (pieces == Pieces::whole) return protocol.receive(text);
        for (const char& octet : text)
            protocol.receive({&octet, 1});
    }
    // Sends what is waiting, then hears the reply. Returns what was sent.
    std::string exchange(std::string_view text) {
        std::string out = sent();
        reply(text);
        return out;
    }

    void to_credentials(std::string_view ehlo = ehlo_tls) {
        reply(banner);
        exchange(ehlo_plain);
        exchange("220 2.0.0 SMTP server ready\r\n");
        ASSERT_EQ(protocol.next(), Step::start_tls);
        protocol.tls_started();
        exchange(ehlo);
    }
    void to_ready(std::string_view ehlo = ehlo_tls) {
        to_credentials(ehlo);
        ASSERT_EQ(protocol.next(), Step::need_credentials);
        protocol.authenticate("relay@example.com", base::Secret("token"));
        exchange("235 2.7.0 Authentication successful\r\n");
        ASSERT_EQ(protocol.next(), Step::ready);
    }
    void submit(std::vector<std::string> recipients) {
        protocol.submit({envelope(std::move(recipients)), 100});
    }
    // From 354 to the octets after which the outcome hangs in the air.
    std::string send_content(std::string_view content = "Subject: x\r\n\r\nHello\r\n") {
        protocol.send_body(content);
        std::string out = sent();
        protocol.end_body();
        return out + sent();
    }

    Pieces pieces;
    ClientProtocol protocol;
};

ClientOptions plain_options() {
    ClientOptions options;
    options.starttls = StartTls::none;
    options.authentication = Authentication::none;
    return options;
}

std::vector<RecipientFate> fates(const std::vector<RecipientOutcome>& outcomes) {
    std::vector<RecipientFate> out;
    for (const RecipientOutcome& outcome : outcomes)
        out.push_back(outcome.fate);
    return out;
}

// ------------------------------------------------------------------ a good session

class GoodSession : public ::testing::TestWithParam<Dialog::Pieces> {};

TEST_P(GoodSession, SendsAMessageInOnePipelinedGroup) {
    std::vector<std::string> states;
    ClientOptions options;
    options.ehlo_name = "relay.example.com";
    options.trace = [&states](std::string_view from, std::string_view to) {
        states.push_back(std::string(from) + " -> " + std::string(to));
    };
    Dialog d(options, GetParam());
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
                         ::testing::Values(Dialog::Pieces::whole, Dialog::Pieces::single_octets));

TEST(ClientProtocol, GoesStepByStepWithoutPipelining) {
    Dialog d;
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
    Dialog d;
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
    Dialog d(plain_options());
    d.reply("220 smart.host\r\n");
    EXPECT_EQ(d.exchange("250 smart.host\r\n"), "EHLO localhost\r\n");
    EXPECT_EQ(d.protocol.next(), Step::ready);
}

// ------------------------------------------------------------------ before the first message

TEST(ClientProtocol, SendsNothingWithoutStarttls) {
    Dialog d;
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
        Dialog d;
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
        Dialog d;
        d.reply(banner);
        d.exchange(ehlo_plain);
        d.exchange(text);
        ASSERT_EQ(d.protocol.next(), Step::failed) << text;
        EXPECT_THAT(d.protocol.failure().text, HasSubstr("between STARTTLS and TLS"));
    }
}

TEST(ClientProtocol, ForgetsWhatTheServerSaidBeforeTls) {
    Dialog d;
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
    Dialog d(options);
    d.reply(banner);
    d.exchange(ehlo_tls);
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.protocol.failure().phase, Phase::auth);
    EXPECT_EQ(d.protocol.failure().channel, Channel::local);
}

TEST(ClientProtocol, RefusesAReplyBeforeItsCommand) {
    Dialog early(plain_options());
    early.reply("220 mx\r\n250 mx\r\n");
    EXPECT_EQ(early.protocol.next(), Step::failed);
    EXPECT_THAT(early.protocol.failure().text, HasSubstr("nobody asked for"));

    Dialog twice(plain_options());
    twice.reply("220 mx\r\n");
    twice.exchange("250 mx\r\n250 mx\r\n");
    EXPECT_EQ(twice.protocol.next(), Step::failed);
}

TEST(ClientProtocol, RefusesAnEhloNameThatCouldEndItsLine) {
    for (const char* name : {"", "a b", "a\r\nMAIL FROM:<>", "m\xc3\xbc"}) {
        ClientOptions options;
        options.ehlo_name = name;
        Dialog d(options);
        d.reply(banner);
        EXPECT_EQ(d.protocol.next(), Step::failed);
        EXPECT_EQ(d.sent(), "");
    }
}

TEST(ClientProtocol, ReadsMechanismsInAnyCaseAndPrefersXoauth2) {
    Dialog d;
    d.to_credentials("250-mx\r\n250 auth oauthbearer Xoauth2\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_credentials);
    d.protocol.authenticate("u@e.com", base::Secret("t"));
    EXPECT_THAT(d.sent(), HasSubstr("AUTH XOAUTH2 "));
}

TEST(ClientProtocol, TakesOauthbearerWhereThereIsNothingElse) {
    ClientOptions options;
    options.host = "smtp.office365.com";
    Dialog d(options);
    d.to_credentials("250-mx\r\n250 AUTH LOGIN OAUTHBEARER\r\n");
    d.protocol.authenticate("relay@example.com", base::Secret("TESTTOKEN.not.a.secret"));
    EXPECT_THAT(d.exchange("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
                HasSubstr("AUTH OAUTHBEARER bixhPXJlbGF5QGV4YW1wbGUuY29tLAFob3N0PXNtdHAub2ZmaWNlMzY1"));
    EXPECT_EQ(d.exchange("535 5.7.8 no\r\n"), "AQ==\r\n");  // RFC 7628 §3.2.3
    EXPECT_EQ(d.protocol.failure().text, "no (status 401)");
}

TEST(ClientProtocol, PutsALongTokenOnALineOfItsOwn) {
    Dialog d;
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
        Dialog d;
        d.to_credentials();
        d.protocol.authenticate("relay@example.com", base::Secret(std::string(600, 't')));
        d.exchange(text);
        EXPECT_EQ(d.protocol.next(), Step::failed) << text;
        EXPECT_EQ(d.sent(), "") << text;
    }
}

TEST(ClientProtocol, ReportsADirect535) {
    Dialog d;
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
        Dialog d;
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
    Dialog d;
    d.to_credentials();
    d.protocol.authenticate("relay@example.com", base::Secret("t"));
    d.exchange("334 eA==\r\n");
    d.exchange("334 eA==\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    Dialog late;  // nor takes a success after it had acknowledged a failure
    late.to_credentials();
    late.protocol.authenticate("relay@example.com", base::Secret("t"));
    late.exchange("334 eA==\r\n");
    late.exchange("235 ok\r\n");
    EXPECT_EQ(late.protocol.next(), Step::failed);
}

TEST(ClientProtocol, RefusesATokenThatCouldEndItsLine) {
    Dialog d;
    d.to_credentials();
    d.protocol.authenticate("relay@example.com", base::Secret("abc\r\nRSET"));
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.protocol.failure().channel, Channel::local);
    EXPECT_THAT(d.protocol.failure().text, Not(HasSubstr("abc")));
    EXPECT_EQ(d.sent(), "");
}

// Every phase before the first message, with everything that can be said there instead of yes.
struct Interruption {
    const char* name;
    const char* text;  // nullptr: the connection ends
};
constexpr Interruption interruptions[] = {
    {"4xx", "451 4.7.0 Temporary server error. Please try again later. PRX2\r\n"},
    {"5xx", "550 5.7.1 no\r\n"},
    {"421", "421 4.3.2 Service not available\r\n"},
    {"garbage", "HTTP/1.1 400 Bad Request\r\n\r\n"},
    {"wrong continuation", "250-a\r\n354 b\r\n"},
    {"drop", nullptr},
};

void interrupt(Dialog& d, const Interruption& how) {
    d.sent();
    if (how.text != nullptr) return d.reply(how.text);
    d.protocol.connection_lost({base::ErrorKind::closed, "connection closed by the server"});
}

TEST(ClientProtocol, EndsOnEveryInterruptionBeforeTheFirstMessage) {
    const Phase phases[] = {Phase::banner, Phase::ehlo, Phase::starttls, Phase::tls, Phase::auth};
    for (const Phase phase : phases) {
        for (const Interruption& how : interruptions) {
            SCOPED_TRACE(std::string(mail::to_string(phase)) + ", " + how.name);
            Dialog d({}, Dialog::Pieces::single_octets);
            if (phase != Phase::banner) d.reply(banner);
            if (phase == Phase::starttls || phase == Phase::tls) d.exchange(ehlo_plain);
            if (phase == Phase::tls) d.exchange("220 go\r\n");
            if (phase == Phase::auth) {
                d = Dialog();
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

// ------------------------------------------------------------------ refusals within a transaction

TEST(ClientProtocol, GivesEveryRecipientItsOwnReply) {
    Dialog d;
    d.to_ready();
    d.submit({"a@example.net", "b@example.net", "c@example.net", "d@example.net"});
    d.exchange("250 ok\r\n550 5.1.1 a\r\n250 b\r\n452 4.5.3 Too many recipients\r\n251 d\r\n354 go\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_body);
    d.send_content();
    d.reply("250 2.0.0 OK receipt\r\n");
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_THAT(fates(outcomes), ElementsAre(RecipientFate::refused, RecipientFate::delivered,
                                             RecipientFate::refused, RecipientFate::delivered));
    EXPECT_EQ(outcomes[0].answer.text, "a");
    EXPECT_EQ(outcomes[2].answer.code, 452);
    EXPECT_EQ(outcomes[3].answer.text, "OK receipt");
}

TEST(ClientProtocol, SettlesAllWhenMailIsRefused) {
    for (const char* ehlo : {ehlo_tls, ehlo_step_by_step}) {
        Dialog d;
        d.to_ready(ehlo);
        d.submit({"a@example.net", "b@example.net"});
        const bool pipelined =
            d.exchange("530 5.7.57 Client not authenticated to send mail\r\n").find("DATA") !=
            std::string::npos;
        if (pipelined)
            d.reply("503 5.5.2 Need mail command\r\n503 5.5.2 Need mail command\r\n503 5.5.2 no\r\n");
        ASSERT_EQ(d.protocol.next(), Step::submitted);
        EXPECT_EQ(d.sent(), "");
        for (const RecipientOutcome& outcome : d.protocol.take_outcomes()) {
            EXPECT_EQ(outcome.fate, RecipientFate::refused);
            EXPECT_EQ(outcome.answer.phase, Phase::mail);
            EXPECT_EQ(outcome.answer.code, 530);
        }
        d.submit({"a@example.net"});
        EXPECT_TRUE(d.sent().starts_with("RSET\r\n"));
    }
}

TEST(ClientProtocol, EndsALone354WithALoneDot) {
    Dialog d;
    d.to_ready();
    d.submit({"a@example.net", "b@example.net"});
    d.exchange("250 ok\r\n550 5.1.1 a\r\n550 5.1.1 b\r\n354 go\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_bytes);
    EXPECT_EQ(d.exchange("554 5.5.1 No valid recipients\r\n"), ".\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_THAT(fates(outcomes), ElementsAre(RecipientFate::refused, RecipientFate::refused));
    EXPECT_EQ(outcomes[1].answer.text, "b");
    d.submit({"a@example.net"});
    EXPECT_THAT(d.sent(), Not(HasSubstr("RSET")));  // the dot has ended that transaction
}

TEST(ClientProtocol, SendsNoLoneDotAfterARefusedSender) {
    Dialog d;
    d.to_ready();
    d.submit({"a@example.net"});
    d.exchange("550 5.1.8 no\r\n250 ok\r\n354 go\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.sent(), "");
    EXPECT_EQ(d.protocol.take_outcomes().at(0).answer.code, 550);
}

TEST(ClientProtocol, SkipsDataStepByStepWhenNobodyIsLeft) {
    Dialog d;
    d.to_ready(ehlo_step_by_step);
    d.submit({"a@example.net"});
    d.exchange("250 ok\r\n");
    d.exchange("550 5.1.1 a\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    EXPECT_EQ(d.protocol.take_outcomes().size(), 1u);
    d.submit({"b@example.net"});
    EXPECT_EQ(d.exchange("250 reset\r\n"), "RSET\r\n");
    EXPECT_EQ(d.sent(), "MAIL FROM:<relay@example.com>\r\n");
}

TEST(ClientProtocol, GivesTheReplyToDataToThoseThatWereAccepted) {
    Dialog d;
    d.to_ready();
    d.submit({"a@example.net", "b@example.net"});
    d.exchange("250 ok\r\n550 5.1.1 a\r\n250 b\r\n451 4.3.0 later\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(outcomes[0].answer.phase, Phase::rcpt);
    EXPECT_EQ(outcomes[1].answer, (mail::Answer{Channel::smtp, Phase::data, 451, "4.3.0", "later"}));
    d.submit({"a@example.net"});
    EXPECT_TRUE(d.sent().starts_with("RSET\r\nMAIL"));
}

TEST(ClientProtocol, LeavesAServerThatCannotReset) {
    Dialog d;
    d.to_ready();
    d.submit({"a@example.net"});
    d.exchange("250 ok\r\n250 ok\r\n451 4.3.0 later\r\n");
    EXPECT_EQ(d.protocol.take_outcomes().size(), 1u);
    d.submit({"b@example.net"});
    d.exchange("500 5.5.2 what\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(outcomes.at(0).fate, RecipientFate::not_tried);
    EXPECT_EQ(outcomes.at(0).answer.code, 0);  // it says nothing about this message
}

TEST(ClientProtocol, KeepsAPipelinedGroupWithinItsWindow) {
    ClientOptions options;
    options.pipelined_bytes_max = 120;
    Dialog d(options);
    d.to_ready();
    std::vector<std::string> recipients;
    for (int i = 0; i < 10; ++i)
        recipients.push_back("recipient" + std::to_string(i) + "@example.net");
    d.submit(recipients);
    std::string all;
    int accepted = 0;
    while (d.protocol.next() == Step::need_bytes) {
        const std::string group = d.sent();
        ASSERT_FALSE(group.empty());
        EXPECT_LE(group.size(), 120u);
        all += group;
        for (std::size_t at = group.find("\r\n"); at != std::string::npos; at = group.find("\r\n", at + 2)) {
            const bool data = group.substr(0, at).ends_with("DATA");
            d.reply(data ? "354 go\r\n" : "250 ok\r\n");
            ++accepted;
            if (!d.protocol.capabilities().pipelining) break;
        }
    }
    EXPECT_EQ(accepted, 12);
    EXPECT_EQ(d.protocol.next(), Step::need_body);
    EXPECT_TRUE(all.ends_with("DATA\r\n"));
}

TEST(ClientProtocol, StopsSendingTheRestOfARefusedGroup) {
    ClientOptions options;
    options.pipelined_bytes_max = 80;
    Dialog d(options);
    d.to_ready();
    d.submit({"a@example.net", "b@example.net", "c@example.net", "d@example.net"});
    const std::string first = d.exchange("550 5.1.8 Access denied, bad outbound sender\r\n");
    EXPECT_THAT(first, Not(HasSubstr("c@example.net")));
    while (d.protocol.next() == Step::need_bytes) {
        EXPECT_EQ(d.sent(), "");
        d.reply("503 5.5.2 Need mail command\r\n");
    }
    EXPECT_EQ(d.protocol.next(), Step::submitted);
}

// ------------------------------------------------------------------ what is refused without asking

RecipientOutcome submit_locally(std::string_view ehlo, mail::Envelope what, std::uint64_t size_bytes = 100) {
    Dialog d;
    d.to_ready(ehlo);
    d.protocol.submit({std::move(what), size_bytes});
    EXPECT_EQ(d.protocol.next(), Step::submitted);
    EXPECT_EQ(d.sent(), "");
    auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(d.protocol.next(), Step::ready);  // the connection is as good as before
    return outcomes.at(0);
}

TEST(ClientProtocol, RefusesLocallyWhatTheServerCannotTake) {
    const auto expect = [](const RecipientOutcome& outcome, int code, const char* enhanced) {
        EXPECT_EQ(outcome.fate, RecipientFate::refused);
        EXPECT_EQ(outcome.answer.channel, Channel::local);
        EXPECT_EQ(outcome.answer.code, code);
        EXPECT_EQ(outcome.answer.enhanced, enhanced);
    };
    expect(submit_locally("250-mx\r\n250-SIZE 1000\r\n250 AUTH XOAUTH2\r\n", envelope({"a@b"}), 1001), 552,
           "5.3.4");
    mail::Envelope eight = envelope({"a@b"});
    eight.body = mail::BodyType::eight_bit_mime;
    expect(submit_locally(ehlo_step_by_step, eight), 554, "5.6.3");
    expect(submit_locally(ehlo_step_by_step, envelope({"m\xc3\xbcller@b"})), 553, "5.6.7");
    mail::Envelope utf8 = envelope({"a@b"});
    utf8.smtputf8 = true;
    expect(submit_locally(ehlo_step_by_step, utf8), 553, "5.6.7");
    mail::Envelope sender = envelope({"a@b"});
    sender.sender = "x@b>\r\nRCPT TO:<victim@c";
    expect(submit_locally(ehlo_tls, sender), 501, "5.1.7");
    for (const char* address :
         {"", "a\r\n@b", "a@b> NOTIFY=NEVER", "a b@c", "<a@b", "\"a@b", "a\x01@b", "a\xff@b", "a\\\"@b"})
        expect(submit_locally(ehlo_tls, envelope({address})), 501, "5.1.3");
}

TEST(ClientProtocol, SendsTheOthersWhenOneAddressIsUnsafe) {
    Dialog d;
    d.to_ready();
    d.submit({"a@b\r\nDATA", "\"quoted name\"@example.net"});
    EXPECT_EQ(d.exchange("250 ok\r\n250 ok\r\n354 go\r\n"),
              "MAIL FROM:<relay@example.com> SIZE=100\r\nRCPT TO:<\"quoted name\"@example.net>\r\nDATA\r\n");
    d.send_content();
    d.reply("250 ok\r\n");
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::refused, RecipientFate::delivered));
}

TEST(ClientProtocol, TakesASizeOfZeroOrNoneForNoLimit) {
    for (const char* ehlo :
         {"250-mx\r\n250-SIZE 0\r\n250 AUTH XOAUTH2\r\n", "250-mx\r\n250-SIZE\r\n250 AUTH XOAUTH2\r\n",
          "250-mx\r\n250-SIZE 99999999999999999999\r\n250 AUTH XOAUTH2\r\n", ehlo_step_by_step}) {
        Dialog d;
        d.to_ready(ehlo);
        d.protocol.submit({envelope({"a@b"}), 1ull << 40});
        EXPECT_TRUE(d.sent().starts_with("MAIL FROM:<relay@example.com>"));
    }
}

TEST(ClientProtocol, SendsOnlyParametersThatAreOffered) {
    mail::Envelope all = envelope({"m\xc3\xbcller@b"});
    all.sender = "";
    all.body = mail::BodyType::eight_bit_mime;
    all.ret = mail::DsnReturn::headers;
    all.envid = "id-1";
    all.recipients[0].notify = "SUCCESS,FAILURE";
    all.recipients[0].orcpt = "rfc822;m+C3+BCller@b";
    Dialog d;
    d.to_ready();
    d.protocol.submit({all, 5});
    EXPECT_EQ(d.sent(),
              "MAIL FROM:<> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id-1\r\n"
              "RCPT TO:<m\xc3\xbcller@b> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;m+C3+BCller@b\r\nDATA\r\n");

    mail::Envelope unsafe = envelope({"a@b"});
    unsafe.envid = "x\r\nRSET";
    unsafe.recipients[0].notify = "NEVER SIZE=1";
    Dialog e;
    e.to_ready();
    e.protocol.submit({unsafe, 5});
    EXPECT_EQ(e.sent(), "MAIL FROM:<relay@example.com> SIZE=5\r\nRCPT TO:<a@b>\r\nDATA\r\n");

    Dialog bare;
    bare.to_ready(ehlo_step_by_step);
    mail::Envelope dsn = envelope({"a@b"});
    dsn.ret = mail::DsnReturn::full;
    bare.protocol.submit({dsn, 5});
    EXPECT_EQ(bare.sent(), "MAIL FROM:<relay@example.com>\r\n");
}

// ------------------------------------------------------------------ how a message can be cut short

// Takes a session with two recipients to where `phase` is being waited for.
void advance(Dialog& d, Phase phase, std::string_view ehlo) {
    const bool pipelined = ehlo == ehlo_tls;
    d.to_ready(ehlo);
    d.submit({"a@example.net", "b@example.net"});
    if (phase == Phase::mail) return;
    d.exchange("250 ok\r\n");
    if (phase == Phase::rcpt) return;
    d.exchange("250 ok\r\n");
    d.exchange("250 ok\r\n");
    if (phase == Phase::data) return;
    d.exchange("354 go\r\n");
    d.protocol.send_body("Subject: x\r\n\r\nHello\r\n");
    d.sent();
    if (phase == Phase::body) return;
    d.protocol.end_body();
    EXPECT_TRUE(pipelined || phase == Phase::body_end);
}

TEST(ClientProtocol, AccountsForEveryRecipientAfterEveryInterruption) {
    for (const char* ehlo : {ehlo_tls, ehlo_step_by_step}) {
        for (const Phase phase : {Phase::mail, Phase::rcpt, Phase::data, Phase::body, Phase::body_end}) {
            for (const Interruption& how : interruptions) {
                SCOPED_TRACE(std::string(mail::to_string(phase)) + ", " + how.name + ", " + ehlo);
                Dialog d({}, Dialog::Pieces::single_octets);
                advance(d, phase, ehlo);
                ASSERT_EQ(d.protocol.phase(), phase);
                interrupt(d, how);
                const int code =
                    how.text == nullptr
                        ? 0
                        : static_cast<int>(
                              base::parse_number(std::string_view(how.text).substr(0, 3)).value_or(0));
                const bool refusal = code / 100 == 4 || code / 100 == 5;
                if (!refusal || code == 421 || phase == Phase::body) {
                    ASSERT_EQ(d.protocol.next(), Step::failed);
                } else {
                    // The session goes on; the other replies of the group and the other recipients follow.
                    for (int i = 0; i < 8 && d.protocol.next() == Step::need_bytes; ++i)
                        d.exchange("550 5.5.0 next\r\n");
                    ASSERT_EQ(d.protocol.next(), Step::submitted);
                }
                const auto outcomes = d.protocol.take_outcomes();
                ASSERT_EQ(outcomes.size(), 2u);
                for (const RecipientOutcome& outcome : outcomes) {
                    EXPECT_EQ(outcome.answer.channel, Channel::smtp);
                    EXPECT_FALSE(outcome.answer.text.empty());
                    EXPECT_NE(outcome.fate, RecipientFate::delivered);
                    // Uncertain if and only if the end went out and nothing readable came back.
                    EXPECT_EQ(outcome.fate == RecipientFate::uncertain, phase == Phase::body_end && !refusal);
                }
                EXPECT_EQ(outcomes[0].answer.code, refusal ? code : 0);
                const RecipientFate fate = refusal                    ? RecipientFate::refused
                                           : phase == Phase::body_end ? RecipientFate::uncertain
                                                                      : RecipientFate::not_tried;
                EXPECT_EQ(outcomes[0].fate, fate);
                EXPECT_EQ(outcomes[0].answer.phase, phase);
            }
        }
    }
}

TEST(ClientProtocol, IsCertainUntilTheEndOfDataHasBeenTaken) {
    Dialog d;
    advance(d, Phase::body, ehlo_tls);
    d.protocol.end_body();  // still in the output
    d.protocol.connection_lost({base::ErrorKind::closed, "reset"});
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::not_tried, RecipientFate::not_tried));
}

TEST(ClientProtocol, SeesARefusalWhileContentFlows) {
    Dialog d;
    advance(d, Phase::body, ehlo_tls);
    d.reply("452 4.3.1 Insufficient system resources\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    d.protocol.send_body("more");
    d.protocol.end_body();
    EXPECT_EQ(d.sent(), "");  // and never an end of data behind it
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(outcomes[0].fate, RecipientFate::refused);
    EXPECT_EQ(outcomes[0].answer.phase, Phase::body);
}

TEST(ClientProtocol, DoesNotBelieveAnAcceptanceBeforeTheEnd) {
    Dialog d;
    advance(d, Phase::body, ehlo_tls);
    d.reply("250 2.0.0 OK\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::not_tried, RecipientFate::not_tried));
}

TEST(ClientProtocol, KeepsADeliveryWhenTheServerSaysGoodbyeBehindIt) {
    Dialog d;
    advance(d, Phase::body_end, ehlo_tls);
    d.exchange("250 2.0.0 OK\r\n421 4.4.2 bye\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::delivered, RecipientFate::delivered));
}

TEST(ClientProtocol, IsUncertainAfterA354InPlaceOfTheFinalReply) {
    Dialog d;
    advance(d, Phase::body_end, ehlo_tls);
    d.exchange("354 go on\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::uncertain, RecipientFate::uncertain));
}

TEST(ClientProtocol, RefusesA250InPlaceOfThe354) {
    Dialog d;
    advance(d, Phase::data, ehlo_tls);
    d.exchange("250 ok\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::not_tried, RecipientFate::not_tried));
}

TEST(ClientProtocol, NeedsNoReplyToQuit) {
    Dialog d;
    d.to_ready();
    d.protocol.quit();
    EXPECT_EQ(d.sent(), "QUIT\r\n");
    d.protocol.connection_lost({base::ErrorKind::closed, "closed"});
    EXPECT_EQ(d.protocol.next(), Step::closed);
    Dialog early;
    early.reply(banner);
    early.protocol.quit();
    EXPECT_EQ(early.protocol.next(), Step::closed);
}

}  // namespace
}  // namespace mailramp::smtp
