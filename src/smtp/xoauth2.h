// smtp/xoauth2.h: what a client sends to log in with a bearer token: XOAUTH2 (Microsoft, Google) and
// OAUTHBEARER (RFC 7628). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"

namespace mailramp::smtp {

// RFC 4954 §4: an AUTH command may be this long, CRLF included; a longer initial response goes on a line of
// its own.
inline constexpr std::size_t auth_command_bytes_max = 512;
// RFC 4954 §4: what a server should take on the line of its own, CRLF not included.
inline constexpr std::size_t auth_response_bytes_max = 12288;

// The base64 text that logs `user` in with `token`. ErrorKind::invalid when either holds an octet that could
// end a field or a line early, or when the result exceeds auth_response_bytes_max; the message never holds
// the token.
[[nodiscard]] base::Result<base::Secret> xoauth2_response(std::string_view user, const base::Secret& token);
[[nodiscard]] base::Result<base::Secret> oauthbearer_response(std::string_view user, std::string_view host,
                                                              std::uint16_t port, const base::Secret& token);

// Whether "AUTH <mechanism> <response>" may be sent as one line.
[[nodiscard]] bool fits_auth_command(std::string_view mechanism, const base::Secret& response);

// What a server's 334 says about a refused token: base64 of {"status":"401","schemes":…,"scope":…}. Returns
// the status and scope in words, printable and short; nothing when the text is not that.
[[nodiscard]] std::optional<std::string> explain_auth_challenge(std::string_view base64_text);

}  // namespace mailramp::smtp
