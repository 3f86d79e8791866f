#include "mailramp/oauth/client_credentials_source.h"

#include <array>
#include <utility>

#include "mailramp/base/percent.h"
#include "mailramp/base/text.h"
#include "mailramp/provider/reply_catalogue.h"
#include "oauth/form.h"
#include "oauth/token_response.h"

namespace mailramp::oauth {
namespace {

constexpr std::size_t message_bytes_max = 512;

TokenFailure secret_unreadable(const base::Error& error) {
    TokenFailure failure;
    failure.kind = TokenFailureClass::configuration;
    failure.message = base::printable(error.message, message_bytes_max);
    failure.cause = "The client secret cannot be used, so no token was asked for.";
    failure.remedy = "Repair what the message names; the secret is read anew at the next attempt.";
    return failure;
}

TokenFailureClass class_of(base::ErrorKind kind) {
    switch (kind) {
        case base::ErrorKind::cancelled:
            return TokenFailureClass::cancelled;
        case base::ErrorKind::invalid:
            return TokenFailureClass::configuration;
        case base::ErrorKind::not_found:
        case base::ErrorKind::conflict:
        case base::ErrorKind::limit:
        case base::ErrorKind::io:
        case base::ErrorKind::timeout:
        case base::ErrorKind::closed:
        case base::ErrorKind::protocol:
        case base::ErrorKind::tls:
        case base::ErrorKind::unavailable:
        case base::ErrorKind::internal:
            return TokenFailureClass::transient;
    }
    return TokenFailureClass::transient;
}

struct Explanation {
    std::string_view cause;
    std::string_view remedy;
};

Explanation explain(base::ErrorKind kind) {
    switch (kind) {
        case base::ErrorKind::tls:
            return {"The token endpoint's certificate does not verify.",
                    "If a firewall or proxy re-signs TLS, name its CA certificate as ca_file; check this "
                    "machine's clock."};
        case base::ErrorKind::invalid:
            return {"The request to the token endpoint cannot be made as it is configured.",
                    "Check authority, tenant_id and proxy."};
        case base::ErrorKind::limit:
        case base::ErrorKind::protocol:
            return {
                "What answered does not behave like a token endpoint.",
                "Check authority and proxy, and whether a firewall or sign-in page answers in its place."};
        case base::ErrorKind::cancelled:
            return {};
        case base::ErrorKind::not_found:
        case base::ErrorKind::conflict:
        case base::ErrorKind::io:
        case base::ErrorKind::timeout:
        case base::ErrorKind::closed:
        case base::ErrorKind::unavailable:
        case base::ErrorKind::internal:
            break;
    }
    return {"The token endpoint cannot be reached.",
            "Check DNS, the route to the internet, firewall (TCP 443) and proxy."};
}

TokenFailure unreachable(const base::Error& error) {
    const Explanation explanation = explain(error.kind);
    TokenFailure failure;
    failure.kind = class_of(error.kind);
    failure.message = base::printable(error.message, message_bytes_max);
    failure.cause = explanation.cause;
    failure.remedy = explanation.remedy;
    return failure;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    if (what.empty()) return;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
}

// Some servers repeat the request in their error text. What they repeat must not reach a log.
void redact(TokenFailure& failure, const base::Secret& secret) {
    const base::Secret encoded(base::percent_encode(secret.reveal()));
    for (std::string* text : {&failure.error, &failure.message, &failure.trace})
        for (const base::Secret* form : {&secret, &encoded})
            replace_all(*text, form->reveal(), "[secret]");
}

// For a reader: with the names of this credential, and without its secret.
void make_presentable(TokenFailure& failure, const ClientCredentialsOptions& options,
                      const base::Secret& secret) {
    provider::Names names;
    names.app_id = options.client_id;
    names.tenant = options.tenant;
    failure.remedy = provider::fill(failure.remedy, names);
    redact(failure, secret);
}

io::HttpRequest make_request(const ClientCredentialsOptions& options, std::string url,
                             const base::Secret& secret) {
    io::HttpRequest request;
    request.method = "POST";
    request.url = std::move(url);
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    const std::array<FormField, 4> fields{{{"grant_type", "client_credentials"},
                                           {"client_id", options.client_id},
                                           {"scope", options.scope},
                                           {"client_secret", secret.reveal()}}};
    request.body = form_body(fields);
    request.proxy = options.proxy;
    request.connect_timeout = options.connect_timeout;
    request.total_timeout = options.total_timeout;
    request.response_bytes_max = options.response_bytes_max;
    return request;
}

}  // namespace

ClientCredentialsSource::ClientCredentialsSource(ClientCredentialsOptions options, io::HttpClient& http,
                                                 const base::Clock& clock)
    : options_(std::move(options)), http_(http), clock_(clock) {}

std::string ClientCredentialsSource::token_url() const {
    std::string_view authority = options_.authority;
    while (authority.ends_with('/'))
        authority.remove_suffix(1);
    return std::string(authority) + "/" + base::percent_encode(options_.tenant) + "/oauth2/v2.0/token";
}

io::Task<TokenResult> ClientCredentialsSource::fetch() {
    const base::Result<base::Secret> secret = load_secret(options_.secret);
    if (!secret) co_return std::unexpected(secret_unreadable(secret.error()));

    io::HttpRequest request = make_request(options_, token_url(), *secret);
    const base::SteadyTime sent = clock_.steady();
    const base::Result<io::HttpResponse> response = co_await http_.send(std::move(request));
    if (!response) co_return std::unexpected(unreachable(response.error()));

    const std::string retry_after = response->header("retry-after");
    const TokenResponse answer{response->status, retry_after, response->body.reveal()};
    TokenResult result = parse_token_response(answer, sent, clock_.wall());
    if (!result) make_presentable(result.error(), options_, *secret);
    co_return result;
}

}  // namespace mailramp::oauth
