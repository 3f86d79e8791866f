#include "mailramp/provider/aadsts.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mailramp::provider {
namespace {

using enum TokenErrorClass;

// Causes and remedies that several numbers share.
constexpr std::string_view wrong_cloud =
    "the tenant or the application lives in another Microsoft cloud than the one asked";
constexpr std::string_view wrong_cloud_remedy =
    "choose the provider preset of the right cloud (m365, m365-gcch, m365-dod, m365-china)";
constexpr std::string_view wrong_tenant = "there is no tenant of this name in this cloud";
constexpr std::string_view wrong_tenant_remedy =
    "copy the Directory (tenant) ID from the application's overview page in Entra; check the provider preset";
constexpr std::string_view wrong_app = "this tenant has no application with this ID";
constexpr std::string_view wrong_app_remedy =
    "copy the Application (client) ID and the Directory (tenant) ID from the same overview page in Entra";
constexpr std::string_view no_exchange =
    "the tenant does not have the service that the scope names, or has it switched off";
constexpr std::string_view no_exchange_remedy =
    "check that the tenant has Exchange Online licences and that scope is "
    "https://outlook.office365.com/.default";
constexpr std::string_view bad_scope = "the scope is not valid for this grant";
constexpr std::string_view bad_scope_remedy =
    "set scope to https://outlook.office365.com/.default (or that of your cloud's preset) and nothing else";
constexpr std::string_view not_assigned =
    "the application is not assigned to the role of the service that it asks for";
constexpr std::string_view not_assigned_remedy =
    "in Entra, under Enterprise applications, assign the application, or grant admin consent to "
    "SMTP.SendAsApp";
constexpr std::string_view no_consent = "nobody has consented to the application's permissions";
constexpr std::string_view no_consent_remedy =
    "in Entra, App registrations, application <app id>, API permissions: Grant admin consent";
constexpr std::string_view bad_assertion =
    "Entra does not accept the signature or the certificate of the client assertion";
constexpr std::string_view bad_assertion_remedy =
    "upload the public part of the certificate to application <app id> and check its thumbprint and dates";
constexpr std::string_view wrong_clock =
    "the signed assertion lies outside its time range: this machine's clock is wrong";
constexpr std::string_view wrong_clock_remedy = "set the clock (timedatectl set-ntp true) and try again";
constexpr std::string_view app_disabled = "the application is disabled";
constexpr std::string_view app_disabled_remedy =
    "in Entra, under Enterprise applications, set 'Enabled for users to sign-in' of <app id> to Yes";
constexpr std::string_view conditional_access = "a Conditional Access policy refuses this sign-in";
constexpr std::string_view conditional_access_remedy =
    "exempt application <app id> or this machine's address in the Conditional Access policy (sign-in log in "
    "Entra)";
constexpr std::string_view user_refused =
    "the user account does not exist, is disabled, is locked, or its password is wrong";
constexpr std::string_view user_refused_remedy = "check the account in Entra, then log in again";
constexpr std::string_view mfa_needed = "the sign-in needs a second factor";
constexpr std::string_view login_again = "log in again, or use application permissions, which need no user";
constexpr std::string_view login_ended =
    "the stored login has expired or was revoked (password change, inactivity, administrator)";
constexpr std::string_view concrete_tenant =
    "this grant needs a concrete tenant, not common, organizations or consumers";
constexpr std::string_view concrete_tenant_remedy = "set tenant_id to the Directory (tenant) ID";
constexpr std::string_view malformed = "Entra calls the request malformed";
constexpr std::string_view malformed_remedy =
    "look for odd characters in tenant, client_id, scope and the secret";
constexpr std::string_view service_trouble = "Entra has a passing problem";
constexpr std::string_view wait_remedy =
    "nothing to do: it is tried again; see https://status.cloud.microsoft if it lasts";

constexpr std::array aadsts_rows{
    AadstsRow{
        7000215, configuration, "the client secret is not one of this application",
        "copy the secret's Value, not its Secret ID, from Certificates & secrets of application <app id>"},
    AadstsRow{
        7000222, configuration, "the client secret has expired",
        "make a new secret under Certificates & secrets of application <app id> and put its Value in place"},
    AadstsRow{70002, configuration, "the client's credentials are wrong",
              "check that client_id and the secret belong to the same application"},
    AadstsRow{7000218, configuration, "the request carried neither a client secret nor an assertion",
              "configure a secret for the credential"},
    AadstsRow{700016, configuration, wrong_app, wrong_app_remedy},
    AadstsRow{700011, configuration, wrong_app, wrong_app_remedy},
    AadstsRow{90002, configuration, wrong_tenant, wrong_tenant_remedy},
    AadstsRow{50059, configuration, wrong_tenant, wrong_tenant_remedy},
    AadstsRow{50128, configuration, wrong_tenant, wrong_tenant_remedy},
    AadstsRow{90038, configuration, wrong_cloud, wrong_cloud_remedy},
    AadstsRow{900382, configuration, wrong_cloud, wrong_cloud_remedy},
    AadstsRow{900432, configuration, wrong_cloud, wrong_cloud_remedy},
    AadstsRow{51005, configuration, wrong_cloud, wrong_cloud_remedy},
    AadstsRow{500011, configuration, no_exchange, no_exchange_remedy},
    AadstsRow{50001, configuration, no_exchange, no_exchange_remedy},
    AadstsRow{650052, configuration, no_exchange, no_exchange_remedy},
    AadstsRow{650054, configuration, no_exchange, no_exchange_remedy},
    AadstsRow{70011, configuration, bad_scope, bad_scope_remedy},
    AadstsRow{700022, configuration, bad_scope, bad_scope_remedy},
    AadstsRow{700023, configuration, bad_scope, bad_scope_remedy},
    AadstsRow{650057, configuration, bad_scope, bad_scope_remedy},
    AadstsRow{501051, configuration, not_assigned, not_assigned_remedy},
    AadstsRow{50105, configuration, not_assigned, not_assigned_remedy},
    AadstsRow{65001, configuration, no_consent, no_consent_remedy},
    AadstsRow{65004, configuration, no_consent, no_consent_remedy},
    AadstsRow{650056, configuration, no_consent, no_consent_remedy},
    AadstsRow{90094, configuration, no_consent, no_consent_remedy},
    AadstsRow{700027, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{50012, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{700030, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{7000214, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{7000274, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{7000277, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{1000502, configuration, bad_assertion, bad_assertion_remedy},
    AadstsRow{700024, clock, wrong_clock, wrong_clock_remedy},
    AadstsRow{50013, clock, wrong_clock, wrong_clock_remedy},
    AadstsRow{500133, clock, wrong_clock, wrong_clock_remedy},
    AadstsRow{700025, configuration, "the application is a public client and may not present a secret",
              "drop the secret, or switch 'Allow public client flows' off for application <app id>"},
    AadstsRow{
        70021, configuration, "no federated credential of the application matches the presented token",
        "compare issuer, subject and audience of the federated credential of <app id> with the token's"},
    AadstsRow{700229, configuration, "a user's token was presented where an application's is needed",
              "present the token of the workload, not of a user"},
    AadstsRow{7000112, configuration, app_disabled, app_disabled_remedy},
    AadstsRow{70001, configuration, app_disabled, app_disabled_remedy},
    AadstsRow{1000031, configuration, app_disabled, app_disabled_remedy},
    AadstsRow{53000, configuration, conditional_access, conditional_access_remedy},
    AadstsRow{53001, configuration, conditional_access, conditional_access_remedy},
    AadstsRow{53002, configuration, conditional_access, conditional_access_remedy},
    AadstsRow{53003, configuration, conditional_access, conditional_access_remedy},
    AadstsRow{530032, configuration, conditional_access, conditional_access_remedy},
    AadstsRow{50131, configuration, conditional_access, conditional_access_remedy},
    AadstsRow{530035, configuration, "the tenant's security defaults block this sign-in",
              "use application permissions (client credentials), or let an administrator decide about "
              "security defaults"},
    AadstsRow{50034, relogin, user_refused, user_refused_remedy},
    AadstsRow{51004, relogin, user_refused, user_refused_remedy},
    AadstsRow{50020, relogin, user_refused, user_refused_remedy},
    AadstsRow{50057, relogin, user_refused, user_refused_remedy},
    AadstsRow{50053, relogin, user_refused, user_refused_remedy},
    AadstsRow{50055, relogin, user_refused, user_refused_remedy},
    AadstsRow{50126, relogin, user_refused, user_refused_remedy},
    AadstsRow{50072, relogin, mfa_needed, login_again},
    AadstsRow{50074, relogin, mfa_needed, login_again},
    AadstsRow{50076, relogin, mfa_needed, login_again},
    AadstsRow{50078, relogin, mfa_needed, login_again},
    AadstsRow{50079, relogin, mfa_needed, login_again},
    AadstsRow{700082, relogin, login_ended, login_again},
    AadstsRow{70008, relogin, login_ended, login_again},
    AadstsRow{50173, relogin, login_ended, login_again},
    AadstsRow{70000, relogin, login_ended, login_again},
    AadstsRow{50089, relogin, login_ended, login_again},
    AadstsRow{50132, relogin, login_ended, login_again},
    AadstsRow{50133, relogin, login_ended, login_again},
    AadstsRow{700084, relogin, login_ended, login_again},
    AadstsRow{70043, relogin, "the tenant's sign-in frequency policy has ended the stored login",
              login_again},
    AadstsRow{54005, relogin, "the login code was used twice", "start the login again"},
    AadstsRow{9001023, configuration, concrete_tenant, concrete_tenant_remedy},
    AadstsRow{50194, configuration, concrete_tenant, concrete_tenant_remedy},
    AadstsRow{90124, configuration, concrete_tenant, concrete_tenant_remedy},
    AadstsRow{90130, configuration, concrete_tenant, concrete_tenant_remedy},
    AadstsRow{9002332, configuration, concrete_tenant, concrete_tenant_remedy},
    AadstsRow{50196, configuration, "Entra saw the same request too often in a short time",
              "stop whatever restarts in a loop with these credentials and wait five minutes"},
    AadstsRow{900144, configuration, malformed, malformed_remedy},
    AadstsRow{9002313, configuration, malformed, malformed_remedy},
    AadstsRow{90013, configuration, malformed, malformed_remedy},
    AadstsRow{90014, configuration, malformed, malformed_remedy},
    AadstsRow{90100, configuration, malformed, malformed_remedy},
    AadstsRow{50033, transient, service_trouble, wait_remedy},
    AadstsRow{50087, transient, service_trouble, wait_remedy},
    AadstsRow{90006, transient, service_trouble, wait_remedy},
    AadstsRow{90012, transient, service_trouble, wait_remedy},
    AadstsRow{90024, transient, service_trouble, wait_remedy},
    AadstsRow{90033, transient, service_trouble, wait_remedy},
    AadstsRow{90090, transient, service_trouble, wait_remedy},
    AadstsRow{70012, transient, service_trouble, wait_remedy},
    AadstsRow{90055, transient, "Entra throttles this tenant",
              "nothing to do: it is asked again when it allows that"},
    AadstsRow{1002016, configuration, "Entra saw an outdated version of TLS",
              "look for a proxy between this machine and the token endpoint that speaks less than TLS 1.2"},
};

// What is left when no number is known: RFC 6749 §5.2 and the words that Entra adds.
struct ErrorRow {
    std::string_view error;
    TokenErrorClass kind;
    std::string_view cause;
    std::string_view remedy;
};
constexpr std::array error_rows{
    ErrorRow{"invalid_client", configuration, "the token endpoint does not accept the client's credentials",
             "check client_id and the secret of the credential"},
    ErrorRow{"unauthorized_client", configuration, "the application may not use this grant",
             "check the application's type and permissions in Entra"},
    ErrorRow{"invalid_scope", configuration, bad_scope, bad_scope_remedy},
    ErrorRow{"invalid_request", configuration, malformed, malformed_remedy},
    ErrorRow{"unsupported_grant_type", configuration, "the token endpoint does not know this grant",
             "check authority and tenant: this may be another kind of endpoint"},
    ErrorRow{"invalid_grant", relogin, login_ended, login_again},
    ErrorRow{"interaction_required", relogin, "the sign-in needs a human", login_again},
    ErrorRow{"temporarily_unavailable", transient, service_trouble, wait_remedy},
    ErrorRow{"server_error", transient, service_trouble, wait_remedy},
};

// The number in "AADSTS7000215: …", wherever it stands; 0 when there is none.
int number_in(std::string_view description) {
    constexpr std::string_view prefix = "AADSTS";
    const std::size_t at = description.find(prefix);
    if (at == std::string_view::npos) return 0;
    const std::string_view digits = description.substr(at + prefix.size());
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && number > 0 ? number : 0;
}

TokenErrorVerdict verdict_of(const AadstsRow& row) {
    return {row.kind, row.code, row.cause, row.remedy};
}

TokenErrorVerdict by_status(int http_status) {
    if (http_status == 429) return {transient, 0, "the token endpoint asks for a pause", wait_remedy};
    if (http_status >= 500) return {transient, 0, service_trouble, wait_remedy};
    if (http_status >= 400)
        return {configuration, 0, "the token endpoint refuses the request",
                "check authority, tenant, client_id and the secret of the credential"};
    if (http_status >= 300)
        return {configuration, 0, "the token endpoint sends us elsewhere, which is never followed",
                "check authority: this may be a proxy's page or another kind of endpoint"};
    // A sign-in page of a network, or an answer cut short: often gone in a minute.
    if (http_status >= 200)
        return {transient, 0, "the token endpoint gave an answer that is no token",
                "check authority if it lasts: this may be a proxy's page or another kind of endpoint"};
    return {transient, 0, "the token endpoint could not be reached",
            "check DNS, firewall and proxy for the host name in authority"};
}

}  // namespace

const char* to_string(TokenErrorClass kind) {
    switch (kind) {
        case configuration:
            return "configuration";
        case transient:
            return "transient";
        case relogin:
            return "relogin";
        case clock:
            return "clock";
    }
    return "transient";
}

std::span<const AadstsRow> aadsts_catalogue() {
    return aadsts_rows;
}

const AadstsRow* find_aadsts(int code) {
    const auto found = std::ranges::find(aadsts_rows, code, &AadstsRow::code);
    return found == aadsts_rows.end() ? nullptr : &*found;
}

TokenErrorVerdict explain(std::span<const int> error_codes, std::string_view error,
                          std::string_view description, int http_status) {
    for (const int code : error_codes)
        if (const AadstsRow* row = find_aadsts(code)) return verdict_of(*row);
    const int described = number_in(description);
    if (const AadstsRow* row = find_aadsts(described)) return verdict_of(*row);
    const int unknown = error_codes.empty() ? described : error_codes.front();
    // A server in trouble may say anything: what it says about the request counts only with a 4xx.
    if (const auto found = std::ranges::find(error_rows, error, &ErrorRow::error);
        found != error_rows.end() && http_status < 500 && http_status != 429)
        return {found->kind, unknown, found->cause, found->remedy};
    TokenErrorVerdict verdict = by_status(http_status);
    verdict.code = unknown;
    return verdict;
}

}  // namespace mailramp::provider
