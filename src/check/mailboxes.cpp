#include "check/mailboxes.h"

#include <string_view>
#include <utility>

#include "check/servers.h"
#include "check/setup_places.h"
#include "check/tokens.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/trace.h"

namespace mailramp::check {
namespace {

Finding failed(Step step, const MailboxFacts& facts, const mail::Answer& answer) {
    Finding finding = passed(step, facts.address, words_of(answer));
    finding.outcome = Outcome::failed;
    return finding;
}

bool says(const mail::Answer& answer, std::string_view words) {
    return base::contains_ignoring_case(answer.text, words);
}

std::string service_principal(const provider::Names& names) {
    return "(Get-ServicePrincipal -Identity " + names.app_id + ")";
}

std::string add_mailbox_permission(const MailboxFacts& facts) {
    return "Add-MailboxPermission -Identity " + facts.address + " -User " + service_principal(facts.names) +
           ".Identity -AccessRights FullAccess";
}

Advice compare_object_id(const MailboxFacts& facts, std::string_view when) {
    return {std::string(when) + "this must print " + facts.claims->object_id,
            service_principal(facts.names) + ".ObjectId"};
}

Advice wait_and_repeat() {
    return {
        "changes take up to two hours to spread in Exchange Online: wait so long after the last one, "
        "changing "
        "nothing, then repeat mailramp check"};
}

// ------------------------------------------------------------------ 535 5.7.3

// The token itself may be used for SMTP, so Exchange does not find the application that it names.
void explain_unknown_application(Finding& finding, const MailboxFacts& facts) {
    const std::string& app = facts.names.app_id;
    const std::string& object_id = facts.claims->object_id;
    finding.cause =
        "the token is as it must be, but Exchange does not know its application: most often "
        "New-ServicePrincipal was given another Object ID than that of the enterprise application (" +
        object_id + "), or was not run";
    finding.remedy = {
        compare_object_id(facts, "in Exchange Online PowerShell, "),
        {"if it prints another one", "Remove-ServicePrincipal -Identity " + app + " -Confirm:$false"},
        {"and then, or if it prints nothing",
         "New-ServicePrincipal -AppId " + app + " -ObjectId " + object_id + " -DisplayName mailramp"},
        {"after that the permission has to be given again", add_mailbox_permission(facts)},
        {"if it was right: the login must be the mailbox's own address, no alias; this must print " +
             facts.user,
         "(Get-Mailbox -Identity " + facts.user + ").PrimarySmtpAddress"},
        wait_and_repeat()};
    finding.setup = places::object_id;
}

void explain_no_role(Finding& finding, const MailboxFacts& facts) {
    const std::string& app = facts.names.app_id;
    finding.cause =
        "the token has no role, and Exchange lets the application in by none either: in the classic way "
        "nobody "
        "has given admin consent to SMTP.SendAsApp; with RBAC for Applications the role does not reach this "
        "mailbox, or the Object ID is wrong";
    finding.remedy = {{"classic way: when the application has the permission SMTP.SendAsApp of Office 365 "
                       "Exchange Online (type "
                       "Application), consent to it",
                       "az ad app permission admin-consent --id " + app},
                      {"RBAC for Applications: this must print Application SMTP.SendAsApp with InScope True",
                       "Test-ServicePrincipalAuthorization -Identity " + app + " -Resource " + facts.user},
                      compare_object_id(facts, "RBAC for Applications: "),
                      wait_and_repeat()};
    finding.setup = places::consent;
}

bool is_bare_refusal(const MailboxFacts& facts, const mail::Answer& answer) {
    return facts.dialect == provider::Dialect::exchange_online && answer.channel == mail::Channel::smtp &&
           answer.phase == mail::Phase::auth && answer.code == 535 && answer.enhanced == "5.7.3";
}

SetupPlace place_of_login(const mail::Answer& answer) {
    if (says(answer, "SmtpClientAuthentication is disabled")) return places::smtp_auth;
    if (answer.enhanced == "5.7.139") return places::policies;
    if (answer.phase == mail::Phase::auth && answer.enhanced == "5.7.3") return places::object_id;
    return places::errors;
}

// What the catalogue knows, for whatever has no explanation of its own.
void explain_by_catalogue(Finding& finding, const MailboxFacts& facts, const mail::Answer& answer) {
    const provider::Verdict verdict = provider::classify(facts.dialect, answer);
    finding.cause = verdict.cause;
    finding.remedy = {{provider::fill(verdict.remedy, facts.names)}};
}

}  // namespace

// ------------------------------------------------------------------ the login

Finding judge_login(const MailboxFacts& facts, const mail::Answer* failure) {
    const bool other_user = !base::equals_ignoring_case(facts.user, facts.address);
    if (failure == nullptr)
        return passed(Step::login, facts.address,
                      other_user ? "the server lets us in as " + facts.user : "the server lets us in");
    Finding finding = failed(Step::login, facts, *failure);
    if (is_bare_refusal(facts, *failure) && facts.claims && !facts.claims->object_id.empty()) {
        if (has_smtp_role(*facts.claims))
            explain_unknown_application(finding, facts);
        else
            explain_no_role(finding, facts);
        return finding;
    }
    explain_by_catalogue(finding, facts, *failure);
    finding.setup = place_of_login(*failure);
    if (says(*failure, "SmtpClientAuthentication is disabled"))
        finding.remedy = {
            {"in Exchange Online PowerShell; for this mailbox only, whatever the tenant's setting",
             "Set-CASMailbox -Identity " + facts.address + " -SmtpClientAuthenticationDisabled $false"}};
    if (finding.setup.heading == places::smtp_auth.heading) finding.remedy.push_back(wait_and_repeat());
    return finding;
}

// ------------------------------------------------------------------ the message

Finding message_not_tested(const MailboxFacts& facts) {
    return skipped(Step::message, facts.address,
                   "not tested: whether it may send shows only with a message; --send-to ADDRESS sends one");
}

Finding judge_message(const MailboxFacts& facts, const std::string& recipient, Taken taken,
                      const mail::Answer& answer) {
    if (taken == Taken::yes) {
        Finding finding =
            passed(Step::message, facts.address, "taken for " + recipient + ": " + words_of(answer));
        finding.notes = {"see that it arrives (the junk folder too); what bounces later comes back to " +
                         facts.address};
        return finding;
    }
    Finding finding = failed(Step::message, facts, answer);
    if (taken == Taken::uncertain) {
        finding.cause = "the message went out, and no final reply came: the server may have taken it";
        finding.remedy = {{"look whether " + recipient + " got it, then repeat mailramp check"}};
        finding.setup = places::errors;
        return finding;
    }
    explain_by_catalogue(finding, facts, answer);
    finding.setup = places::errors;
    const bool exchange = facts.dialect == provider::Dialect::exchange_online;
    if (exchange && (says(answer, "mailbox logon failure") || says(answer, "MapiExceptionLogonFailed"))) {
        finding.remedy = {{"in Exchange Online PowerShell", add_mailbox_permission(facts)}};
        if (facts.claims && has_smtp_role(*facts.claims))
            finding.remedy.emplace_back(
                "with RBAC for Applications instead: take the API permission SMTP.SendAsApp away from the "
                "application; having it makes Exchange ask for the mailbox permission too");
        finding.remedy.emplace_back(
            "if the mailbox has lost its licence: assign it again, then repeat the first line");
        finding.remedy.push_back(wait_and_repeat());
        finding.setup = places::mailbox_permission;
    } else if (exchange && (says(answer, "SendAsDenied") || answer.enhanced == "5.7.60")) {
        finding.cause =
            "the mailbox may not send even as itself: the configured address is probably an alias";
        finding.remedy = {{"configure the address that this prints",
                           "(Get-Mailbox -Identity " + facts.address + ").PrimarySmtpAddress"},
                          {"or allow aliases as senders, for the whole tenant",
                           "Set-OrganizationConfig -SendFromAliasEnabled $true"},
                          wait_and_repeat()};
        finding.setup = places::mailbox;
    }
    return finding;
}

std::string write_test_message(const TestMessage& message) {
    std::string text;
    const auto line = [&text](std::string_view words) { text.append(words).append("\r\n"); };
    line("From: mailramp <" + message.from + ">");
    line("To: <" + message.to + ">");
    line("Subject: mailramp check: test message");
    line("Date: " + mail::header_date(message.now));
    line("Message-ID: " + message.message_id);
    line("MIME-Version: 1.0");
    line("Content-Type: text/plain; charset=us-ascii");
    line("Auto-Submitted: auto-generated");
    line("");
    line("This is a test message.");
    line("");
    line("It was sent by mailramp check on " + message.host_name + ",");
    line("through the mailbox " + message.from + ".");
    line("That it has arrived shows that this mailbox may send.");
    return text;
}

}  // namespace mailramp::check
