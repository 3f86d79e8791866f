// sandbox/sasl.h: what a client says when it logs in with a token. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mailramp::sandbox {

struct BearerLogin {
    std::string user;
    std::string token;
};

// base64 of "user=" name %x01 "auth=Bearer " token %x01 %x01, and nothing else (Microsoft, Google).
[[nodiscard]] std::optional<BearerLogin> parse_xoauth2(std::string_view base64_text);
// base64 of "n,a=" name "," %x01 pairs %x01 %x01 (RFC 7628 §3.1).
[[nodiscard]] std::optional<BearerLogin> parse_oauthbearer(std::string_view base64_text);

}  // namespace mailramp::sandbox
