#include "mailramp/provider/reply_catalogue.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/smtp/reply.h"
#include "provider/reply_rows.h"

namespace mailramp::provider {
namespace {

using mail::Phase;
using ::testing::HasSubstr;

// What a server's line means when it comes in `phase`.
Verdict verdict_on(std::string_view line, Phase phase, Dialect dialect = Dialect::exchange_online) {
    smtp::ReplyParser parser;
    const std::string text = std::string(line) + "\r\n";
    std::string_view bytes = text;
    const auto reply = parser.consume(bytes);
    EXPECT_TRUE(reply && *reply) << line;
    return classify(dialect, smtp::to_answer(**reply, phase));
}

mail::Answer silence(Phase phase, std::string text = "connection reset") {
    return {mail::Channel::smtp, phase, 0, "", std::move(text)};
}

struct Line {
    const char* text;
    Phase phase;
    Action action;
    Radius radius;
    const char* remedy_part;
};

// Wording that was observed on the wire; host names, ids and addresses are replaced.
constexpr Line observed[] = {
    {"535 5.7.3 Authentication unsuccessful [AB1CD23EF0001.EURPRD01.PROD.OUTLOOK.COM "
     "2026-01-02T03:04:05.678Z "
     "08DC000000000000]",
     Phase::auth, Action::pause, Radius::mailbox, "Object ID"},
    {"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit "
     "https://aka.ms/smtp_auth_disabled for more information. [AB1]",
     Phase::auth, Action::pause, Radius::tenant, "Set-CASMailbox"},
    {"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit "
     "https://aka.ms/smtp_auth_disabled for more information. [AB1]",
     Phase::auth, Action::pause, Radius::mailbox, "Set-CASMailbox"},
    {"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated "
     "successfully. "
     "Contact your administrator. [AB1]",
     Phase::auth, Action::pause, Radius::mailbox, "sign-in log"},
    {"535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults "
     "policy. Contact "
     "your administrator.",
     Phase::auth, Action::pause, Radius::tenant, "security defaults"},
    {"432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more "
     "information. "
     "[Hostname=AB1.prod.outlook.com]",
     Phase::body_end, Action::lower_concurrency, Radius::mailbox, "connections_max"},
    {"432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Phase::body_end,
     Action::lower_concurrency, Radius::mailbox, "connections_max"},
    {"430 4.2.0 STOREDRV; mailbox logon failure; "
     "STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to "
     "process "
     "message due to a transient exception",
     Phase::body_end, Action::pause, Radius::mailbox, "FullAccess"},
    {"554 5.2.252 SendAsDenied; relay@example.com not allowed to send as app@example.com; "
     "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process "
     "message due to a "
     "permanent exception",
     Phase::body_end, Action::hold, Radius::sender, "collapse"},
    {"554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
     Phase::body_end, Action::pause, Radius::mailbox, "24 hours"},
    {"554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a "
     "permanent "
     "exception with message WASCL UserAction verdict is not None. Actual verdict is RefuseQuota",
     Phase::body_end, Action::pause, Radius::mailbox, "Restricted entities"},
    {"550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email "
     "to external "
     "recipients (tenant external recipient rate limit).",
     Phase::body_end, Action::pause, Radius::tenant, "24 hours"},
    {"452 4.5.3 Too many recipients", Phase::rcpt, Action::requeue, Radius::recipient, "nothing to do"},
    {"451 4.7.0 Temporary server error. Please try again later. PRX2", Phase::body_end, Action::retry,
     Radius::connection, "tried again"},
    {"552 5.3.4 Message size exceeds fixed maximum message size", Phase::body_end, Action::reject,
     Radius::message, "MaxSendSize"},
    {"535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8 "
     "https://support.google.com/mail/?p=BadCredentials",
     Phase::auth, Action::pause, Radius::mailbox, "scope"},
    {"550 5.7.30 Basic authentication is not supported for Client Submission.", Phase::auth, Action::pause,
     Radius::mailbox, "OAuth"},
    {"550 5.2.252 Sender throttled due to continuous send as denied errors.", Phase::mail, Action::pause,
     Radius::mailbox, "SendAsDenied"},
    {"550 5.1.8 Access denied, bad outbound sender AS(42004)", Phase::body_end, Action::pause,
     Radius::mailbox, "Restricted entities"},
    {"554 5.2.2 mailbox full; "
     "STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
     Phase::body_end, Action::pause, Radius::mailbox, "Sent Items"},
    {"550 5.7.60 SMTP; Client does not have permissions to send as this sender", Phase::body_end,
     Action::hold, Radius::sender, "SendAs"},
    {"554 5.2.3 "
     "STOREDRV.Submission.Exception:MessageSubmissionExceededException.MapiExceptionMaxSubmissionExceeded",
     Phase::body_end, Action::reject, Radius::message, "MaxSendSize"},
    {"421 4.4.2 Message submission rate for this client has exceeded the configured limit", Phase::mail,
     Action::slow_down, Radius::mailbox, "messages_per_minute_max"},
    {"421 4.4.2 Connection dropped", Phase::mail, Action::retry, Radius::connection, "tried again"},
    {"451 4.7.500 Server busy. Please try again later from [203.0.113.7]. (S77719)", Phase::mail,
     Action::slow_down, Radius::mailbox, "tried again"},
    {"451 5.7.3 STARTTLS is required to send mail", Phase::mail, Action::pause, Radius::mailbox, "starttls"},
    {"530 5.7.57 Client not authenticated to send mail", Phase::mail, Action::pause, Radius::mailbox,
     "authentication"},
    {"504 5.7.4 Unrecognized authentication type", Phase::auth, Action::pause, Radius::mailbox,
     "host and port"},
    {"454 4.7.0 Temporary authentication failure", Phase::auth, Action::retry, Radius::connection,
     "tried again"},
    {"550 5.1.10 RESOLVER.ADR.RecipientNotFound", Phase::rcpt, Action::reject, Radius::recipient, "address"},
    {"501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon", Phase::auth, Action::retry,
     Radius::connection, "use_margin"},
    {"550 5.5.105 External sending is not supported for High Volume Email accounts", Phase::rcpt,
     Action::reject, Radius::recipient, "ordinary mailbox"},
};

TEST(ReplyCatalogue, KnowsTheObservedLines) {
    for (const Line& line : observed) {
        SCOPED_TRACE(line.text);
        const Verdict verdict = verdict_on(line.text, line.phase);
        EXPECT_TRUE(verdict.row.has_value());
        EXPECT_STREQ(to_string(verdict.action), to_string(line.action));
        EXPECT_STREQ(to_string(verdict.radius), to_string(line.radius));
        EXPECT_THAT(std::string(verdict.remedy), HasSubstr(line.remedy_part));
    }
}

TEST(ReplyCatalogue, RefreshesTheTokenOnceForARefusalThatATokenMayCure) {
    EXPECT_EQ(verdict_on("535 5.7.3 Authentication unsuccessful", Phase::auth).token, TokenRefresh::force);
    EXPECT_EQ(verdict_on("535 no", Phase::auth, Dialect::any).token, TokenRefresh::force);
    EXPECT_EQ(verdict_on("501 5.5.127 Token will expire soon", Phase::auth).token, TokenRefresh::force);
    EXPECT_EQ(
        verdict_on("535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox", Phase::auth).token,
        TokenRefresh::keep);
    EXPECT_EQ(verdict_on("454 4.7.0 Temporary authentication failure", Phase::auth).token,
              TokenRefresh::keep);
}

TEST(ReplyCatalogue, AsksAQuotaAgainOnlyAfterAnHour) {
    for (const char* line :
         {"550 5.1.90 Your message can't be sent because you've reached your daily limit",
          "550 5.2.2 Submission quota exceeded", "550 5.7.233 tenant external recipient rate limit"})
        EXPECT_EQ(verdict_on(line, Phase::body_end).wait_min, std::chrono::hours(1)) << line;
    EXPECT_GE(verdict_on("421 4.4.2 Message submission rate exceeded", Phase::mail).wait_min,
              std::chrono::minutes(1));
}

// An answer that a row must match, with nothing in it that the row does not ask for.
mail::Answer sample_of(const Row& row, Phase phase) {
    mail::Answer answer{mail::Channel::smtp, phase, row.code, std::string(row.enhanced),
                        std::string(row.text)};
    if (row.code == no_reply) answer.code = 0;
    if (row.code == 0) answer.code = 599;
    if (row.code == 4 || row.code == 5) answer.code = row.code * 100 + 99;
    for (char& c : answer.enhanced)
        if (c == '?') c = '7';
    return answer;
}

TEST(ReplyCatalogue, HasNoRowThatAnEarlierOneHides) {
    for (std::size_t i = 0; i < catalogue().size(); ++i) {
        const Row& row = catalogue()[i];
        std::vector<Phase> phases(row.phases.begin(), row.phases.end());
        if (phases.empty()) phases = {Phase::mail, Phase::rcpt, Phase::data, Phase::body, Phase::body_end};
        for (const Phase phase : phases) {
            const mail::Answer answer = sample_of(row, phase);
            const Verdict verdict = classify(row.dialect, answer);
            ASSERT_TRUE(verdict.row.has_value()) << i << " " << mail::to_string(answer);
            EXPECT_EQ(*verdict.row, i) << mail::to_string(answer);
            // Nor does it turn into another row for Exchange, unless one for Exchange stands above it.
            const Verdict at_exchange = classify(Dialect::exchange_online, answer);
            if (*at_exchange.row != i) {
                EXPECT_EQ(catalogue()[*at_exchange.row].dialect, Dialect::exchange_online)
                    << mail::to_string(answer);
            }
        }
    }
}

TEST(ReplyCatalogue, HasCauseAndRemedyInEveryRow) {
    for (const Row& row : catalogue()) {
        const mail::Answer answer = sample_of(row, Phase::none);
        EXPECT_FALSE(row.verdict.cause.empty()) << mail::to_string(answer);
        EXPECT_FALSE(row.verdict.remedy.empty()) << mail::to_string(answer);
        EXPECT_FALSE(row.verdict.row.has_value());
        EXPECT_NE(row.verdict.action, Action::accept);
    }
}

// What concerns a login, a quota or a throttle must never reach a message.
TEST(ReplyCatalogue, NeverBlamesAMessageForItsMailbox) {
    for (const Row& row : catalogue()) {
        const bool finishes = row.verdict.action == Action::reject || row.verdict.action == Action::hold;
        const bool waits = row.verdict.action == Action::pause || row.verdict.action == Action::slow_down ||
                           row.verdict.action == Action::lower_concurrency;
        if (finishes) {
            EXPECT_TRUE(row.verdict.radius == Radius::recipient || row.verdict.radius == Radius::message ||
                        row.verdict.radius == Radius::sender);
        }
        if (waits) {
            EXPECT_TRUE(row.verdict.radius == Radius::mailbox || row.verdict.radius == Radius::tenant);
        }
    }
    for (int code = 400; code < 600; ++code) {
        const Verdict verdict =
            classify(Dialect::exchange_online, {mail::Channel::smtp, Phase::auth, code, "", ""});
        EXPECT_TRUE(verdict.radius != Radius::message && verdict.radius != Radius::recipient) << code;
        EXPECT_TRUE(verdict.action == Action::pause || verdict.action == Action::retry) << code;
    }
}

TEST(GeneralRule, JudgesByFirstDigitAndPhase) {
    const auto expect = [](std::string_view line, Phase phase, Action action, Radius radius) {
        SCOPED_TRACE(line);
        const Verdict verdict = verdict_on(line, phase);
        EXPECT_FALSE(verdict.row.has_value());
        EXPECT_STREQ(to_string(verdict.action), to_string(action));
        EXPECT_STREQ(to_string(verdict.radius), to_string(radius));
        EXPECT_FALSE(verdict.cause.empty());
        EXPECT_FALSE(verdict.remedy.empty());
    };
    expect("250 2.0.0 OK", Phase::body_end, Action::accept, Radius::message);
    expect("250 5.7.3 odd", Phase::body_end, Action::accept, Radius::message);  // the basic code decides
    expect("451 9.9.9 later", Phase::mail, Action::retry, Radius::message);
    expect("450 4.2.1 busy", Phase::rcpt, Action::retry, Radius::recipient);
    expect("451 5.9.9 odd", Phase::body_end, Action::retry, Radius::message);
    expect("454 later", Phase::banner, Action::retry, Radius::connection);
    expect("421 bye", Phase::rcpt, Action::retry, Radius::connection);
    expect("421 bye", Phase::body_end, Action::retry, Radius::message);
    expect("554 go away", Phase::banner, Action::pause, Radius::mailbox);
    expect("550 5.7.999 no", Phase::mail, Action::pause, Radius::mailbox);
    expect("550 5.1.999 no", Phase::mail, Action::reject, Radius::message);
    expect("550 no", Phase::rcpt, Action::reject, Radius::recipient);
    expect("554 no", Phase::data, Action::reject, Radius::message);
    expect("554 5.9.9 no", Phase::body_end, Action::reject, Radius::message);
}

TEST(GeneralRule, RetriesSilence) {
    for (const Phase phase : {Phase::resolve, Phase::connect, Phase::banner, Phase::ehlo, Phase::starttls,
                              Phase::tls, Phase::auth, Phase::mail, Phase::rcpt, Phase::data}) {
        const Verdict verdict = classify(Dialect::any, silence(phase));
        EXPECT_EQ(verdict.action, Action::retry) << mail::to_string(phase);
        EXPECT_EQ(verdict.radius, Radius::connection) << mail::to_string(phase);
    }
    // What breaks the line while content flows may be the content: that counts.
    EXPECT_EQ(classify(Dialect::any, silence(Phase::body)).radius, Radius::message);
    EXPECT_EQ(classify(Dialect::any, silence(Phase::body_end)).radius, Radius::message);
    EXPECT_EQ(
        classify(Dialect::any, silence(Phase::tls, "certificate verify failed: self-signed certificate"))
            .action,
        Action::pause);
}

TEST(Classify, KeepsExchangesMeaningsToExchange) {
    EXPECT_EQ(verdict_on("550 5.1.8 bad", Phase::mail, Dialect::exchange_online).action, Action::pause);
    EXPECT_EQ(verdict_on("550 5.1.8 bad", Phase::mail, Dialect::any).action, Action::reject);
}

TEST(Classify, JudgesTokenFailuresByTheirNumber) {
    mail::Answer answer{mail::Channel::http, Phase::token, 401, "", "invalid_client AADSTS7000222: expired"};
    EXPECT_EQ(classify(Dialect::exchange_online, answer).action, Action::pause);
    EXPECT_THAT(std::string(classify(Dialect::exchange_online, answer).remedy), HasSubstr("new secret"));
    answer = {mail::Channel::http, Phase::token, 503, "", "Service Unavailable"};
    EXPECT_EQ(classify(Dialect::exchange_online, answer).action, Action::retry);
    EXPECT_EQ(classify(Dialect::exchange_online, answer).radius, Radius::connection);
    answer.code = 0;
    EXPECT_EQ(classify(Dialect::exchange_online, answer).action, Action::retry);
}

TEST(Fill, PutsNamesInAndLeavesTheUnknownOnes) {
    const Names names{.mailbox = "relay@example.com", .app_id = "1-2-3", .tenant = ""};
    EXPECT_EQ(fill("<mailbox> of <app id> in <tenant>, again <mailbox>", names),
              "relay@example.com of 1-2-3 in <tenant>, again relay@example.com");
    EXPECT_EQ(fill("<mailbox>", {.mailbox = "<mailbox>", .app_id = "", .tenant = ""}), "<mailbox>");
}

}  // namespace
}  // namespace mailramp::provider
