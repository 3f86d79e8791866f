#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "mailramp/base/text.h"
#include "oauth/token_response.h"

namespace mailramp::oauth {
namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// "Sun, 06 Nov 1994 08:49:37 GMT": every field has its place. The day of the week is not compared: it adds
// nothing, and servers get it wrong.
std::optional<base::WallTime> parse_imf_fixdate(std::string_view text) {
    constexpr std::string_view shape = "..., 00 ... 0000 00:00:00 GMT";
    if (text.size() != shape.size()) return {};
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : shape[i] != '.' && shape[i] != text[i]) return {};
    }
    const auto number = [text](std::size_t at, std::size_t length) {
        return static_cast<int>(*base::parse_number(text.substr(at, length)));
    };
    const auto month = std::ranges::find(months, text.substr(8, 3));
    if (month == months.end()) return {};
    using namespace std::chrono;
    const year_month_day date{year(number(12, 4)),
                              std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
                              day(static_cast<unsigned>(number(5, 2)))};
    if (!date.ok()) return {};
    return sys_days(date) + hours(number(17, 2)) + minutes(number(20, 2)) + seconds(number(23, 2));
}

}  // namespace

base::Duration parse_retry_after(std::string_view value, base::WallTime now, base::Duration longest) {
    value = base::trim(value);
    const auto longest_seconds = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
    if (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
        const auto seconds = base::parse_number(value);  // nothing: more than 64 bits of seconds
        if (!seconds || *seconds > static_cast<std::uint64_t>(longest_seconds)) return longest;
        return std::chrono::seconds(static_cast<std::int64_t>(*seconds));
    }
    const auto date = parse_imf_fixdate(value);
    if (!date) return {};
    return std::clamp<base::Duration>(*date - now, base::Duration{}, longest);
}

}  // namespace mailramp::oauth
