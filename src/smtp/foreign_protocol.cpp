#include "smtp/foreign_protocol.h"

#include <algorithm>
#include <array>

#include "mailramp/base/text.h"

namespace mailramp::smtp {

bool looks_like_http(std::string_view line) {
    constexpr std::array<std::string_view, 10> methods{"GET",     "POST",  "PUT",   "HEAD",   "OPTIONS",
                                                       "CONNECT", "PATCH", "TRACE", "DELETE", "PRI"};
    const std::string_view word = line.substr(0, line.find(' '));
    if (std::ranges::any_of(methods,
                            [word](auto method) { return base::equals_ignoring_case(word, method); }))
        return true;
    // No command has a colon in its first word; every header field has (`Host: localhost:25`).
    return word.find(':') != std::string_view::npos || base::contains_ignoring_case(line, " HTTP/");
}

bool looks_like_tls(std::string_view octets) {
    return octets.starts_with("\x16\x03");
}

}  // namespace mailramp::smtp
