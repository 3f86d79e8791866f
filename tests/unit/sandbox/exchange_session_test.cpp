#include "sandbox/exchange_session.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Step = ExchangeSession::Step;

// One key for all tests: making it takes longer than all of them.
const TokenSigner& shared_signer() {
    static const TokenSigner signer = TokenSigner::create().value();
    return signer;
}

class Exchange : public ::testing::Test {
  protected:
    void SetUp() override { session_ = open(); }
    std::unique_ptr<ExchangeSession> open() {
        return std::make_unique<ExchangeSession>(
            options_, SessionWorld{directory_, signer_, faults_, limits_, counters_}, ++opened_, "127.0.0.1");
    }
    void fail(const char* fault) { ASSERT_TRUE(faults_.arm(Faults::parse(fault).value()).has_value()); }
    // Says one line (or more) and returns what the session answers.
    std::string say(const std::string& text) { return say(*session_, text); }
    std::string say(ExchangeSession& session, const std::string& text) {
        if (!text.empty()) session.receive(text + "\r\n");
        last_ = session.next(now_);
        return session.take_output();
    }
    [[nodiscard]] std::string login_text(const std::string& user, std::chrono::seconds lifetime = 1h) const {
        const std::string token =
            signer_.mint({"https://outlook.office365.com", "t", "a", {"SMTP.SendAsApp"}, lifetime}, now_.wall)
                .value();
        return base::base64_encode("user=" + user + "\x01" + "auth=Bearer " + token + "\x01\x01");
    }
    // Up to the point where mail may be sent.
    void log_in(ExchangeSession& session) {
        say(session, "");
        say(session, "EHLO client.example");
        say(session, "STARTTLS");
        session.tls_started("TLSv1.3");
        say(session, "EHLO client.example");
        ASSERT_THAT(say(session, "AUTH XOAUTH2"), "334 \r\n");
        ASSERT_THAT(say(session, login_text("relay@contoso.test")), StartsWith("235 2.7.0"));
    }
    void log_in() { log_in(*session_); }
    std::string send(ExchangeSession& session, const std::string& content) {
        say(session, "MAIL FROM:<relay@contoso.test>");
        say(session, "RCPT TO:<bob@example.com>");
        EXPECT_THAT(say(session, "DATA"), StartsWith("354"));
        const std::string answer = say(session, content + ".");
        if (last_ != Step::message) return answer;
        received_ = session.take_message();
        session.stored(now_);
        return say(session, "");
    }
    std::string send(const std::string& content = "From: relay@contoso.test\r\n\r\nhi\r\n") {
        return send(*session_, content);
    }

    SessionOptions options_;
    Directory directory_{{App{"t", "a", "s", {"relay@contoso.test"}}}};
    const TokenSigner& signer_ = shared_signer();
    Faults faults_;
    MailboxLimits limits_{MailboxLimitOptions()};
    SessionCounters counters_;
    Now now_{base::WallTime(1'800'000'000s), base::SteadyTime(1'000'000s)};
    std::uint64_t opened_ = 0;
    std::unique_ptr<ExchangeSession> session_;
    Step last_ = Step::closed;
    ReceivedMessage received_;
};

TEST_F(Exchange, OffersStarttlsBeforeTlsAndAuthAfterIt) {
    EXPECT_THAT(say(""), AllOf(StartsWith("220 "), HasSubstr("Microsoft ESMTP MAIL Service ready at ")));
    EXPECT_THAT(say("EHLO me"), AllOf(HasSubstr("250-STARTTLS\r\n"), Not(HasSubstr("AUTH"))));
    EXPECT_THAT(say("STARTTLS"), StartsWith("220 2.0.0"));
    EXPECT_EQ(last_, Step::start_tls);
    session_->tls_started("TLSv1.3");
    EXPECT_THAT(say("EHLO me"), AllOf(HasSubstr("250-AUTH LOGIN XOAUTH2\r\n"), Not(HasSubstr("STARTTLS"))));
}

TEST_F(Exchange, TakesNoMailWithoutTlsNorWithoutAuth) {
    say("");
    say("EHLO me");
    EXPECT_THAT(say("MAIL FROM:<a@b.c>"), StartsWith("451 5.7.3 STARTTLS is required"));
    EXPECT_EQ(counters_.commands_before_tls, 1u);
    say("STARTTLS");
    session_->tls_started("TLSv1.3");
    say("EHLO me");
    EXPECT_THAT(say("MAIL FROM:<a@b.c>"), StartsWith("530 5.7.57"));
}

TEST_F(Exchange, CutsASessionWithOctetsBehindStarttls) {
    say("");
    say("EHLO me");
    say("STARTTLS\r\nMAIL FROM:<a@b.c>");
    EXPECT_EQ(last_, Step::closed);
    EXPECT_EQ(counters_.octets_after_starttls, 1u);
}

TEST_F(Exchange, ReceivesAMessageOctetForOctet) {
    log_in();
    EXPECT_THAT(send("From: relay@contoso.test\r\n\r\n..dot\r\n\xff\r\n"),
                StartsWith("250 2.0.0 OK <none> ["));
    EXPECT_EQ(received_.content, "From: relay@contoso.test\r\n\r\n.dot\r\n\xff\r\n");
    EXPECT_EQ(received_.envelope.sender, "relay@contoso.test");
    EXPECT_EQ(received_.mailbox, "relay@contoso.test");
    EXPECT_EQ(received_.mechanism, "XOAUTH2 (two steps)");
    EXPECT_EQ(received_.tls_version, "TLSv1.3");
}

TEST_F(Exchange, NamesTheMessageInItsReceipt) {
    log_in();
    EXPECT_THAT(send("Message-ID: <1@example.test>\r\n\r\n"),
                StartsWith("250 2.0.0 OK <1@example.test> [Hostname="));
}

TEST_F(Exchange, TakesALoginOnOneLineToo) {
    say("");
    say("EHLO me");
    say("STARTTLS");
    session_->tls_started("TLSv1.3");
    say("EHLO me");
    EXPECT_THAT(say("AUTH XOAUTH2 " + login_text("relay@contoso.test")), StartsWith("235"));
    EXPECT_EQ(counters_.auth_lines_over_512, 1u);
}

TEST_F(Exchange, RefusesALoginAsAnotherMailboxOrWithAnExpiredToken) {
    say("");
    say("EHLO me");
    say("STARTTLS");
    session_->tls_started("TLSv1.3");
    say("EHLO me");
    EXPECT_THAT(say("AUTH XOAUTH2 " + login_text("boss@contoso.test")), StartsWith("535 5.7.3"));
    EXPECT_THAT(counters_.last_auth_refusal, HasSubstr("boss@contoso.test"));
    EXPECT_THAT(say("AUTH XOAUTH2 " + login_text("relay@contoso.test", 0s)), StartsWith("535 5.7.3"));
    EXPECT_THAT(counters_.last_auth_refusal, HasSubstr("expired"));
    EXPECT_THAT(say("AUTH LOGIN"), StartsWith("535 5.7.139"));
    EXPECT_THAT(say("AUTH CRAM-MD5"), StartsWith("504 5.7.4"));
    EXPECT_EQ(counters_.auths_refused, 2u);
}

TEST_F(Exchange, RefusesAnApplicationThatItKnowsByAnotherObjectId) {
    say("");
    say("EHLO me");
    say("STARTTLS");
    session_->tls_started("TLSv1.3");
    say("EHLO me");
    fail("wrong-object-id:1");
    EXPECT_THAT(say("AUTH XOAUTH2 " + login_text("relay@contoso.test")), StartsWith("535 5.7.3"));
    EXPECT_THAT(counters_.last_auth_refusal, HasSubstr("object ID"));
    EXPECT_THAT(say("AUTH XOAUTH2 " + login_text("relay@contoso.test")), StartsWith("235"));
}

TEST_F(Exchange, WantsTheRoleInTheTokenUnlessItGaveARoleItself) {
    const std::string token =
        signer_.mint({"https://outlook.office365.com", "t", "a", {}, 1h}, now_.wall).value();
    const std::string login = base::base64_encode(
        "user=relay@contoso.test\x01"
        "auth=Bearer " +
        token + "\x01\x01");
    for (const Permission permission : {Permission::classic, Permission::rbac}) {
        options_.permission = permission;
        session_ = open();
        say("");
        say("EHLO me");
        say("STARTTLS");
        session_->tls_started("TLSv1.3");
        say("EHLO me");
        EXPECT_THAT(say("AUTH XOAUTH2 " + login),
                    StartsWith(permission == Permission::rbac ? "235" : "535 5.7.3"));
    }
}

TEST_F(Exchange, RefusesInGooglesShapeWithAChallengeFirst) {
    options_.auth_shape = AuthShape::google;
    session_ = open();
    say("");
    say("EHLO me");
    say("STARTTLS");
    session_->tls_started("TLSv1.3");
    say("EHLO me");
    const std::string challenge = say("AUTH XOAUTH2 " + login_text("boss@contoso.test"));
    ASSERT_THAT(challenge, StartsWith("334 "));
    EXPECT_THAT(*base::base64_decode(base::trim(challenge.substr(4))), HasSubstr("\"status\":\"401\""));
    EXPECT_THAT(say("\r\n").substr(0, 9), "535-5.7.8");
}

TEST_F(Exchange, RefusesTheFourthSessionOfAMailboxUntilAnOlderOneEnds) {
    std::vector<std::unique_ptr<ExchangeSession>> sessions;
    for (int i = 0; i < 4; ++i)
        log_in(*sessions.emplace_back(open()));
    EXPECT_THAT(send(*sessions[3], "From: a\r\n\r\n"), StartsWith("432 4.3.2"));
    EXPECT_THAT(send(*sessions[2], "From: a\r\n\r\n"), StartsWith("250"));
    sessions.erase(sessions.begin());
    EXPECT_THAT(send(*sessions[2], "From: a\r\n\r\n"), StartsWith("250"));
    EXPECT_EQ(limits_.uses().at("relay@contoso.test").connections_max, 4u);
}

TEST_F(Exchange, TakesThirtyMessagesInAnySixtySeconds) {
    log_in();
    for (int i = 0; i < 30; ++i)
        ASSERT_THAT(send(), StartsWith("250"));
    EXPECT_THAT(send(), StartsWith("421 4.4.2"));
    EXPECT_EQ(last_, Step::closed);
    now_.steady += 60s;
    session_ = open();
    log_in();
    EXPECT_THAT(send(), StartsWith("250"));
    EXPECT_EQ(limits_.uses().at("relay@contoso.test").messages_in_window_max, 30u);
}

TEST_F(Exchange, RefusesAnotherSenderWhenAskedTo) {
    options_.send_as = SendAs::mailbox;
    session_ = open();
    log_in();
    EXPECT_THAT(
        send("From: App <app@contoso.test>\r\n\r\n"),
        StartsWith("554 5.2.252 SendAsDenied; relay@contoso.test not allowed to send as app@contoso.test;"));
    EXPECT_THAT(send("From: Relay <Relay@contoso.test>\r\n\r\n"), StartsWith("250"));
    for (const std::string& odd :
         {std::string(), std::string("From: relay@contoso.test\r\nFrom: relay@contoso.test\r\n"),
          std::string("From: a@b.com <relay@contoso.test> <evil@y.com>\r\n"),
          // The second one beyond what a reader with a limit looks at.
          "From: <relay@contoso.test>\r\n" + std::string(3000, ' ') + "<evil@y.com>\r\n"})
        EXPECT_THAT(send(odd + "Subject: x\r\n\r\n"), StartsWith("550 5.7.512 Access denied")) << odd;
}

TEST_F(Exchange, RefusesBareLineEndsAndOversizeAfterTheMessage) {
    options_.size_bytes_max = 100;
    session_ = open();
    log_in();
    EXPECT_THAT(send("From: a\n\r\n"), StartsWith("550 5.6.11"));
    EXPECT_THAT(send(std::string(101, 'x') + "\r\n"), StartsWith("552 5.3.4"));
    EXPECT_THAT(send(), StartsWith("250"));
}

TEST_F(Exchange, RefusesTheRecipientBeyondTheLimit) {
    options_.recipients_max = 2;
    session_ = open();
    log_in();
    say("MAIL FROM:<relay@contoso.test>");
    EXPECT_EQ(say("RCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>"),
              "250 2.1.5 Recipient OK\r\n250 2.1.5 Recipient OK\r\n452 4.5.3 Too many recipients\r\n");
}

TEST_F(Exchange, RefusesWhatItDidNotOffer) {
    fail("no-8bitmime:1");
    fail("no-smtputf8:1");
    fail("small-size:1");
    session_ = open();
    log_in();
    EXPECT_THAT(say("EHLO me"),
                AllOf(Not(HasSubstr("8BITMIME")), Not(HasSubstr("SMTPUTF8")), HasSubstr("SIZE 4096")));
    EXPECT_THAT(say("MAIL FROM:<a@b.c> BODY=8BITMIME"), StartsWith("501 5.5.4"));
    EXPECT_THAT(say("MAIL FROM:<a@b.c> SMTPUTF8"), StartsWith("501 5.5.4"));
    EXPECT_THAT(say("MAIL FROM:<a@b.c> SIZE=4097"), StartsWith("552 5.3.4"));
    EXPECT_THAT(say("MAIL FROM:<a@b.c> SIZE=4096"), StartsWith("250"));
    EXPECT_TRUE(faults_.armed().empty());
}

TEST_F(Exchange, FailsAfterTheMessageOnDemand) {
    log_in();
    for (const ReplyFault& fault : message_reply_faults()) {
        ASSERT_TRUE(faults_.arm({std::string(fault.name), 1, {}}).has_value());
        EXPECT_THAT(send(), StartsWith(std::to_string(fault.code) + " ")) << fault.name;
        if (fault.code != 421) continue;
        session_ = open();
        log_in();
    }
    EXPECT_THAT(send(), StartsWith("250"));
}

TEST_F(Exchange, CutsAfterStoringOrBeforeIt) {
    log_in();
    fail("drop-after-dot:1");
    EXPECT_EQ(send(), "");
    EXPECT_EQ(last_, Step::closed);
    EXPECT_EQ(counters_.messages, 1u);
    session_ = open();
    log_in();
    fail("drop-dot-lost:1");
    EXPECT_EQ(send(), "");
    EXPECT_EQ(last_, Step::closed);
    EXPECT_EQ(counters_.messages, 1u);
}

TEST_F(Exchange, CutsOrHangsInEveryPhase) {
    for (const std::string kind : {"drop-", "hang-"}) {
        for (const std::string phase :
             {"banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body"}) {
            faults_.clear();
            session_ = open();
            fail((kind + phase).c_str());
            std::string said = say("");
            const auto stopped = [this] { return last_ == Step::closed || last_ == Step::hang; };
            for (const char* line : {"EHLO me", "STARTTLS"})
                if (!stopped()) said = say(line);
            if (last_ == Step::start_tls) session_->tls_started("TLSv1.3");
            for (const std::string& line :
                 {std::string("EHLO me"), "AUTH XOAUTH2 " + login_text("relay@contoso.test"),
                  std::string("MAIL FROM:<relay@contoso.test>"), std::string("RCPT TO:<a@example.com>"),
                  std::string("DATA"), std::string("text")})
                if (!stopped()) said = say(line);
            EXPECT_EQ(last_, kind == "drop-" ? Step::closed : Step::hang) << kind << phase;
            EXPECT_EQ(said, "") << kind << phase;
        }
    }
}

TEST_F(Exchange, HangsUpOnOneRecipient) {
    log_in();
    fail("drop-recipient@poison@example.com");
    say("MAIL FROM:<relay@contoso.test>");
    EXPECT_THAT(say("RCPT TO:<a@example.com>"), StartsWith("250"));
    EXPECT_EQ(say("RCPT TO:<Poison@example.com>"), "");
    EXPECT_EQ(last_, Step::closed);
}

TEST_F(Exchange, TakesChunks) {
    log_in();
    say("MAIL FROM:<relay@contoso.test> BODY=BINARYMIME");
    say("RCPT TO:<a@example.com>");
    session_->receive("BDAT 4\r\na\r\n.");
    EXPECT_THAT(say(""), StartsWith("250 2.6.0"));
    session_->receive("BDAT 2 LAST\r\n\r\n");
    say("");
    ASSERT_EQ(last_, Step::message);
    EXPECT_EQ(session_->take_message().content, "a\r\n.\r\n");
}

TEST_F(Exchange, IsAPlainSinkWhenAskedTo) {
    options_.security = Security::none;
    session_ = open();
    say("");
    EXPECT_THAT(say("EHLO me"), AllOf(Not(HasSubstr("STARTTLS")), Not(HasSubstr("AUTH"))));
    for (int i = 0; i < 100; ++i)
        ASSERT_THAT(send(), StartsWith("250"));
    EXPECT_EQ(counters_.commands_before_tls, 0u);
}

TEST_F(Exchange, EndsWhenALineIsTooLong) {
    say("");
    session_->receive(std::string(17 * 1024, 'x'));
    EXPECT_THAT(say(""), StartsWith("500"));
    EXPECT_EQ(last_, Step::closed);
}

}  // namespace
}  // namespace mailramp::sandbox
