// mailramp/base/http_date.h: dates as they stand in header fields of HTTP (RFC 9110 §5.6.7); pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"

namespace mailramp::base {

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, the one form that may be generated); nothing for any other
// text. White space around it does not count.
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);
// The same form, to the second that has begun. For years of four digits.
[[nodiscard]] std::string http_date(WallTime time);

}  // namespace mailramp::base
