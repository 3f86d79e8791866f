// The reply catalogue. The first row that matches counts, so what has a text stands above what has only a
// code.
//
// Sources: Microsoft's documents on client submission and its pages on non-delivery reports, the set-up
// article, and replies that people have published. The words of causes and remedies are ours.
#include "provider/reply_rows.h"

#include <array>
#include <chrono>

#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::provider {
namespace {

using mail::Phase;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Dialect exchange = Dialect::exchange_online;
constexpr Dialect any = Dialect::any;

constexpr std::array at_auth{Phase::auth};
constexpr std::array at_token{Phase::token};
constexpr std::array at_ehlo{Phase::ehlo};
constexpr std::array at_starttls{Phase::starttls};
constexpr std::array at_session{Phase::banner, Phase::ehlo, Phase::starttls, Phase::auth};
constexpr std::array at_rcpt{Phase::rcpt};
constexpr std::array at_envelope{Phase::mail, Phase::rcpt, Phase::data};
constexpr std::array at_message{Phase::mail, Phase::rcpt, Phase::data, Phase::body, Phase::body_end};
constexpr std::array at_content{Phase::data, Phase::body, Phase::body_end};
constexpr std::array at_resolve{Phase::resolve};
constexpr std::array at_connect{Phase::connect};
constexpr std::array at_tls{Phase::tls};
constexpr std::array at_body{Phase::body};
constexpr std::array at_body_end{Phase::body_end};
constexpr std::span<const Phase> anywhere{};

constexpr std::string_view wait_and_see = "nothing to do: it is tried again";
constexpr std::string_view allow_or_rewrite_sender =
    "set senders: collapse for <mailbox>, or take the address out of its allowed_senders; or permit it: "
    "Add-RecipientPermission <that address> -Trustee <service principal> -AccessRights SendAs";
constexpr std::string_view ask_admin =
    "ask an administrator of the tenant; the code has a page in Microsoft's documentation";

struct Reaction {
    Action action;
    Radius radius;
    TokenRefresh token = TokenRefresh::keep;
    base::Duration wait_min{};
};

constexpr Reaction pause_mailbox{Action::pause, Radius::mailbox};
constexpr Reaction pause_mailbox_new_token{Action::pause, Radius::mailbox, TokenRefresh::force};
constexpr Reaction pause_mailbox_an_hour{Action::pause, Radius::mailbox, TokenRefresh::keep, hours(1)};
constexpr Reaction pause_tenant{Action::pause, Radius::tenant};
constexpr Reaction pause_tenant_an_hour{Action::pause, Radius::tenant, TokenRefresh::keep, hours(1)};
constexpr Reaction reconnect{Action::retry, Radius::connection};
constexpr Reaction reconnect_in_a_minute{Action::retry, Radius::connection, TokenRefresh::keep, minutes(1)};
constexpr Reaction reconnect_in_five_minutes{Action::retry, Radius::connection, TokenRefresh::keep,
                                             minutes(5)};
constexpr Reaction fewer_connections{Action::lower_concurrency, Radius::mailbox, TokenRefresh::keep,
                                     seconds(10)};
// Counts as an attempt of the message: what breaks the line may be its content.
constexpr Reaction retry_message{Action::retry, Radius::message};
constexpr Reaction hold_message{Action::hold, Radius::message};
constexpr Reaction hold_sender{Action::hold, Radius::sender};
constexpr Reaction reject_message{Action::reject, Radius::message};
constexpr Reaction reject_recipient{Action::reject, Radius::recipient};

constexpr Row row(Dialect dialect, std::span<const Phase> phases, int code, std::string_view enhanced,
                  std::string_view text, Reaction reaction, std::string_view cause, std::string_view remedy) {
    return {dialect,
            phases,
            code,
            enhanced,
            text,
            Verdict{reaction.action, reaction.radius, reaction.token, reaction.wait_min, cause, remedy, {}}};
}

constexpr std::array rows{
    // ------------------------------------------------------------------ AUTH
    row(exchange, at_auth, 535, "5.7.139", "SmtpClientAuthentication is disabled for the Tenant",
        pause_tenant, "SMTP AUTH is switched off for the whole tenant",
        "Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false (Exchange Online "
        "PowerShell; this "
        "mailbox only, it overrides the tenant's setting)"),
    row(exchange, at_auth, 535, "5.7.139", "SmtpClientAuthentication is disabled for the Mailbox",
        pause_mailbox, "SMTP AUTH is switched off for this mailbox",
        "Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false (Exchange Online "
        "PowerShell)"),
    row(exchange, at_auth, 535, "5.7.139", "security defaults policy", pause_tenant,
        "the tenant's security defaults block this sign-in",
        "let an administrator decide about security defaults in Entra (Properties, Manage security "
        "defaults)"),
    row(exchange, at_auth, 535, "5.7.139", "did not meet the criteria", pause_mailbox_new_token,
        "a Conditional Access policy refuses this sign-in",
        "exempt application <app id> or this machine's address in the policy; the sign-in log in Entra names "
        "it"),
    row(exchange, at_auth, 535, "5.7.139", "user credentials were incorrect", pause_mailbox_new_token,
        "the server took the login for one with a password, and a wrong one",
        "check that mailbox <mailbox> exists and that its credential uses application <app id>"),
    row(exchange, at_auth, 535, "5.7.139", "basic authentication is disabled", pause_mailbox,
        "the login was one with a password, which the tenant does not allow",
        "use OAuth 2.0: authentication must be xoauth2 for mailbox <mailbox>"),
    row(exchange, at_auth, 535, "5.7.139", "federated STS",
        {Action::slow_down, Radius::mailbox, TokenRefresh::keep, minutes(15)},
        "the tenant's federated sign-in service cannot be reached",
        "ask the administrator of the federation service (AD FS); it is tried again every 15 minutes"),
    row(exchange, at_auth, 535, "5.7.3", "", pause_mailbox_new_token,
        "Exchange does not let this application submit as this mailbox",
        "compare the Object ID of New-ServicePrincipal with that of the Enterprise application of <app id>; "
        "check "
        "Get-MailboxPermission -Identity <mailbox> (FullAccess) or the RBAC scope; scope must be "
        "https://outlook.office365.com/.default; a change takes up to 2 hours"),
    row(any, at_auth, 535, "5.7.8", "", pause_mailbox_new_token,
        "the server does not accept this token for this user name",
        "check that the mailbox <mailbox> exists and that the token is for it, with the right scope"),
    row(any, at_token, 535, "5.7.8", "", pause_mailbox, "no token can be asked for with what is configured",
        "repair what the answer names; a secret is read anew each time it is needed"),
    row(any, at_auth, 535, "", "", pause_mailbox_new_token, "the server does not accept the login",
        "check the mailbox's address <mailbox>, its permissions for application <app id>, and the scope"),
    row(any, anywhere, 550, "5.7.30", "", pause_mailbox,
        "the login was one with a password, which Microsoft 365 has retired",
        "use OAuth 2.0: authentication must be xoauth2 for mailbox <mailbox>"),
    row(exchange, at_auth, 501, "5.5.124", "", pause_mailbox,
        "the user name is not that of a mailbox that this endpoint knows",
        "check that <mailbox> is an address of this kind of account (High Volume Email has its own)"),
    row(exchange, at_auth, 501, "5.5.127", "",
        {Action::retry, Radius::connection, TokenRefresh::force, seconds(0)},
        "the token has too little time left for this endpoint", "set token: use_margin to 10m or more"),
    row(any, at_auth, 454, "", "", reconnect_in_a_minute, "the server cannot check the login right now",
        wait_and_see),
    row(exchange, at_auth, 451, "4.7.3", "", reconnect_in_a_minute,
        "the server cannot check the login right now", wait_and_see),
    row(any, at_auth, 504, "", "", pause_mailbox, "the server does not offer a login with OAuth 2.0",
        "check host and port of mailbox <mailbox>: this may be another server than you think"),
    row(any, at_auth, 538, "", "", pause_mailbox, "authentication needs TLS",
        "set upstream: tls to starttls for mailbox <mailbox>"),
    row(any, at_auth, 500, "", "", pause_mailbox, "the server does not take the AUTH line",
        "check host and port of mailbox <mailbox>: this may be another server than you think"),
    row(any, at_auth, 503, "", "", pause_mailbox, "the server does not allow AUTH here",
        "check host and port of mailbox <mailbox>: this may be another server than you think"),
    row(any, anywhere, 530, "5.7.57", "", pause_mailbox, "the server wants a login and did not get one",
        "set authentication to xoauth2 for mailbox <mailbox>, and check its host"),

    // ------------------------------------------------------------------ the session
    row(any, at_starttls, 554, "5.7.10", "", pause_mailbox, "the server does not offer STARTTLS",
        "check host and port of mailbox <mailbox>; a firewall that inspects SMTP may hide STARTTLS"),
    row(any, anywhere, 451, "5.7.3", "STARTTLS", pause_mailbox, "the server wants TLS first",
        "set upstream: tls to starttls for mailbox <mailbox>"),
    row(any, anywhere, 530, "5.7.0", "STARTTLS", pause_mailbox, "the server wants TLS first",
        "set upstream: tls to starttls for mailbox <mailbox>"),
    row(any, at_starttls, 454, "", "", reconnect, "the server has no TLS right now", wait_and_see),
    row(any, at_ehlo, 501, "", "", pause_mailbox, "the server does not take our name",
        "set upstream: ehlo_name to this machine's fully qualified host name"),
    row(exchange, anywhere, 550, "5.7.506", "", pause_mailbox, "the server does not take our name",
        "set upstream: ehlo_name to this machine's fully qualified host name"),
    row(any, anywhere, 421, "4.7.0", "Too many errors", reconnect_in_a_minute,
        "the server closed the session after too many errors", wait_and_see),
    row(any, anywhere, 421, "4.4.2", "submission rate",
        {Action::slow_down, Radius::mailbox, TokenRefresh::keep, minutes(1)},
        "the mailbox sends more messages a minute than Exchange allows",
        "look for other programs that send through <mailbox>; lower messages_per_minute_max or add a "
        "mailbox"),
    row(any, at_session, 421, "", "", reconnect, "the server closed the session before it was ready",
        "nothing to do: it is tried again; if it lasts, check that no proxy limits TLS below 1.2"),

    // ------------------------------------------------------------------ the whole mailbox or tenant
    row(any, anywhere, 432, "4.3.2", "", fewer_connections, "the mailbox has too many connections at once",
        "look for other programs that send through <mailbox>; lower connections_max"),
    row(exchange, anywhere, 430, "4.2.0", "mailbox logon failure", pause_mailbox_new_token,
        "the token is good, but the application has no permission on this mailbox",
        "Add-MailboxPermission -Identity <mailbox> -User <service principal> -AccessRights FullAccess, or "
        "add <mailbox> to "
        "the RBAC scope; a change takes up to 2 hours"),
    row(exchange, anywhere, 0, "", "MapiExceptionLogonFailed", pause_mailbox_new_token,
        "the token is good, but the application has no permission on this mailbox",
        "Add-MailboxPermission -Identity <mailbox> -User <service principal> -AccessRights FullAccess, or "
        "add <mailbox> to "
        "the RBAC scope; a change takes up to 2 hours"),
    row(exchange, anywhere, 0, "", "SubmissionQuotaExceeded", pause_mailbox_an_hour,
        "the mailbox has reached its recipients for the day",
        "wait (the window is 24 hours), or spread the mail over more mailboxes"),
    row(exchange, anywhere, 550, "5.1.90", "", pause_mailbox_an_hour,
        "the mailbox has reached its recipients for the day",
        "wait (the window is 24 hours), or spread the mail over more mailboxes"),
    row(exchange, anywhere, 550, "5.2.2", "Submission quota exceeded", pause_mailbox_an_hour,
        "the mailbox has reached its recipients for the day",
        "wait (the window is 24 hours), or spread the mail over more mailboxes"),
    row(exchange, anywhere, 550, "5.7.233", "", pause_tenant_an_hour,
        "the tenant has reached its external recipients for the day",
        "wait (the window is 24 hours); the limit grows with the number of licences"),
    row(exchange, anywhere, 0, "", "OutboundSpam", pause_mailbox_an_hour,
        "Microsoft's outbound spam filter has stopped this mailbox",
        "unblock <mailbox> under Restricted entities in the Defender portal, after finding what looked like "
        "spam"),
    row(exchange, at_message, 550, "5.1.8", "", pause_mailbox_an_hour,
        "the mailbox is blocked as a sender of spam",
        "unblock <mailbox> under Restricted entities in the Defender portal, after finding what looked like "
        "spam"),
    row(exchange, anywhere, 0, "", "MapiExceptionShutoffQuotaExceeded", pause_mailbox,
        "the mailbox is full, often with its own sent items",
        "empty Sent Items of <mailbox>, or Set-Mailbox <mailbox> -MessageCopyForSMTPClientSubmissionEnabled "
        "$false"),
    row(exchange, at_content, 554, "5.2.2", "mailbox full", pause_mailbox,
        "the mailbox is full, often with its own sent items",
        "empty Sent Items of <mailbox>, or Set-Mailbox <mailbox> -MessageCopyForSMTPClientSubmissionEnabled "
        "$false"),
    row(exchange, anywhere, 550, "5.2.251", "throttled", pause_mailbox,
        "Exchange blocks the mailbox for a time: it was full again and again",
        "empty Sent Items of <mailbox>, or Set-Mailbox <mailbox> -MessageCopyForSMTPClientSubmissionEnabled "
        "$false"),
    row(exchange, anywhere, 550, "5.2.252", "throttled", pause_mailbox,
        "Exchange blocks the mailbox for a time: some program keeps sending as somebody it may not send as",
        "find the held messages with SendAsDenied and rewrite or allow their sender address"),
    row(exchange, anywhere, 550, "5.2.253", "throttled", pause_mailbox,
        "Exchange blocks the mailbox for a time: its licence does not allow sending",
        "assign <mailbox> a licence again, then renew the permission of application <app id> on it"),
    row(exchange, anywhere, 550, "5.2.254", "throttled", pause_mailbox,
        "Exchange blocks the mailbox for a time: messages had too many recipients again and again",
        "find the program that sends to so many recipients at once; lower recipients_max"),
    row(exchange, anywhere, 550, "5.2.255", "throttled", pause_mailbox,
        "Exchange blocks the mailbox for a time: recipients were invalid again and again",
        "find the program whose recipients are refused, and correct its addresses"),
    row(exchange, anywhere, 550, "5.7.705", "", pause_tenant_an_hour,
        "the tenant has sent more, or more spam, than Microsoft allows", ask_admin),
    row(exchange, anywhere, 550, "5.7.708", "", pause_tenant_an_hour,
        "Microsoft does not take mail of this tenant from here", ask_admin),
    row(exchange, anywhere, 550, "5.7.750", "", pause_tenant_an_hour,
        "the sender's domain is not registered in the tenant",
        "register the domain of <mailbox> in the Microsoft 365 admin center, or send as a domain that is"),
    row(exchange, anywhere, 550, "5.7.501", "", pause_mailbox_an_hour,
        "the sender is banned after spam was seen", ask_admin),
    row(exchange, anywhere, 550, "5.7.502", "", pause_mailbox_an_hour,
        "the sender is banned after spam was seen", ask_admin),
    row(exchange, anywhere, 550, "5.7.503", "", pause_mailbox_an_hour,
        "the sender is banned after spam was seen", ask_admin),
    row(exchange, anywhere, 550, "5.7.511", "", pause_mailbox_an_hour, "the sender is banned", ask_admin),
    row(any, anywhere, 450, "4.7.0", "Organization queue quota exceeded",
        {Action::slow_down, Radius::tenant, TokenRefresh::keep, minutes(5)},
        "the tenant has too much mail waiting at Microsoft", wait_and_see),

    // ------------------------------------------------------------------ one message
    row(exchange, anywhere, 0, "", "SendAsDenied", hold_sender,
        "the mailbox may not send as the address in From", allow_or_rewrite_sender),
    row(exchange, anywhere, 550, "5.7.60", "", hold_sender,
        "the mailbox may not send as the sender's address", allow_or_rewrite_sender),
    row(any, anywhere, 550, "", "permissions to send as", hold_sender,
        "the mailbox may not send as the sender's address", allow_or_rewrite_sender),
    row(any, anywhere, 552, "5.3.4", "Header size", reject_message,
        "the message's header section is too large", "shorten the header fields where the message is made"),
    row(exchange, anywhere, 552, "5.3.4", "", reject_message,
        "the message is larger than the mailbox may send",
        "Set-Mailbox -Identity <mailbox> -MaxSendSize 150MB, or send a link in place of the attachment"),
    row(any, anywhere, 552, "5.3.4", "", reject_message, "the message is larger than the server takes",
        "raise the server's limit, or send a link in place of the attachment"),
    row(exchange, anywhere, 0, "", "MaxSubmissionExceeded", reject_message,
        "the message is larger than the mailbox may send",
        "Set-Mailbox -Identity <mailbox> -MaxSendSize 150MB, or send a link in place of the attachment"),
    row(any, anywhere, 554, "5.6.3", "", reject_message,
        "the message has 8-bit content, which the server does not take",
        "encode the message as quoted-printable or base64 where it is made"),
    row(any, anywhere, 553, "5.6.7", "", reject_message,
        "the message needs SMTPUTF8, which the server does not take", "use addresses of ASCII characters"),
    row(any, at_content, 554, "5.6.0", "", reject_message, "the server cannot read the message's content",
        "correct the message where it is made: header fields and MIME structure"),
    row(any, at_content, 550, "5.6.11", "", reject_message, "the server saw a bare line feed in the message",
        "report this as a defect: lines are sent with CRLF"),
    row(any, at_content, 554, "5.4.6", "", reject_message, "the message has gone around in a loop",
        "look for a forwarding rule that brings mail back to where it came from"),
    row(any, at_content, 554, "5.4.14", "", reject_message, "the message has gone around in a loop",
        "look for a forwarding rule that brings mail back to where it came from"),
    row(exchange, anywhere, 550, "5.7.512", "", reject_message,
        "the message's From field is missing or not one address",
        "give the message a From field with exactly one address"),
    row(exchange, anywhere, 550, "5.7.507", "", reject_message,
        "the receiving side refuses the sending address", ask_admin),
    row(exchange, anywhere, 550, "5.7.508", "", reconnect_in_five_minutes,
        "Microsoft refuses the sending address for now", ask_admin),
    row(exchange, anywhere, 550, "5.7.509", "", reject_message,
        "the sending domain's DMARC policy refuses the message",
        "set up SPF and DKIM for the domain in From"),
    row(any, at_message, 501, "5.1.7", "", hold_message, "the sender's address is not valid",
        "correct the sender where the message is made, or let a route rewrite it to <mailbox>"),
    row(any, at_envelope, 501, "5.5.4", "", hold_message,
        "the server does not take a parameter of the envelope",
        "report this as a defect, with the server's words"),

    // ------------------------------------------------------------------ one recipient
    row(any, at_rcpt, 452, "4.5.3", "", {Action::requeue, Radius::recipient},
        "the server takes no more recipients in one message",
        "nothing to do: the others go in another transaction"),
    row(any, at_rcpt, 501, "5.1.3", "", reject_recipient, "the recipient's address is not valid",
        "correct the address where the message is made"),
    row(any, at_message, 550, "5.1.1", "", reject_recipient, "there is no such recipient",
        "correct the address"),
    row(any, at_message, 550, "5.1.10", "", reject_recipient, "there is no such recipient",
        "correct the address"),
    row(any, at_message, 550, "5.4.1", "", reject_recipient,
        "the recipient's domain does not take this address", "correct the address"),
    row(any, at_rcpt, 550, "5.7.1", "", reject_recipient,
        "the server does not deliver to this recipient for you",
        "check the recipient's restrictions (a group may take internal mail only)"),
    row(exchange, anywhere, 550, "5.5.105", "", reject_recipient,
        "High Volume Email sends to internal recipients only",
        "send external mail through an ordinary mailbox"),
    row(exchange, anywhere, 550, "5.7.703", "", reject_recipient,
        "the tenant's block list names this recipient", ask_admin),
    row(exchange, anywhere, 550, "5.7.504", "", reject_recipient,
        "Microsoft has banned the recipient's address", ask_admin),
    row(exchange, anywhere, 550, "5.7.505", "", reject_recipient,
        "Microsoft has banned the recipient's address", ask_admin),

    // ------------------------------------------------------------------ passing trouble of the server
    row(exchange, anywhere, 4, "4.7.0", "Temporary server error", reconnect, "Exchange has a passing problem",
        wait_and_see),
    row(exchange, anywhere, 4, "4.3.111", "", reconnect, "Exchange has a passing problem", wait_and_see),
    row(exchange, anywhere, 4, "4.7.5??", "",
        {Action::slow_down, Radius::mailbox, TokenRefresh::keep, minutes(5)},
        "Exchange is busy or slows this sender down", wait_and_see),
    row(exchange, anywhere, 4, "4.7.6??", "",
        {Action::slow_down, Radius::mailbox, TokenRefresh::keep, minutes(5)},
        "Exchange is busy or slows this sender down", wait_and_see),
    row(exchange, anywhere, 4, "4.7.8??", "",
        {Action::slow_down, Radius::mailbox, TokenRefresh::keep, minutes(5)},
        "Exchange slows mail from this address down", wait_and_see),
    row(any, anywhere, 452, "4.3.1", "", reconnect, "the server is short of resources", wait_and_see),
    row(any, anywhere, 421, "4.3.2", "", reconnect, "the server takes no mail right now", wait_and_see),
    row(any, anywhere, 421, "4.4.1", "", reconnect, "the server ended a session that had lasted too long",
        wait_and_see),
    row(any, anywhere, 421, "4.4.2", "", reconnect, "the server dropped the connection", wait_and_see),
    row(any, anywhere, 451, "4.7.0", "Timeout waiting", reconnect,
        "the server did not get our octets in time",
        "nothing to do: it is tried again; check the line if it lasts"),

    // ------------------------------------------------------------------ no reply at all
    row(any, at_resolve, no_reply, "", "", reconnect, "the server's name could not be looked up",
        "check host of mailbox <mailbox> and this machine's DNS"),
    row(any, at_connect, no_reply, "", "", reconnect, "the server could not be reached",
        "check that this machine may connect to the server's port (587); many networks block it"),
    row(any, at_tls, no_reply, "", "certificate", pause_mailbox,
        "the server's certificate could not be verified",
        "check host of mailbox <mailbox>; if a firewall of yours re-signs TLS, name its CA in ca_file"),
    row(any, at_tls, no_reply, "", "", reconnect, "the TLS handshake failed",
        "nothing to do: it is tried again; check that both sides allow TLS 1.2 if it lasts"),
    row(any, at_body, no_reply, "", "", retry_message,
        "the connection ended while the message was being sent",
        "nothing to do: it is tried again; if it is always this message, look at its content and size"),
    row(any, at_body_end, no_reply, "", "", retry_message,
        "the connection ended between the last octet and the final reply: the message may have been taken",
        "nothing to do: it is tried again with the same Message-ID; look in Sent Items before sending it by "
        "hand"),
};

}  // namespace

std::span<const Row> catalogue() {
    return rows;
}

}  // namespace mailramp::provider
