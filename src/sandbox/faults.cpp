#include "sandbox/faults.h"

#include <algorithm>
#include <array>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

// Wording as observed in public transcripts and Microsoft's documentation.
constexpr std::array auth_replies{
    ReplyFault{"535", 535, "5.7.3 Authentication unsuccessful %h"},
    ReplyFault{
        "5.7.139-tenant", 535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit "
        "https://aka.ms/smtp_auth_disabled for more information. %h"},
    ReplyFault{
        "5.7.139-mailbox", 535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit "
        "https://aka.ms/smtp_auth_disabled for more information. %h"},
    ReplyFault{
        "5.7.139-criteria", 535,
        "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated "
        "successfully. Contact your administrator. %h"},
    ReplyFault{"550-5.7.30", 550, "5.7.30 Basic authentication is not supported for Client Submission."},
    ReplyFault{"454", 454, "4.7.0 Temporary authentication failure %h"},
};

constexpr std::array message_replies{
    ReplyFault{
        "430", 430,
        "4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:"
        "ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a "
        "transient exception with message Cannot open mailbox. %h"},
    ReplyFault{
        "432", 432,
        "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more "
        "information. %h"},
    ReplyFault{"421-rate", 421,
               "4.4.2 Message submission rate for this client has exceeded the configured limit %h"},
    ReplyFault{"451", 451, "4.7.0 Temporary server error. Please try again later. PRX2 %h"},
    ReplyFault{"452", 452, "4.3.1 Insufficient system resources %h"},
    ReplyFault{
        "554-quota", 554,
        "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due "
        "to a permanent exception with message The message can't be submitted because the sender's "
        "submission quota was exceeded. %h"},
    ReplyFault{
        "554-spam", 554,
        "5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a "
        "permanent exception with message WASCL UserAction verdict is not None. Actual verdict is "
        "RefuseQuota %h"},
    ReplyFault{"554-full", 554,
               "5.2.2 mailbox full; STOREDRV.Submission.Exception:"
               "QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a "
               "permanent exception %h"},
    ReplyFault{"550-5.1.8", 550, "5.1.8 Access denied, bad outbound sender AS(42004) %h"},
    ReplyFault{
        "550-5.1.90", 550,
        "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients"},
    ReplyFault{"550-5.2.252", 550, "5.2.252 Sender throttled due to continuous send as denied errors."},
    ReplyFault{"550-5.7.233", 550,
               "5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending "
               "email to "
               "external recipients (tenant external recipient rate limit)."},
    ReplyFault{"552", 552, "5.3.4 Message size exceeds fixed maximum message size"},
    ReplyFault{"554-content", 554, "5.6.0 Invalid message content"},
    ReplyFault{
        "sendas", 554,
        "5.2.252 SendAsDenied; %m not allowed to send as %s; STOREDRV.Submission.Exception:"
        "SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent "
        "exception %h"},
};

constexpr std::array fault_names{
    FaultName{"535", "AUTH is refused: 535 5.7.3"},
    FaultName{"5.7.139-tenant", "AUTH is refused: SMTP AUTH is disabled for the tenant"},
    FaultName{"5.7.139-mailbox", "AUTH is refused: SMTP AUTH is disabled for the mailbox"},
    FaultName{"5.7.139-criteria", "AUTH is refused: conditional access"},
    FaultName{"550-5.7.30", "AUTH is refused: basic authentication is gone"},
    FaultName{"wrong-object-id",
              "AUTH is refused (535 5.7.3): Exchange has another object ID of the application"},
    FaultName{"454", "AUTH is refused for now: 454 4.7.0"},
    FaultName{"430", "after the message: 430 4.2.0 mailbox logon failure"},
    FaultName{"432", "after the message: 432 4.3.2 too many connections"},
    FaultName{"421-rate", "after the message: 421 4.4.2 submission rate, and the connection ends"},
    FaultName{"451", "after the message: 451 4.7.0 temporary server error"},
    FaultName{"452", "after the message: 452 4.3.1 insufficient resources"},
    FaultName{"554-quota", "after the message: 554 5.2.0 submission quota exceeded"},
    FaultName{"554-spam", "after the message: 554 5.2.0 outbound spam"},
    FaultName{"554-full", "after the message: 554 5.2.2 mailbox full"},
    FaultName{"550-5.1.8", "after the message: 550 5.1.8 bad outbound sender"},
    FaultName{"550-5.1.90", "after the message: 550 5.1.90 daily recipient limit"},
    FaultName{"550-5.2.252", "after the message: 550 5.2.252 sender throttled"},
    FaultName{"550-5.7.233", "after the message: 550 5.7.233 tenant external recipient limit"},
    FaultName{"552", "after the message: 552 5.3.4 too large"},
    FaultName{"554-content", "after the message: 554 5.6.0 invalid content"},
    FaultName{"sendas", "after the message: 554 5.2.252 SendAsDenied"},
    FaultName{"421", "MAIL is answered 421 4.3.2, and the connection ends"},
    FaultName{"421-banner", "421 4.3.2 instead of the banner, and the connection ends"},
    FaultName{"rcpt-550", "RCPT is answered 550 5.1.10"},
    FaultName{"rcpt-452", "RCPT is answered 452 4.5.3"},
    FaultName{"drop-banner", "the connection ends instead of the banner"},
    FaultName{"drop-ehlo", "the connection ends instead of the reply to EHLO"},
    FaultName{"drop-starttls", "the connection ends instead of the reply to STARTTLS"},
    FaultName{"drop-auth", "the connection ends instead of the reply to AUTH"},
    FaultName{"drop-mail", "the connection ends instead of the reply to MAIL"},
    FaultName{"drop-rcpt", "the connection ends instead of the reply to RCPT"},
    FaultName{"drop-recipient", "the connection ends instead of the reply to RCPT of the address behind @"},
    FaultName{"drop-data", "the connection ends instead of 354"},
    FaultName{"drop-body", "the connection ends at the first octets of the body"},
    FaultName{"drop-after-dot", "the message is stored, then the connection ends without a reply"},
    FaultName{"drop-dot-lost", "the message is lost, and the connection ends without a reply"},
    FaultName{"hang-banner", "no banner"},
    FaultName{"hang-ehlo", "no reply to EHLO"},
    FaultName{"hang-starttls", "no reply to STARTTLS"},
    FaultName{"hang-tls", "no handshake after the reply to STARTTLS"},
    FaultName{"hang-auth", "no reply to AUTH"},
    FaultName{"hang-mail", "no reply to MAIL"},
    FaultName{"hang-rcpt", "no reply to RCPT"},
    FaultName{"hang-data", "no reply to DATA"},
    FaultName{"hang-body", "the body is not read on"},
    FaultName{"hang-dot", "the message is lost, no reply to its end"},
    FaultName{"hang-quit", "no reply to QUIT"},
    FaultName{"slow", "every reply is late by --slow-ms"},
    FaultName{"garbage", "the reply to EHLO is not SMTP"},
    FaultName{"no-starttls", "STARTTLS is neither offered nor accepted (a session)"},
    FaultName{"no-xoauth2", "XOAUTH2 is neither offered nor accepted (a session)"},
    FaultName{"no-8bitmime", "8BITMIME is not offered (a session)"},
    FaultName{"no-smtputf8", "SMTPUTF8 is not offered (a session)"},
    FaultName{"no-pipelining", "PIPELINING is not offered (a session)"},
    FaultName{"small-size", "SIZE 4096 is offered and enforced (a session)"},
    FaultName{"tls", "the SMTP server's certificate is of an unknown authority (a session)"},
    FaultName{"tls-wrong-name", "the SMTP server's certificate is for another name (a session)"},
    FaultName{"tls-expired", "the SMTP server's certificate has expired (a session)"},
    FaultName{"token-401", "the token endpoint refuses the secret: AADSTS7000215"},
    FaultName{"token-expired-secret", "the token endpoint refuses the secret: AADSTS7000222"},
    FaultName{"token-429", "the token endpoint answers 429 with Retry-After"},
    FaultName{"token-500", "the token endpoint answers 500"},
    FaultName{"token-hang", "the token endpoint does not answer"},
    FaultName{"token-html", "the token endpoint answers 200 with a web page"},
    FaultName{"token-crlf", "the token has a line break in it"},
    FaultName{"token-no-role", "the token lacks the role SMTP.SendAsApp"},
    FaultName{"token-tls", "the token endpoint's certificate is of an unknown authority"},
};

base::Result<> check_name(std::string_view name) {
    if (std::ranges::find(fault_names, name, &FaultName::name) != fault_names.end()) return {};
    return base::fail(base::ErrorKind::invalid,
                      "there is no fault named " + base::printable(name, 80) + "; see --list-faults");
}

}  // namespace

std::span<const FaultName> Faults::names() {
    return fault_names;
}
std::span<const ReplyFault> auth_reply_faults() {
    return auth_replies;
}
std::span<const ReplyFault> message_reply_faults() {
    return message_replies;
}

base::Result<Fault> Faults::parse(std::string_view text) {
    Fault fault;
    const std::size_t name_end = std::min(text.find_first_of(":@"), text.size());
    fault.name = text.substr(0, name_end);
    text.remove_prefix(name_end);
    if (text.starts_with(':')) {
        const std::size_t count_end = std::min(text.find('@'), text.size());
        fault.times_left = base::parse_number(text.substr(1, count_end - 1));
        if (!fault.times_left || *fault.times_left == 0)
            return base::fail(base::ErrorKind::invalid,
                              "the count of fault " + fault.name + " is not a number from 1");
        text.remove_prefix(count_end);
    }
    if (text.starts_with('@')) fault.mailbox = base::to_lower(text.substr(1));
    if (auto known = check_name(fault.name); !known) return std::unexpected(known.error());
    return fault;
}

base::Result<> Faults::arm(Fault fault) {
    if (auto known = check_name(fault.name); !known) return known;
    armed_.push_back(std::move(fault));
    return {};
}

void Faults::clear(std::string_view name) {
    std::erase_if(armed_, [name](const Fault& fault) { return fault.name == name; });
}

bool Faults::take(std::string_view name, std::string_view mailbox) {
    const auto found = std::ranges::find_if(armed_, [&](const Fault& fault) {
        return fault.name == name &&
               (fault.mailbox.empty() || base::equals_ignoring_case(fault.mailbox, mailbox));
    });
    if (found == armed_.end()) return false;
    if (found->times_left && --*found->times_left == 0) armed_.erase(found);
    return true;
}

}  // namespace mailramp::sandbox
