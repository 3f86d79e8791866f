#include <algorithm>
#include <chrono>

#include "mailramp/base/http_date.h"
#include "mailramp/base/text.h"
#include "oauth/token_response.h"

namespace mailramp::oauth {

base::Duration parse_retry_after(std::string_view value, base::WallTime now, base::Duration longest) {
    value = base::trim(value);
    const auto longest_seconds = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
    if (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
        const auto seconds = base::parse_number(value);  // nothing: more than 64 bits of seconds
        if (!seconds || *seconds > static_cast<std::uint64_t>(longest_seconds)) return longest;
        return std::chrono::seconds(static_cast<std::int64_t>(*seconds));
    }
    const auto date = base::parse_http_date(value);
    if (!date) return {};
    return std::clamp<base::Duration>(*date - now, base::Duration{}, longest);
}

}  // namespace mailramp::oauth
