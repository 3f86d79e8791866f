// mailramp/base/percent.h: percent-encoding (RFC 3986 §2.1), for URLs and forms; pure.
#pragma once

#include <string>
#include <string_view>

namespace mailramp::base {

// Every octet but RFC 3986 §2.3's unreserved characters as %XX. A space is %20, never '+': URLs and forms
// both read it.
[[nodiscard]] std::string percent_encode(std::string_view text);

// The same behind what is there already. It makes no copy of its own: where `out` has room (three octets for
// each of `text`), nothing of a secret stays behind in memory.
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace mailramp::base
