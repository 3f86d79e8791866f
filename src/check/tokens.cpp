#include "check/tokens.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string_view>
#include <utility>

#include "check/machine.h"
#include "check/servers.h"
#include "check/setup_places.h"
#include "mailramp/base/text.h"

namespace mailramp::check {
namespace {

constexpr std::uint16_t https_port = 443;
constexpr std::uint64_t port_max = 65535;
constexpr std::string_view smtp_role = "SMTP.SendAsApp";
// Exchange Online's, and its application ID, which some tokens name in place of the address.
constexpr std::array<std::string_view, 4> exchange_audiences{
    "https://outlook.office365.com", "https://outlook.office.com", "https://outlook.office365.us",
    "00000002-0000-0ff1-ce00-000000000000"};
constexpr std::array<std::string_view, 2> graph_audiences{"https://graph.microsoft.com",
                                                          "00000003-0000-0000-c000-000000000000"};
constexpr std::size_t guid_characters = 36;
constexpr std::string_view copy_both_ids =
    "copy tenant_id and client_id from one page: App registrations, the application, Overview";

Finding failed(Step step, std::string subject, std::string text) {
    Finding finding = passed(step, std::move(subject), std::move(text));
    finding.outcome = Outcome::failed;
    return finding;
}

std::string_view without_slashes(std::string_view text) {
    while (text.ends_with('/'))
        text.remove_suffix(1);
    return text;
}

// The resource of "https://outlook.office365.com/.default".
std::string_view resource_of(std::string_view scope) {
    constexpr std::string_view suffix = "/.default";
    if (scope.ends_with(suffix)) scope.remove_suffix(suffix.size());
    return without_slashes(scope);
}

bool is_one_of(std::string_view text, std::span<const std::string_view> known) {
    return std::ranges::any_of(
        known, [text](std::string_view one) { return base::equals_ignoring_case(one, text); });
}

bool looks_like_a_guid(std::string_view text) {
    return text.size() == guid_characters && std::ranges::count(text, '-') == 4 &&
           text.find('.') == text.npos;
}

// As a shell takes it for one word.
std::string shell_word(const std::string& path) {
    const auto harmless = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("/._-+:@,").find(c) != std::string_view::npos;
    };
    if (std::ranges::all_of(path, harmless)) return path;
    std::string quoted = "'";
    for (const char c : path)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

// Where the set-up speaks of what Entra complained about.
SetupPlace place_of(int aadsts) {
    constexpr std::array secrets{7000215, 7000222, 70002, 7000218, 700025};
    constexpr std::array names{700016, 700011, 90002, 50059, 50128, 9001023, 50194, 90130};
    constexpr std::array other_clouds{90038, 900382, 900432, 51005};
    constexpr std::array services{500011, 50001, 650052, 650054};
    constexpr std::array consents{501051, 50105, 65001, 65004, 650056, 90094};
    constexpr std::array refusals{53000, 53001, 53002, 53003, 530032, 50131, 530035};
    const auto in = [aadsts](const auto& codes) { return std::ranges::find(codes, aadsts) != codes.end(); };
    if (in(secrets)) return places::secret;
    if (in(names)) return places::application;
    if (in(other_clouds)) return places::clouds;
    if (in(services)) return places::tenant;
    if (in(consents)) return places::consent;
    if (in(refusals)) return places::policies;
    return places::errors;
}

}  // namespace

// ------------------------------------------------------------------ the server

Authority parse_authority(std::string_view url) {
    constexpr std::string_view scheme = "https://";
    if (base::starts_with_ignoring_case(url, scheme)) url.remove_prefix(scheme.size());
    url = url.substr(0, url.find_first_of("/?#"));
    Authority authority;
    const std::size_t bracket = url.find(']');
    const std::size_t colon = url.find(':', bracket == url.npos ? 0 : bracket);
    authority.host = url.substr(0, colon);
    if (authority.host.starts_with('[') && authority.host.ends_with(']'))
        authority.host = authority.host.substr(1, authority.host.size() - 2);
    authority.port = https_port;
    if (colon == url.npos) return authority;
    const auto port = base::parse_number(url.substr(colon + 1));
    if (port && *port > 0 && *port <= port_max) authority.port = static_cast<std::uint16_t>(*port);
    return authority;
}

Finding judge_token_server(const TokenServerFacts& facts) {
    const std::string name = facts.authority.host + ":" + std::to_string(facts.authority.port);
    const std::string by_proxy = facts.proxy.empty() ? std::string() : " through the proxy " + facts.proxy;
    if (!facts.failure) return passed(Step::token_server, {}, name + " answers" + by_proxy);
    Finding finding = failed(Step::token_server, {}, facts.failure->message);
    finding.setup = places::server;
    if (facts.failure->kind == base::ErrorKind::tls) {
        if (!facts.tls_failure.empty()) finding.text = facts.tls_failure;
        explain_certificate(finding, facts.authority.host,
                            "openssl s_client -connect " + name + " -showcerts");
        return finding;
    }
    finding.cause = "nobody answers at " + name + by_proxy + " (TCP " + std::to_string(facts.authority.port) +
                    "): a firewall closes it, a proxy is needed, or the name is wrong";
    finding.remedy = {{"must print a number, any will do",
                       "curl -sS -o /dev/null -w '%{http_code}\\n' https://" + name + "/"}};
    if (facts.proxy.empty())
        finding.remedy.emplace_back(
            "if this network has a proxy, name it in the configuration: token: {proxy: "
            "\"http://proxy.example:3128\"}");
    else
        finding.remedy.emplace_back("look whether token: proxy is right, and whether the proxy lets " +
                                    facts.authority.host + " pass");
    return finding;
}

// ------------------------------------------------------------------ the answer

Finding judge_token(const std::string& credential, const oauth::TokenFailure* failure,
                    const TokenPlace& place, base::Duration lifetime) {
    if (failure == nullptr) return passed(Step::token, credential, "good for " + rough_span(lifetime));
    Finding finding = failed(Step::token, credential, failure->message);
    finding.cause = failure->cause;
    finding.remedy = {{failure->remedy}};
    finding.setup = place_of(failure->aadsts);
    if (finding.setup.article == places::secret.article && !place.secret_file.empty())
        finding.remedy.emplace_back("put it in place: start this, paste it, press Enter, then Ctrl-D",
                                    "install -o mailramp -m 600 /dev/stdin " + shell_word(place.secret_file));
    if (!failure->trace.empty()) finding.remedy.emplace_back("for Microsoft's support: " + failure->trace);
    return finding;
}

// ------------------------------------------------------------------ the claims

bool has_smtp_role(const Claims& claims) {
    return std::ranges::find(claims.roles, smtp_role) != claims.roles.end();
}

namespace {

Finding judge_audience(const ClaimFacts& facts, const Claims& claims) {
    const std::string_view audience = without_slashes(claims.audience);
    const std::string_view wanted = resource_of(facts.scope);
    const bool good = base::equals_ignoring_case(audience, wanted) ||
                      (facts.service == Service::exchange && is_one_of(audience, exchange_audiences));
    // A scope of Graph brings a token for Graph, as asked.
    const bool graph = facts.service == Service::exchange && is_one_of(audience, graph_audiences);
    if (good && !graph) return passed(Step::audience, facts.credential, claims.audience);
    Finding finding = failed(Step::audience, facts.credential,
                             claims.audience.empty() ? "the token does not say whom it is for"
                                                     : "the token is for " + claims.audience);
    finding.cause = graph ? "the scope is that of Microsoft Graph; SMTP wants a token for Exchange Online"
                          : "the server wants a token for another audience";
    finding.remedy = {
        {"take token: scope out of the configuration, so that the preset's is used "
         "(Microsoft 365: https://outlook.office365.com/.default)"}};
    finding.setup = places::server;
    return finding;
}

Finding judge_tenant(const ClaimFacts& facts, const Claims& claims) {
    if (claims.tenant.empty()) return skipped(Step::tenant, facts.credential, "the token does not say it");
    // A domain is another name of the same tenant.
    if (!looks_like_a_guid(facts.tenant) || base::equals_ignoring_case(claims.tenant, facts.tenant))
        return passed(Step::tenant, facts.credential, claims.tenant);
    Finding finding = failed(Step::tenant, facts.credential, "the token is of tenant " + claims.tenant);
    finding.cause = "the configuration says tenant " + facts.tenant;
    finding.remedy = {{std::string(copy_both_ids)}};
    finding.setup = places::application;
    return finding;
}

Finding judge_application(const ClaimFacts& facts, const Claims& claims) {
    if (claims.application.empty())
        return skipped(Step::application, facts.credential, "the token does not say it");
    if (base::equals_ignoring_case(claims.application, facts.client_id))
        return passed(Step::application, facts.credential, claims.application);
    Finding finding =
        failed(Step::application, facts.credential, "the token is of application " + claims.application);
    finding.cause = "the configuration says application " + facts.client_id;
    finding.remedy = {{std::string(copy_both_ids)}};
    finding.setup = places::application;
    return finding;
}

// That there is none proves nothing: with RBAC for Applications there must be none. The login tells.
Finding judge_role(const ClaimFacts& facts, const Claims& claims) {
    if (has_smtp_role(claims))
        return passed(Step::role, facts.credential, std::string(smtp_role) + " (the classic way)");
    if (facts.service == Service::other)
        return skipped(Step::role, facts.credential, "not looked at: this provider has no such role");
    std::string text =
        "the token has none: right with RBAC for Applications, and in the classic way a sign "
        "that admin consent is missing; the login tells which";
    return skipped(Step::role, facts.credential, std::move(text));
}

Finding judge_object_id(const ClaimFacts& facts, const Claims& claims) {
    if (claims.object_id.empty())
        return skipped(Step::object_id, facts.credential, "the token does not say it");
    return passed(Step::object_id, facts.credential,
                  claims.object_id + " (New-ServicePrincipal -ObjectId must have been given this one)");
}

Finding judge_lifetime(const ClaimFacts& facts, const Claims& claims) {
    if (!facts.clock_is_right)
        return skipped(Step::lifetime, facts.credential, "needs a clock that is right");
    if (!claims.expires) return skipped(Step::lifetime, facts.credential, "the token does not say it");
    const std::int64_t now = std::chrono::floor<std::chrono::seconds>(facts.now.time_since_epoch()).count();
    const std::int64_t tolerance = std::chrono::floor<std::chrono::seconds>(facts.clock_tolerance).count();
    const bool over = *claims.expires <= now;
    const bool early = claims.issued && *claims.issued > now + tolerance;
    if (!over && !early)
        return passed(Step::lifetime, facts.credential, "the token is valid by this machine's clock");
    Finding finding = failed(Step::lifetime, facts.credential,
                             over ? "the token has ended already, by this machine's clock"
                                  : "the token was made in the future, by this machine's clock");
    finding.cause = "this machine's clock is wrong, or the token server's is";
    finding.remedy = set_the_clock();
    finding.setup = places::server;
    return finding;
}

}  // namespace

std::vector<Finding> judge_claims(const ClaimFacts& facts) {
    if (facts.claims)
        return {judge_audience(facts, *facts.claims),    judge_tenant(facts, *facts.claims),
                judge_application(facts, *facts.claims), judge_role(facts, *facts.claims),
                judge_object_id(facts, *facts.claims),   judge_lifetime(facts, *facts.claims)};
    std::vector<Finding> findings;
    for (const Step step :
         {Step::audience, Step::tenant, Step::application, Step::role, Step::object_id, Step::lifetime})
        findings.push_back(
            skipped(step, facts.credential,
                    facts.needs.empty() ? "the token cannot be looked into" : "needs " + facts.needs));
    return findings;
}

}  // namespace mailramp::check
