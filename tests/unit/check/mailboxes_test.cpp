#include "check/mailboxes.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "check/setup_places.h"
#include "unit/check/matching.h"

namespace mailramp::check {
namespace {

using namespace std::chrono_literals;
using testing::all_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::words;

constexpr const char* app = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
constexpr const char* object_id = "99999999-8888-7777-6666-555555555555";
constexpr const char* two_hours = "up to two hours";

enum class Way { classic, without_role, opaque };

MailboxFacts mailbox(Way way) {
    MailboxFacts facts;
    facts.address = facts.user = "alerts@contoso.com";
    facts.dialect = provider::Dialect::exchange_online;
    facts.names = {"alerts@contoso.com", app, "tenant"};
    if (way == Way::opaque) return facts;
    facts.claims.emplace();
    facts.claims->object_id = object_id;
    if (way == Way::classic) facts.claims->roles = {"SMTP.SendAsApp"};
    return facts;
}

mail::Answer at_login(int code, std::string enhanced, std::string text) {
    return {mail::Channel::smtp, mail::Phase::auth, code, std::move(enhanced), std::move(text)};
}

// What the server says to a login, what of the cause, what of the remedy, and where the set-up has it.
struct Refused {
    Way way;
    mail::Answer answer;
    std::string_view cause;
    std::string remedy;
    std::string_view heading;
    std::string_view article;
};

const mail::Answer unsuccessful = at_login(535, "5.7.3", "Authentication unsuccessful [X]");

const Refused refusals[] = {
    {Way::classic, unsuccessful, "another Object ID",
     "New-ServicePrincipal -AppId " + std::string(app) + " -ObjectId " + object_id + " -DisplayName mailramp",
     "Wrong Object ID", "1.2, steps 5 and 12"},
    {Way::classic, unsuccessful, object_id,
     "(Get-ServicePrincipal -Identity " + std::string(app) + ").ObjectId", "Wrong Object ID",
     "1.2, steps 5 and 12"},
    {Way::without_role, unsuccessful, "admin consent",
     "az ad app permission admin-consent --id " + std::string(app), "The classic way", "1.1, steps 8 to 18"},
    {Way::without_role, unsuccessful, "RBAC for Applications",
     "Test-ServicePrincipalAuthorization -Identity " + std::string(app) + " -Resource alerts@contoso.com",
     "The classic way", "1.1, steps 8 to 18"},
    {Way::opaque, unsuccessful, "does not let this application submit", "New-ServicePrincipal",
     "Wrong Object ID", "1.2, steps 5 and 12"},
    {Way::classic,
     at_login(535, "5.7.139",
              "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."),
     "switched off for the whole tenant",
     "Set-CASMailbox -Identity alerts@contoso.com -SmtpClientAuthenticationDisabled $false", "5 SMTP AUTH",
     "1.2, step 17"},
    {Way::classic,
     at_login(535, "5.7.139",
              "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."),
     "switched off for this mailbox",
     "Set-CASMailbox -Identity alerts@contoso.com -SmtpClientAuthenticationDisabled $false", "5 SMTP AUTH",
     "1.2, step 17"},
    {Way::classic,
     at_login(535, "5.7.139", "user is locked by your organization's security defaults policy."),
     "security defaults", "security defaults", "5 SMTP AUTH", ""},
    {Way::classic, at_login(535, "5.7.139", "the request did not meet the criteria to be authenticated"),
     "Conditional Access", app, "5 SMTP AUTH", ""},
};

TEST(JudgeLogin, ExplainsEachRefusalWithWhatToType) {
    for (const Refused& refused : refusals) {
        const Finding finding = judge_login(mailbox(refused.way), &refused.answer);
        EXPECT_EQ(finding.outcome, Outcome::failed);
        EXPECT_THAT(finding.cause, HasSubstr(refused.cause));
        EXPECT_THAT(all_of(finding), HasSubstr(refused.remedy));
        EXPECT_EQ(finding.setup.heading, refused.heading);
        EXPECT_EQ(finding.setup.article, refused.article);
        const bool spreads = refused.way != Way::opaque;
        EXPECT_THAT(all_of(finding), HasSubstr(spreads ? two_hours : "up to 2 hours")) << refused.cause;
    }
}

TEST(JudgeLogin, LeavesOtherServersToTheCatalogue) {
    MailboxFacts facts = mailbox(Way::classic);
    facts.dialect = provider::Dialect::any;
    const Finding finding = judge_login(facts, &unsuccessful);
    EXPECT_THAT(all_of(finding), Not(HasSubstr("New-ServicePrincipal")));
    EXPECT_THAT(finding.cause, HasSubstr("does not accept the login"));
}

TEST(JudgeLogin, NamesAnotherUser) {
    MailboxFacts facts = mailbox(Way::classic);
    facts.user = "service@contoso.com";
    EXPECT_THAT(judge_login(facts, nullptr).text, HasSubstr("as service@contoso.com"));
    EXPECT_THAT(judge_login(mailbox(Way::classic), nullptr).text, Not(HasSubstr("as ")));
}

// ------------------------------------------------------------------ the message

mail::Answer at_end(int code, std::string enhanced, std::string text) {
    return {mail::Channel::smtp, mail::Phase::body_end, code, std::move(enhanced), std::move(text)};
}

TEST(JudgeMessage, ShowsTheReceipt) {
    const Finding finding = judge_message(mailbox(Way::classic), "ops@example.com", Taken::yes,
                                          at_end(250, "2.0.0", "OK <id@h> [Hostname=X]"));
    EXPECT_EQ(finding.outcome, Outcome::passed);
    EXPECT_EQ(finding.text, "taken for ops@example.com: 250 2.0.0 OK <id@h> [Hostname=X]");
}

TEST(JudgeMessage, NamesTheMissingPermissionOfTheMailbox) {
    const mail::Answer answer = at_end(
        430, "4.2.0",
        "STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException."
        "MapiExceptionLogonFailed; Failed to process message");
    const Finding finding = judge_message(mailbox(Way::classic), "ops@example.com", Taken::no, answer);
    EXPECT_THAT(finding.cause, HasSubstr("no permission on this mailbox"));
    EXPECT_EQ(finding.remedy.at(0).command,
              "Add-MailboxPermission -Identity alerts@contoso.com -User "
              "(Get-ServicePrincipal -Identity " +
                  std::string(app) + ").Identity -AccessRights FullAccess");
    EXPECT_THAT(all_of(finding), HasSubstr("take the API permission SMTP.SendAsApp away"));
    EXPECT_THAT(all_of(finding), HasSubstr(two_hours));
    EXPECT_EQ(finding.setup.article, "1.2, steps 15 and 16");
}

TEST(JudgeMessage, SuspectsAnAliasWhenTheMailboxMayNotSendAsItself) {
    const mail::Answer answer = at_end(554, "5.2.252", "SendAsDenied; a not allowed to send as b");
    const Finding finding = judge_message(mailbox(Way::classic), "ops@example.com", Taken::no, answer);
    EXPECT_THAT(finding.cause, HasSubstr("alias"));
    EXPECT_EQ(finding.remedy.at(0).command, "(Get-Mailbox -Identity alerts@contoso.com).PrimarySmtpAddress");
}

TEST(JudgeMessage, LeavesOtherRefusalsToTheCatalogue) {
    const mail::Answer answer = at_end(550, "5.1.8", "Access denied, bad outbound sender AS(42004)");
    const Finding finding = judge_message(mailbox(Way::classic), "ops@example.com", Taken::no, answer);
    EXPECT_THAT(words(finding), HasSubstr("unblock alerts@contoso.com"));
}

TEST(JudgeMessage, DoesNotGuessWithoutAFinalReply) {
    const mail::Answer answer = at_end(0, "", "the connection ended");
    const Finding finding = judge_message(mailbox(Way::classic), "ops@example.com", Taken::uncertain, answer);
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_THAT(finding.cause, HasSubstr("may have taken it"));
}

TEST(MessageNotTested, SaysHowToTestIt) {
    EXPECT_THAT(message_not_tested(mailbox(Way::classic)).text, HasSubstr("--send-to ADDRESS"));
}

TEST(WriteTestMessage, IsACompleteMessage) {
    const std::string text =
        write_test_message({"a@contoso.com", "b@example.com", "web1", "<1@web1>", base::WallTime(0s)});
    EXPECT_THAT(text, HasSubstr("From: mailramp <a@contoso.com>\r\nTo: <b@example.com>\r\nSubject: "));
    EXPECT_THAT(text, HasSubstr("\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@web1>\r\n"));
    EXPECT_THAT(text, HasSubstr("\r\n\r\nThis is a test message.\r\n"));
    for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1))
        EXPECT_EQ(text.at(at - 1), '\r');
}

// ------------------------------------------------------------------ the places

TEST(SetupPlaces, AreHeadingsOfTheDocument) {
    std::ifstream file(MAILRAMP_SOURCE_DIR "/docs/setup-microsoft-365.md");
    const std::string document((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    ASSERT_FALSE(document.empty());
    for (const SetupPlace& place : places::all)
        EXPECT_THAT(document, HasSubstr("# " + std::string(place.heading) + "\n"));
}

}  // namespace
}  // namespace mailramp::check
