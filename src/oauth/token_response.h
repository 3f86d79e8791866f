// oauth/token_response.h: what a token endpoint answered, as a token or as a failure in words; pure.
//
// Sources: RFC 6749 §5.1 and §5.2; Microsoft, "OAuth 2.0 client credentials flow on the Microsoft identity
// platform". The answer is hostile until proven otherwise: a proxy, a captive portal or an attacker may have
// written it.
#pragma once

#include <cstddef>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/oauth/token.h"

namespace mailramp::oauth {

struct TokenResponseLimits {
    std::size_t json_depth_max = 8;
    std::size_t token_bytes_max = 16 * 1024;
    std::size_t error_codes_max = 16;
    std::size_t description_bytes_max = 512;
    // Hardly longer than a token may really live, else a dead one would be used. The cache asks again at half
    // of it, so this also bounds how often an endpoint with senseless answers is asked.
    base::Duration lifetime_min = std::chrono::seconds(2);
    base::Duration refresh_in_min = std::chrono::seconds(60);
    base::Duration lifetime_max = std::chrono::hours(24);
    base::Duration lifetime_default = std::chrono::hours(1);  // without a usable expires_in
    base::Duration retry_after_max = std::chrono::hours(1);
};

// The parts of an HTTP response that count here. The views must outlive the call.
struct TokenResponse {
    int http_status = 0;
    std::string_view retry_after;  // the header field's value, or empty
    std::string_view body;
};

// `sent`: when the request went out; the lifetime counts from there. `now` serves a Retry-After that is a
// date.
[[nodiscard]] TokenResult parse_token_response(const TokenResponse& response, base::SteadyTime sent,
                                               base::WallTime now, const TokenResponseLimits& limits = {});

// RFC 9110 §10.2.3: seconds, or a date as of §5.6.7 (only IMF-fixdate, the one form that may be generated).
// 0 for anything else and for what has passed; at most `longest`.
[[nodiscard]] base::Duration parse_retry_after(std::string_view value, base::WallTime now,
                                               base::Duration longest);

}  // namespace mailramp::oauth
