#include "oauth/token_response.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/memory_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "mailramp/base/text.h"
#include "mailramp/provider/aadsts.h"

namespace mailramp::oauth {
namespace {

namespace json = boost::json;

constexpr int http_ok = 200;
constexpr std::size_t word_bytes_max = 128;  // of `error`, an id, a timestamp

constexpr std::string_view not_the_endpoint_remedy =
    "Check that authority and proxy are right, and that no firewall or sign-in page stands between this "
    "machine and the token endpoint.";

// The parsed answer holds a token as well: its memory is overwritten before it is given back. Every block has
// the default alignment, which is enough for JSON values, since Boost.JSON 1.81 does not always name the same
// alignment when it gives a block back.
class WipingMemory final : public json::memory_resource {
    void* do_allocate(std::size_t size, std::size_t) override { return ::operator new(size); }
    void do_deallocate(void* memory, std::size_t size, std::size_t) override {
        explicit_bzero(memory, size);
        ::operator delete(memory);
    }
    bool do_is_equal(const json::memory_resource& other) const noexcept override { return this == &other; }
};

// A string member of the object, or empty.
std::string_view text_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    return value->get_string();
}

// Microsoft documents numbers; managed identities and other servers send numeric strings.
std::optional<double> number_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) return {};
    if (value->is_int64()) return static_cast<double>(value->get_int64());
    if (value->is_uint64()) return static_cast<double>(value->get_uint64());
    if (value->is_double()) return value->get_double();
    if (!value->is_string()) return {};
    const auto number = base::parse_number(std::string_view(value->get_string()));
    if (!number) return {};
    return static_cast<double>(*number);
}

// `seconds` within the limits; computed as a floating-point number first, since 1e30 fits in no integer.
base::Duration clamped(double seconds, base::Duration shortest, base::Duration longest) {
    const double low = std::chrono::duration<double>(shortest).count();
    const double high = std::chrono::duration<double>(longest).count();
    if (std::isnan(seconds)) return shortest;
    const std::chrono::duration<double> within(std::clamp(seconds, low, high));
    return std::chrono::duration_cast<base::Duration>(within);
}

// RFC 6750 §2.1: b64token. Nothing else may come near an AUTH line or a header.
bool is_token_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

TokenFailure not_from_the_endpoint(int http_status, TokenFailureClass kind, std::string message,
                                   std::string cause) {
    TokenFailure failure;
    failure.kind = kind;
    failure.http_status = http_status;
    failure.message = std::move(message);
    failure.cause = std::move(cause);
    failure.remedy = not_the_endpoint_remedy;
    return failure;
}

TokenFailure unusable_success(std::string message) {
    return not_from_the_endpoint(http_ok, TokenFailureClass::transient, std::move(message),
                                 "The answer says success but holds no usable token: something other than "
                                 "the token endpoint may have written it.");
}

TokenResult read_success(const json::object& object, base::SteadyTime sent,
                         const TokenResponseLimits& limits) {
    const json::value* value = object.if_contains("access_token");
    if (value == nullptr) return std::unexpected(unusable_success("HTTP 200 without an access_token"));
    if (!value->is_string()) return std::unexpected(unusable_success("access_token is not a string"));
    const std::string_view text = value->get_string();
    if (text.empty()) return std::unexpected(unusable_success("access_token is empty"));
    if (text.size() > limits.token_bytes_max)
        return std::unexpected(unusable_success("access_token is longer than " +
                                                std::to_string(limits.token_bytes_max) + " octets"));
    if (!std::ranges::all_of(text, is_token_character))
        return std::unexpected(unusable_success("access_token has a character in it that no token has"));
    const std::string_view type = text_of(object, "token_type");
    if (!type.empty() && !base::equals_ignoring_case(type, "Bearer"))
        return std::unexpected(
            unusable_success("token_type is \"" + base::printable(type, word_bytes_max) + "\", not Bearer"));

    Token token;
    token.value = base::Secret(std::string(text));
    token.obtained = sent;
    const auto lifetime = number_of(object, "expires_in");
    token.expires = sent + (lifetime ? clamped(*lifetime, limits.lifetime_min, limits.lifetime_max)
                                     : limits.lifetime_default);
    const auto refresh = number_of(object, "refresh_in");
    token.refresh_at = token.expires;
    if (refresh && *refresh > 0)
        token.refresh_at =
            std::min(token.expires, sent + clamped(*refresh, limits.refresh_in_min, limits.lifetime_max));
    return token;
}

std::vector<int> error_codes_of(const json::object& object, const TokenResponseLimits& limits) {
    std::vector<int> codes;
    const json::value* value = object.if_contains("error_codes");
    if (value == nullptr || !value->is_array()) return codes;
    for (const json::value& code : value->get_array()) {
        if (codes.size() == limits.error_codes_max) break;
        if (code.is_int64() && code.get_int64() > 0 && code.get_int64() < INT32_MAX)
            codes.push_back(static_cast<int>(code.get_int64()));
    }
    return codes;
}

// Entra's description ends in "Trace ID: … Correlation ID: … Timestamp: …", which we show on a line of its
// own.
std::string_view without_trace(std::string_view description) {
    return base::trim(description.substr(0, description.find("Trace ID:")));
}

std::string trace_of(const json::object& object) {
    std::string trace;
    for (const auto& [label, key] : {std::pair<std::string_view, std::string_view>{"trace id", "trace_id"},
                                     {"correlation id", "correlation_id"},
                                     {"timestamp", "timestamp"}}) {
        const std::string value = base::printable(text_of(object, key), word_bytes_max);
        if (value.empty()) continue;
        if (!trace.empty()) trace += ", ";
        trace += std::string(label) + " " + value;
    }
    return trace;
}

TokenFailureClass class_of(provider::TokenErrorClass kind) {
    switch (kind) {
        case provider::TokenErrorClass::configuration:
        case provider::TokenErrorClass::relogin:
        case provider::TokenErrorClass::clock:
            return TokenFailureClass::configuration;
        case provider::TokenErrorClass::transient:
            return TokenFailureClass::transient;
    }
    return TokenFailureClass::transient;
}

TokenFailure read_failure(const json::object& object, int http_status, const TokenResponseLimits& limits) {
    const std::vector<int> codes = error_codes_of(object, limits);
    const std::string_view error = text_of(object, "error");
    const std::string_view description = text_of(object, "error_description");
    const provider::TokenErrorVerdict verdict = provider::explain(codes, error, description, http_status);

    TokenFailure failure;
    failure.kind = class_of(verdict.kind);
    failure.http_status = http_status;
    failure.error = base::printable(error, word_bytes_max);
    failure.aadsts = verdict.code != 0 || codes.empty() ? verdict.code : codes.front();
    failure.message = failure.error.empty() ? "HTTP " + std::to_string(http_status) : failure.error;
    if (const auto words = without_trace(description); !words.empty())
        failure.message += ": " + base::printable(words, limits.description_bytes_max);
    else if (failure.aadsts != 0)
        failure.message += ": AADSTS" + std::to_string(failure.aadsts);
    failure.cause = verdict.cause;
    failure.remedy = verdict.remedy;
    failure.trace = trace_of(object);
    return failure;
}

// An answer that is no JSON object: whoever wrote it, it was hardly the token endpoint.
TokenFailure read_foreign(int http_status) {
    const std::string message =
        "HTTP " + std::to_string(http_status) + " with a body that is not a JSON object";
    if (http_status == http_ok)
        return not_from_the_endpoint(
            http_status, TokenFailureClass::transient, message,
            "Something other than the token endpoint answered, or the answer was cut short.");
    if (http_status >= 300 && http_status < 400)
        return not_from_the_endpoint(
            http_status, TokenFailureClass::configuration, message,
            "The answer is a redirect, which is never followed with a secret in hand.");
    const provider::TokenErrorVerdict verdict = provider::explain({}, {}, {}, http_status);
    TokenFailure failure =
        not_from_the_endpoint(http_status, class_of(verdict.kind), message, std::string(verdict.cause));
    if (!verdict.remedy.empty()) failure.remedy = verdict.remedy;
    return failure;
}

}  // namespace

TokenResult parse_token_response(const TokenResponse& response, base::SteadyTime sent, base::WallTime now,
                                 const TokenResponseLimits& limits) {
    json::parse_options options;
    options.max_depth = limits.json_depth_max;
    WipingMemory memory;
    json::error_code error;
    const json::value value = json::parse(json::string_view(response.body.data(), response.body.size()),
                                          error, json::storage_ptr(&memory), options);
    const json::object* object = error ? nullptr : value.if_object();
    const bool success = response.http_status == http_ok && object != nullptr && !object->contains("error");
    if (success) return read_success(*object, sent, limits);

    TokenFailure failure = object == nullptr ? read_foreign(response.http_status)
                                             : read_failure(*object, response.http_status, limits);
    failure.retry_after = parse_retry_after(response.retry_after, now, limits.retry_after_max);
    return std::unexpected(std::move(failure));
}

}  // namespace mailramp::oauth
