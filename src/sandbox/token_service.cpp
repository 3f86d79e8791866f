#include "sandbox/token_service.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t shown_bytes_max = 200;

// The resources that the simulated directory knows: Exchange Online, and Graph for the classic mistake.
constexpr std::array<std::string_view, 4> resources{
    "https://outlook.office365.com", "https://outlook.office.com", "https://outlook.office365.us",
    "https://graph.microsoft.com"};

std::optional<char> hexadecimal(char c) {
    if (c >= '0' && c <= '9') return static_cast<char>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<char>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<char>(c - 'A' + 10);
    return {};
}

std::string decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto high = text[i] == '%' && i + 2 < text.size() ? hexadecimal(text[i + 1]) : std::nullopt;
        const auto low = high ? hexadecimal(text[i + 2]) : std::nullopt;
        if (low) {
            out += static_cast<char>(*high * 16 + *low);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string time_stamp(base::WallTime now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%SZ", &parts);
    return std::string(text.data(), size);
}

std::string value_of(const std::map<std::string, std::string>& form, const std::string& name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string() : found->second;
}

}  // namespace

std::map<std::string, std::string> parse_form(std::string_view text) {
    std::map<std::string, std::string> form;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        form[decode(pair.substr(0, equals))] = decode(pair.substr(std::min(equals + 1, pair.size())));
    }
    return form;
}

HttpAnswer entra_error(int status, std::string_view error, int code, std::string_view text,
                       base::WallTime now) {
    const std::string trace = random_guid();
    const std::string correlation = random_guid();
    const std::string when = time_stamp(now);
    json::object body;
    body["error"] = error;
    body["error_description"] = "AADSTS" + std::to_string(code) + ": " + std::string(text) +
                                " Trace ID: " + trace + " Correlation ID: " + correlation +
                                " Timestamp: " + when;
    body["error_codes"] = json::array{code};
    body["timestamp"] = when;
    body["trace_id"] = trace;
    body["correlation_id"] = correlation;
    body["error_uri"] = "https://login.microsoftonline.com/error?code=" + std::to_string(code);
    HttpAnswer answer;
    answer.status = status;
    answer.body = json::serialize(body);
    return answer;
}

HttpAnswer TokenService::answer(std::string_view tenant, std::string_view form_text, base::WallTime now) {
    ++counters_.calls;
    HttpAnswer answer;
    if (faults_.take("token-hang")) {
        answer.hang = true;
    } else if (faults_.take("token-500")) {
        answer.status = 500;
        answer.body =
            R"({"error":"server_error","error_description":"AADSTS90033: A transient error has occurred. Please try again.","error_codes":[90033]})";
    } else if (faults_.take("token-429")) {
        answer = entra_error(429, "temporarily_unavailable", 90055,
                             "Tenant throttled. Please try again later.", now);
        answer.retry_after = std::to_string(options_.retry_after.count());
    } else if (faults_.take("token-html")) {
        answer.content_type = "text/html; charset=utf-8";
        answer.body =
            "<!DOCTYPE html><html><head><title>Captive portal</title></head><body>Log in</body></html>\n";
    } else {
        answer = check(tenant, parse_form(form_text), now);
    }
    ++(answer.status == 200 && !answer.hang ? counters_.tokens : counters_.errors);
    return answer;
}

HttpAnswer TokenService::check(std::string_view tenant, const Form& form, base::WallTime now) {
    const auto shown = [](std::string_view text) { return base::printable(text, shown_bytes_max); };
    if (!directory_.has_tenant(tenant))
        return entra_error(
            400, "invalid_request", 90002,
            "Tenant '" + shown(tenant) +
                "' not found. Check to make sure you have the correct tenant ID and are signing into "
                "the correct cloud.",
            now);
    for (const char* name : {"grant_type", "client_id", "scope"})
        if (value_of(form, name).empty())
            return entra_error(
                400, "invalid_request", 900144,
                "The request body must contain the following parameter: '" + std::string(name) + "'.", now);
    if (value_of(form, "grant_type") != "client_credentials")
        return entra_error(
            400, "unsupported_grant_type", 70003,
            "The app requested an unsupported grant type '" + shown(value_of(form, "grant_type")) + "'.",
            now);
    const std::string client_id = value_of(form, "client_id");
    const App* app = directory_.find(tenant, client_id);
    if (app == nullptr)
        return entra_error(
            400, "unauthorized_client", 700016,
            "Application with identifier '" + shown(client_id) + "' was not found in the directory '" +
                shown(tenant) +
                "'. This can happen if the application has not been installed by the administrator of "
                "the tenant or consented to by any user in the tenant. You may have sent your "
                "authentication request to the wrong tenant.",
            now);
    const std::string scope = value_of(form, "scope");
    const auto resource = std::ranges::find_if(
        resources, [&](std::string_view known) { return scope == std::string(known) + "/.default"; });
    if (resource == resources.end())
        return entra_error(
            400, "invalid_scope", 70011,
            "The provided request must include a 'scope' input parameter. The provided value for the "
            "input parameter 'scope' is not valid. The scope " +
                shown(scope) + " is not valid.",
            now);
    const std::string secret = value_of(form, "client_secret");
    if (secret.empty())
        return entra_error(401, "invalid_client", 7000218,
                           "The request body must contain the following parameter: 'client_assertion' or "
                           "'client_secret'.",
                           now);
    if (faults_.take("token-expired-secret"))
        return entra_error(401, "invalid_client", 7000222,
                           "The provided client secret keys for app '" + app->client_id +
                               "' are expired. Visit the Azure portal to create new keys for your app.",
                           now);
    if (secret != app->secret || faults_.take("token-401"))
        return entra_error(
            401, "invalid_client", 7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client "
            "secret value, not the client secret ID, for a secret added to app '" +
                app->client_id + "'.",
            now);
    return issue(*app, std::string(*resource), now);
}

HttpAnswer TokenService::issue(const App& app, std::string audience, base::WallTime now) {
    TokenClaims claims;
    claims.audience = std::move(audience);
    claims.tenant = app.tenant;
    claims.app_id = app.client_id;
    claims.lifetime = options_.token_ttl;
    const bool for_exchange = claims.audience.find("outlook") != std::string::npos;
    const bool consented = options_.permission == Permission::classic && !faults_.take("token-no-role");
    if (for_exchange && consented) claims.roles = {"SMTP.SendAsApp"};
    auto token = signer_.mint(claims, now);
    if (!token) return entra_error(500, "server_error", 90033, "A transient error has occurred.", now);
    if (faults_.take("token-crlf"))
        token->insert(token->size() / 2, "\r\nMAIL FROM:<injected@example.com>\r\n");
    json::object body;
    body["token_type"] = "Bearer";
    body["expires_in"] = options_.token_ttl.count();
    body["ext_expires_in"] = options_.token_ttl.count();
    if (options_.refresh_in.count() > 0) body["refresh_in"] = options_.refresh_in.count();
    body["access_token"] = *token;
    HttpAnswer answer;
    answer.body = json::serialize(body);
    return answer;
}

}  // namespace mailramp::sandbox
