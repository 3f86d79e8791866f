// check/claims.h: what an access token says of itself. Pure.
//
// Access tokens are opaque by contract: they are looked into for diagnosis only, and nothing is decided by
// it. The signature is not looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mailramp::check {

struct ClaimLimits {
    std::size_t json_depth_max = 8;
    std::size_t text_bytes_max = 200;  // of each claim that is shown
    std::size_t roles_max = 50;
};

// Printable; empty or nothing where the token does not say it.
struct Claims {
    std::string audience;     // aud
    std::string tenant;       // tid
    std::string application;  // appid, in tokens of version 2.0 azp
    std::string object_id;    // oid; empty as well when it is not made of letters, digits and hyphens
    std::vector<std::string> roles;
    std::optional<std::int64_t> issued;   // iat, seconds since 1970
    std::optional<std::int64_t> expires;  // exp
};

// Nothing when it is no JWT whose payload is a JSON object (RFC 7519).
[[nodiscard]] std::optional<Claims> read_claims(std::string_view token, const ClaimLimits& limits = {});

}  // namespace mailramp::check
