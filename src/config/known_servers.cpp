#include "config/known_servers.h"

#include <algorithm>
#include <array>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::config {
namespace {

using provider::Dialect;
using provider::Preset;

constexpr std::uint16_t submission_port = 587, relay_port = 25;
constexpr std::uint16_t implicit_tls_port = 465;  // RFC 8314 §3.3

// Servers that take no token that mailramp can have, by the end of their names.
struct KnownServer {
    std::string_view domain;
    std::string_view what;
    std::string_view allowed;
};
constexpr std::string_view google_what =
    "is a server of Google's, which takes no token of Microsoft's; its own are not supported yet";
constexpr std::string_view personal_what =
    "is for personal accounts, and no application has tokens for those";
constexpr std::string_view microsoft_allowed = "smtp.office365.com, with a mailbox of a tenant";
constexpr std::string_view mx_what =
    "takes mail for its own tenant through a connector, without a login; a token is of no use there";
constexpr std::string_view mx_allowed =
    "smtp.office365.com, with a token; the README says when a connector serves better";
constexpr std::array known_servers{
    KnownServer{"gmail.com", google_what, microsoft_allowed},
    KnownServer{"googlemail.com", google_what, microsoft_allowed},
    KnownServer{"google.com", google_what, microsoft_allowed},
    KnownServer{"smtp-mail.outlook.com", personal_what, microsoft_allowed},
    KnownServer{"live.com", personal_what, microsoft_allowed},
    KnownServer{"hotmail.com", personal_what, microsoft_allowed},
    KnownServer{"mail.protection.outlook.com", mx_what, mx_allowed},
    KnownServer{"mx.microsoft", mx_what, mx_allowed},
};

// Domains that belong to no tenant.
constexpr std::array<std::string_view, 6> personal_domains{"gmail.com",   "googlemail.com", "outlook.com",
                                                           "hotmail.com", "live.com",       "msn.com"};

bool is_in(std::string_view host, std::string_view domain) {
    if (host.size() < domain.size()) return false;
    const std::size_t before = host.size() - domain.size();
    return base::equals_ignoring_case(host.substr(before), domain) &&
           (before == 0 || host[before - 1] == '.');
}

bool is_host_of(std::string_view host, const Preset& preset) {
    return !preset.host.empty() && base::equals_ignoring_case(host, preset.host);
}

std::string name_of(const Preset& preset) {
    return "provider " + std::string(preset.name);
}

// The preset, other than this one, of which `value` is the value of `member`, unless it is this one's too.
const Preset* preset_with(std::string_view Preset::* member, std::string_view value, const Preset& preset) {
    if (base::equals_ignoring_case(preset.*member, value)) return nullptr;
    const auto found = std::ranges::find_if(provider::presets(), [member, value](const Preset& other) {
        return !(other.*member).empty() && base::equals_ignoring_case(other.*member, value);
    });
    return found == provider::presets().end() ? nullptr : &*found;
}

}  // namespace

std::optional<Objection> objection_to_host(std::string_view host, const Preset& preset) {
    const auto known = std::ranges::find_if(
        known_servers, [host](const KnownServer& server) { return is_in(host, server.domain); });
    if (known != known_servers.end())
        return Objection{Objection::Weight::error, std::string(host) + " " + std::string(known->what),
                         std::string(known->allowed)};
    const Preset* owner = preset_with(&Preset::host, host, preset);
    if (owner == nullptr) return {};
    const std::string name = name_of(*owner);
    if (preset.dialect == Dialect::any)
        return Objection{Objection::Weight::warning,
                         std::string(host) + " is the server of " + name + ", whose limits and answers " +
                             name_of(preset) + " does not know",
                         "provider: " + std::string(owner->name)};
    return Objection{
        Objection::Weight::error,
        std::string(host) + " is the server of " + name + ", and the mailbox is of " + name_of(preset),
        "provider: " + std::string(owner->name) + "; or leave host out"};
}

std::optional<Objection> objection_to_port(std::string_view host, std::uint16_t port, const Preset& preset) {
    if (port == implicit_tls_port)
        return Objection{Objection::Weight::error,
                         "on port 465 TLS begins with the first octet, which mailramp cannot do yet",
                         "587, the default; or 25"};
    if (preset.dialect != Dialect::exchange_online || !is_host_of(host, preset)) return {};
    if (port == submission_port || port == relay_port) return {};
    return Objection{Objection::Weight::error,
                     std::string(host) + " does not take mail on port " + std::to_string(port),
                     "587, the default; or 25"};
}

std::optional<Objection> objection_to_address(std::string_view address, const Preset& preset) {
    if (preset.dialect != Dialect::exchange_online) return {};
    const std::string_view domain = mail::domain_of(address);
    const auto personal = std::ranges::find_if(personal_domains, [domain](std::string_view name) {
        return base::equals_ignoring_case(name, domain);
    });
    if (personal == personal_domains.end()) return {};
    return Objection{Objection::Weight::error,
                     "mailboxes of " + std::string(*personal) +
                         " are personal ones, and no application has tokens for those",
                     "a mailbox of a tenant, as alerts@contoso.com"};
}

// A client that has its token in its own name asks for all that it was granted: ".default".
std::optional<Objection> objection_to_scope(std::string_view scope, const Preset& preset) {
    if (preset.dialect != Dialect::exchange_online) return {};
    const std::string allowed = "leave scope out, for " + std::string(preset.scope);
    if (base::contains_ignoring_case(scope, "graph.microsoft"))
        return Objection{Objection::Weight::error,
                         "this is a token for Microsoft Graph, which the mail server refuses", allowed};
    if (const Preset* owner = preset_with(&Preset::scope, scope, preset))
        return Objection{
            Objection::Weight::error,
            "this is the scope of " + name_of(*owner) + ", and the mailbox is of " + name_of(preset),
            allowed};
    if (!scope.ends_with("/.default"))
        return Objection{
            Objection::Weight::error,
            "an application asks for all that it was granted, with a scope that ends in /.default", allowed};
    return {};
}

std::optional<Objection> objection_to_authority(std::string_view authority, const Preset& preset) {
    if (preset.dialect != Dialect::exchange_online) return {};
    if (authority.ends_with('/')) authority.remove_suffix(1);
    const Preset* owner = preset_with(&Preset::authority, authority, preset);
    if (owner == nullptr) return {};
    return Objection{
        Objection::Weight::error,
        "this is the token endpoint of " + name_of(*owner) + ", and the mailbox is of " + name_of(preset),
        "provider: " + std::string(owner->name) + "; or leave authority out"};
}

}  // namespace mailramp::config
