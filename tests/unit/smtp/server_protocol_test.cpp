// What the dialogs cannot show: what the shell sees of a session. The conversations are in tests/dialogs.
#include "mailramp/smtp/server_protocol.h"

#include <string>

#include <gtest/gtest.h>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

using Step = ServerProtocol::Step;

const ServerReply good{};

// Says all of `octets` and answers well, up to the first step in which the test is interested.
Step run_to(ServerProtocol& protocol, Step wanted, std::string_view octets) {
    bool said = false;
    for (;;) {
        const Step step = protocol.next();
        if (step == wanted && (said || step != Step::need_bytes)) return step;
        switch (step) {
            case Step::need_bytes:
                if (said) return step;
                protocol.receive(octets);
                said = true;
                break;
            case Step::auth:
            case Step::mail:
            case Step::rcpt:
            case Step::data:
            case Step::body_end:
                protocol.answer(good);
                break;
            case Step::start_tls:
                protocol.tls_started();
                break;
            case Step::body_chunk:
            case Step::reset:
                break;
            case Step::closed:
                return step;
        }
    }
}

constexpr std::string_view envelope_commands =
    "EHLO app\r\nMAIL FROM:<a@b.example> SIZE=77\r\nRCPT TO:<c@d.example>\r\n";
const std::string up_to_data = std::string(envelope_commands) + "DATA\r\n";

TEST(ServerProtocol, ShowsTheSenderBeforeItIsAccepted) {
    ServerProtocol protocol({});
    ASSERT_EQ(run_to(protocol, Step::mail, envelope_commands), Step::mail);
    EXPECT_EQ(protocol.envelope().sender, "a@b.example");
    EXPECT_EQ(protocol.declared_bytes(), 77u);
    EXPECT_EQ(protocol.helo(), "app");
}

TEST(ServerProtocol, ShowsTheRecipientInQuestion) {
    ServerProtocol protocol({});
    ASSERT_EQ(run_to(protocol, Step::rcpt, envelope_commands), Step::rcpt);
    EXPECT_EQ(protocol.recipient().address, "c@d.example");
    EXPECT_TRUE(protocol.envelope().recipients.empty());
}

TEST(ServerProtocol, TellsTheProtocolForTheReceivedField) {
    const auto protocol_of = [](std::string_view octets) {
        ServerProtocol protocol({});
        EXPECT_EQ(run_to(protocol, Step::mail, octets), Step::mail);
        return protocol.with_protocol();
    };
    EXPECT_EQ(protocol_of("HELO x\r\nMAIL FROM:<>\r\n"), mail::WithProtocol::smtp);
    EXPECT_EQ(protocol_of("EHLO x\r\nMAIL FROM:<>\r\n"), mail::WithProtocol::esmtp);
    EXPECT_EQ(protocol_of("EHLO x\r\nMAIL FROM:<> SMTPUTF8\r\n"), mail::WithProtocol::utf8smtp);
}

TEST(ServerProtocol, TellsOfTlsAndLoginInTheReceivedField) {
    const std::string login = "AUTH PLAIN AGVycABwdw==\r\n";
    ServerProtocolOptions options;
    options.starttls = StartTlsOffer::offered;
    options.auth = AuthOffer::always;
    const auto protocol_of = [&](const std::string& under_tls, std::string_view parameters) {
        ServerProtocol protocol(options);
        if (!under_tls.empty()) {
            EXPECT_EQ(run_to(protocol, Step::start_tls, "EHLO x\r\nSTARTTLS\r\n"), Step::start_tls);
            protocol.tls_started();
        }
        const std::string rest = "EHLO x\r\n" + under_tls + "MAIL FROM:<>" + std::string(parameters) + "\r\n";
        EXPECT_EQ(run_to(protocol, Step::mail, rest), Step::mail);
        return protocol.with_protocol();
    };
    EXPECT_EQ(protocol_of("NOOP\r\n", ""), mail::WithProtocol::esmtps);
    EXPECT_EQ(protocol_of(login, ""), mail::WithProtocol::esmtpsa);
    EXPECT_EQ(protocol_of("NOOP\r\n", " SMTPUTF8"), mail::WithProtocol::utf8smtps);
    EXPECT_EQ(protocol_of(login, " SMTPUTF8"), mail::WithProtocol::utf8smtpsa);
    ServerProtocol clear(options);
    EXPECT_EQ(run_to(clear, Step::mail, "EHLO x\r\n" + login + "MAIL FROM:<>\r\n"), Step::mail);
    EXPECT_EQ(clear.with_protocol(), mail::WithProtocol::esmtpa);
    ServerProtocol old(options);
    EXPECT_EQ(run_to(old, Step::mail, "HELO x\r\n" + login + "MAIL FROM:<>\r\n"), Step::mail);
    EXPECT_EQ(old.with_protocol(), mail::WithProtocol::smtp) << "RFC 3848 has no word for it";
}

TEST(ServerProtocol, TellsWhoHasLoggedInPrintable) {
    ServerProtocolOptions options;
    options.auth = AuthOffer::always;
    ServerProtocol protocol(options);
    // "er\np" and "pw"
    ASSERT_EQ(run_to(protocol, Step::auth, "EHLO x\r\nAUTH PLAIN AGVyCnAAcHc=\r\nQUIT\r\n"), Step::auth);
    EXPECT_EQ(protocol.credentials().user, "er\np");
    EXPECT_EQ(protocol.credentials().password.reveal(), "pw");
    EXPECT_FALSE(protocol.authenticated());
    protocol.answer({235, "2.7.0", "welcome"});
    EXPECT_TRUE(protocol.authenticated());
    EXPECT_EQ(protocol.user(), "er?p");
    EXPECT_TRUE(protocol.credentials().password.empty()) << "nobody needs it any more";
}

TEST(ServerProtocol, TakesResponsesOf12288Octets) {
    ServerProtocolOptions options;
    options.auth = AuthOffer::always;
    const std::string password(9213, 'x');
    const std::string response = base::base64_encode(std::string("\0u\0", 3) + password);
    ASSERT_EQ(response.size(), 12'288u);
    for (const std::string& octets :
         {"AUTH PLAIN " + response + "\r\n", "AUTH PLAIN\r\n" + response + "\r\n"}) {
        ServerProtocol protocol(options);
        ASSERT_EQ(run_to(protocol, Step::auth, "EHLO x\r\n" + octets), Step::auth);
        EXPECT_EQ(protocol.credentials().password.reveal(), password);
    }
    ServerProtocol protocol(options);
    ASSERT_EQ(run_to(protocol, Step::need_bytes, "EHLO x\r\nAUTH PLAIN\r\n" + response + "AAAA\r\n"),
              Step::need_bytes);
    EXPECT_NE(protocol.take_output().find("500 5.5.6"), std::string::npos);
}

TEST(ServerProtocol, LogsNobodyInWhoWasRefused) {
    ServerProtocolOptions options;
    options.auth = AuthOffer::always;
    ServerProtocol protocol(options);
    ASSERT_EQ(run_to(protocol, Step::auth, "EHLO x\r\nAUTH PLAIN AGVycABwdw==\r\n"), Step::auth);
    protocol.answer({535, "5.7.8", "wrong"});
    EXPECT_FALSE(protocol.authenticated());
    EXPECT_EQ(protocol.user(), "");
}

TEST(ServerProtocol, MakesTheHeloNamePrintable) {
    ServerProtocol protocol({});
    (void)run_to(protocol, Step::need_bytes, "EHLO b\xc3\xbcro-\xff\r\n");
    EXPECT_EQ(protocol.helo(), "b\xc3\xbcro-?");
}

TEST(ServerProtocol, DropsAMessageAsSoonAsItIsTooLarge) {
    ServerProtocolOptions options;
    options.message_bytes_max = 100;
    ServerProtocol protocol(options);
    ASSERT_EQ(run_to(protocol, Step::reset, up_to_data + std::string(101, 'x')), Step::reset);
    EXPECT_TRUE(protocol.in_body()) << "the rest is still to be read";
    EXPECT_EQ(protocol.next(), Step::need_bytes);
    protocol.receive("more\r\n.\r\n");
    (void)protocol.take_output();
    EXPECT_EQ(protocol.next(), Step::need_bytes) << "no second reset and no body_end";
    EXPECT_TRUE(protocol.take_output().starts_with("552 5.3.4 "));
}

TEST(ServerProtocol, CountsTheContentItHandsOut) {
    ServerProtocol protocol({});
    ASSERT_EQ(run_to(protocol, Step::body_end, up_to_data + "..\nabc\r\n.\r\n"), Step::body_end);
    EXPECT_EQ(protocol.body_bytes(), 8u);
}

TEST(ServerProtocol, WritesTheReplyToDataBeforeItWantsTheMessage) {
    ServerProtocol protocol({});
    ASSERT_EQ(run_to(protocol, Step::need_bytes, up_to_data), Step::need_bytes);
    EXPECT_NE(protocol.take_output().find("\r\n354 "), std::string::npos);
}

TEST(ServerProtocol, HoldsNoMoreInputThanALineBetweenReads) {
    ServerProtocol protocol({});
    // A line without end, in many pieces: it must not pile up, and be answered once.
    for (int piece = 0; piece < 1000; ++piece) {
        ASSERT_EQ(run_to(protocol, Step::need_bytes, std::string(1000, 'x')), Step::need_bytes);
    }
    const std::string output = protocol.take_output();
    EXPECT_EQ(output.find("500 5.5.2"), output.rfind("500 5.5.2"));
    (void)run_to(protocol, Step::need_bytes, "\r\nNOOP\r\n");
    EXPECT_EQ(protocol.take_output(), "250 2.0.0 OK\r\n");
}

TEST(ServerProtocol, SaysWhyItClosed) {
    ServerProtocol protocol({});
    EXPECT_EQ(run_to(protocol, Step::closed, "GET / HTTP/1.1\r\n"), Step::closed);
    EXPECT_EQ(protocol.close_reason(), "HTTP");
    EXPECT_EQ(protocol.next(), Step::closed) << "and stays closed";
}

TEST(ServerProtocol, MayBeClosedInsteadOfAnswered) {
    ServerProtocol protocol({});
    ASSERT_EQ(run_to(protocol, Step::body_end, up_to_data + "x\r\n.\r\n"), Step::body_end);
    (void)protocol.take_output();
    protocol.close({421, "4.3.0", "The queue is broken"});
    EXPECT_EQ(protocol.next(), Step::reset);
    EXPECT_EQ(protocol.next(), Step::closed);
    EXPECT_EQ(protocol.take_output(), "421 4.3.0 The queue is broken\r\n");
}

TEST(ServerProtocol, InsistsOnAnAnswer) {
    ServerProtocol protocol({});
    ASSERT_EQ(run_to(protocol, Step::mail, envelope_commands), Step::mail);
    EXPECT_DEATH((void)protocol.next(), "answers each question");
}

TEST(ServerProtocol, TakesNoAnswerThatItDidNotAskFor) {
    ServerProtocol protocol({});
    (void)protocol.next();
    EXPECT_DEATH(protocol.answer(good), "only what");
}

}  // namespace
}  // namespace mailramp::smtp
