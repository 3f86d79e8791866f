#include "check/servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/check/matching.h"

namespace mailramp::check {
namespace {

using testing::all_of;
using ::testing::HasSubstr;
using testing::words;

const ServerName server{"smtp.example", 587};

TEST(JudgeName, ShowsTheAddressesButNotTooMany) {
    const base::Result<std::vector<io::Endpoint>> found = std::vector<io::Endpoint>{
        {"192.0.2.1", 587}, {"192.0.2.2", 587}, {"192.0.2.3", 587}, {"::1", 587}, {"::2", 587}, {"::3", 587}};
    EXPECT_EQ(judge_name(Step::mail_host, "smtp.example", found).text,
              "smtp.example is 192.0.2.1, 192.0.2.2, 192.0.2.3, ::1 and 2 more");
    const base::Result<std::vector<io::Endpoint>> itself = std::vector<io::Endpoint>{{"192.0.2.1", 587}};
    EXPECT_EQ(judge_name(Step::mail_host, "192.0.2.1", itself).text, "192.0.2.1");
}

TEST(JudgeName, TellsAnUnknownNameFromASilentNameServer) {
    const Finding unknown = judge_name(Step::mail_host, "smtp.exmaple",
                                       base::fail(base::ErrorKind::not_found, "look up smtp.exmaple: none"));
    EXPECT_THAT(unknown.cause, HasSubstr("misspelt"));
    EXPECT_THAT(all_of(unknown), HasSubstr("getent ahosts smtp.exmaple"));
    EXPECT_THAT(all_of(unknown), HasSubstr("upstream: host"));
    const Finding silent =
        judge_name(Step::token_host, "login.example", base::fail(base::ErrorKind::timeout, "no answer"));
    EXPECT_THAT(silent.cause, HasSubstr("did not answer"));
    EXPECT_THAT(all_of(silent), HasSubstr("token: authority"));
}

TEST(JudgeConnection, TellsARefusalFromSilence) {
    const base::Error refused{base::ErrorKind::unavailable, "connect: 192.0.2.1:587: Connection refused"};
    EXPECT_THAT(judge_connection(server, &refused, "").cause, HasSubstr("nothing listens on TCP 587"));
    const base::Error silent{base::ErrorKind::timeout,
                             "connect: 192.0.2.1:587: no answer within the time limit"};
    const Finding finding = judge_connection(server, &silent, "");
    EXPECT_THAT(finding.cause, HasSubstr("TCP 587 is closed on the way"));
    EXPECT_THAT(finding.cause, HasSubstr("hosting provider"));
    EXPECT_EQ(finding.remedy.at(0).command, "nc -vz -w 5 smtp.example 587");
    EXPECT_EQ(judge_connection(server, nullptr, "192.0.2.1").text, "smtp.example:587 answers (192.0.2.1)");
}

TEST(Issuer, IsTheLastThingThatTheFailureNames) {
    EXPECT_EQ(issuer_in("x (subject: CN = a; issuer: b; issuer: O = Corp, CN = CA (2))"),
              "O = Corp, CN = CA (2)");
    EXPECT_EQ(issuer_in("the handshake failed"), "");
    EXPECT_EQ(issuer_in("; issuer: "), "");
}

// How the session ended, and what is to be said of it.
struct Ending {
    mail::Answer failure;
    std::string_view word;
    std::string_view heading;
};
const Ending endings[] = {
    {{mail::Channel::smtp, mail::Phase::tls, 0, "",
      "the certificate of smtp.example is not accepted: unable to get local issuer certificate (subject: CN "
      "= "
      "smtp.example; issuer: CN = Corp CA)"},
     "\"CN = Corp CA\", which this machine does not trust",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::tls, 0, "",
      "the certificate of smtp.example is not accepted: certificate has expired (subject: CN = a; issuer: CN "
      "= "
      "b)"},
     "timedatectl status",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::tls, 0, "",
      "the certificate of smtp.example is not accepted: hostname mismatch (subject: CN = other.example; "
      "issuer: "
      "CN = b)"},
     "for another name than smtp.example",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::tls, 0, "", "TLS handshake with smtp.example: unsupported protocol"},
     "old versions",
     "6 mailramp"},
    {{mail::Channel::local, mail::Phase::starttls, 554, "5.7.10", "the server does not offer STARTTLS"},
     "inspects SMTP",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::starttls, 454, "4.7.0", "TLS not available"},
     "no TLS right now",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::banner, 0, "", "the server broke the SMTP protocol"},
     "does not speak SMTP",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::ehlo, 501, "5.5.4", "Invalid domain name"},
     "ehlo_name",
     "6 mailramp"},
    {{mail::Channel::smtp, mail::Phase::banner, 421, "4.3.2", "Service not available"},
     "before it was ready",
     "6 mailramp"},
};

TEST(JudgeSession, ExplainsEachEndBeforeTheLogin) {
    for (const Ending& ending : endings) {
        SessionFacts facts;
        facts.server = server;
        facts.failure = ending.failure;
        const Finding finding = judge_session(facts);
        EXPECT_EQ(finding.outcome, Outcome::failed);
        EXPECT_THAT(words(finding), HasSubstr(ending.word));
        EXPECT_EQ(finding.setup.heading, ending.heading);
        EXPECT_FALSE(finding.remedy.empty());
    }
}

SessionFacts ready_session() {
    SessionFacts facts;
    facts.server = server;
    facts.ready = true;
    facts.tls_info = {"TLSv1.3", "", "CN = smtp.example", "CN = Good CA"};
    facts.capabilities.auth_xoauth2 = true;
    return facts;
}

TEST(JudgeSession, NamesWhoVouchesForTheServer) {
    const Finding finding = judge_session(ready_session());
    EXPECT_EQ(finding.outcome, Outcome::passed);
    EXPECT_EQ(finding.text, "TLSv1.3; certificate of CN = smtp.example, issued by CN = Good CA");
}

TEST(JudgeSession, WantsALoginWithATokenUnlessNoneIsConfigured) {
    SessionFacts facts = ready_session();
    facts.capabilities.auth_xoauth2 = false;
    const Finding finding = judge_session(facts);
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_EQ(finding.text, "smtp.example:587 does not offer AUTH XOAUTH2");
    facts.login = Login::none;
    EXPECT_EQ(judge_session(facts).outcome, Outcome::passed);
    facts.login = Login::token;
    facts.capabilities.auth_oauthbearer = true;
    EXPECT_EQ(judge_session(facts).outcome, Outcome::passed);
}

TEST(JudgeSession, IsNotNeededWhereTlsIsOff) {
    SessionFacts facts = ready_session();
    facts.tls = Tls::none;
    EXPECT_EQ(judge_session(facts).outcome, Outcome::skipped);
}

}  // namespace
}  // namespace mailramp::check
