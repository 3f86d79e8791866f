// check/tokens.h: the token server, its answer, and what the token says, from what was seen to findings.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "check/claims.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/check/finding.h"
#include "mailramp/oauth/token.h"

namespace mailramp::check {

// The host and the port of "https://login.example:8443"; port 443 where none is said.
struct Authority {
    std::string host;
    std::uint16_t port = 443;
};
[[nodiscard]] Authority parse_authority(std::string_view url);

struct TokenServerFacts {
    Authority authority;
    std::string proxy;                   // empty: none
    std::optional<base::Error> failure;  // nothing: it answered
    std::string tls_failure;             // what a handshake of ours said, which names issuers; may be empty
};
[[nodiscard]] Finding judge_token_server(const TokenServerFacts& facts);

struct TokenPlace {
    std::string secret_file;  // as configured; empty: the secret is elsewhere
};
// `lifetime`: what is left of the token that came.
[[nodiscard]] Finding judge_token(const std::string& credential, const oauth::TokenFailure* failure,
                                  const TokenPlace& place, base::Duration lifetime);

enum class Service { exchange, other };

struct ClaimFacts {
    std::string credential;
    std::string needs;  // why there is no token to look into; empty: there is one
    std::optional<Claims> claims;
    std::string tenant;     // as configured
    std::string client_id;  // as configured
    std::string scope;      // as configured
    Service service = Service::exchange;
    base::WallTime now;
    base::Duration clock_tolerance{};
    bool clock_is_right = true;  // as far as is known
};
// audience, tenant, application, role, object_id and lifetime, one each.
[[nodiscard]] std::vector<Finding> judge_claims(const ClaimFacts& facts);

[[nodiscard]] bool has_smtp_role(const Claims& claims);

}  // namespace mailramp::check
