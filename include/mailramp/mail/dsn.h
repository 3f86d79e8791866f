// mailramp/mail/dsn.h: the parameters of MAIL and RCPT that ask for delivery status notifications (RFC 3461
// §4).
//
// Strict, for what is taken here comes back later as fields of a report (RFC 3464): a value that would put a
// control character there is none. The error texts are made for a 501 reply: one line of ASCII, nothing of
// the input in it. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/mail/address.h"

namespace mailramp::mail {

inline constexpr std::size_t envid_bytes_max = 100;  // RFC 3461 §4.4, as encoded
inline constexpr std::size_t orcpt_bytes_max = 500;  // RFC 3461 §4.2, as encoded

// Whether `text` is xtext (RFC 3461 §4).
[[nodiscard]] bool is_xtext(std::string_view text);
// What it stands for; nothing when it is not xtext, or stands for something else than printable ASCII.
[[nodiscard]] std::optional<std::string> decoded_xtext(std::string_view text);
[[nodiscard]] std::string encoded_xtext(std::string_view text);

// The value of NOTIFY: "NEVER", or some of "SUCCESS,FAILURE,DELAY", each once, in upper case.
[[nodiscard]] base::Result<std::string> parse_notify(std::string_view value);
// The value of ENVID, as it came.
[[nodiscard]] base::Result<std::string> parse_envid(std::string_view value);
// The value of ORCPT, as it came: "rfc822;bob@example.com". With Utf8::allowed an address of the type utf-8
// may have UTF-8 in it (RFC 6533 §3).
[[nodiscard]] base::Result<std::string> parse_orcpt(std::string_view value, Utf8 utf8);

// What is to be told of a recipient, from the value of parse_notify(). Absent, failures are, and delays may
// be (RFC 3461 §4.1).
enum class Notice { success, failure, delay };
[[nodiscard]] bool wants_notice(std::string_view notify, Notice notice);

}  // namespace mailramp::mail
