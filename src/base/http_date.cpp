#include "mailramp/base/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "mailramp/base/text.h"

namespace mailramp::base {
namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view shape = "..., 00 ... 0000 00:00:00 GMT";

}  // namespace

// Every field has its place. The day of the week is not compared: it adds nothing, and servers get it wrong.
std::optional<WallTime> parse_http_date(std::string_view text) {
    text = trim(text);
    if (text.size() != shape.size()) return {};
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : shape[i] != '.' && shape[i] != text[i]) return {};
    }
    const auto number = [text](std::size_t at, std::size_t length) {
        return static_cast<int>(*parse_number(text.substr(at, length)));
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

std::string http_date(WallTime time) {
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(second - day);
    std::array<char, 32> rest{};
    std::snprintf(rest.data(), rest.size(), " %04d %02d:%02d:%02d GMT", static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    const unsigned number = static_cast<unsigned>(date.day());
    return std::string(weekdays[std::chrono::weekday(day).c_encoding()]) + (number < 10 ? ", 0" : ", ") +
           std::to_string(number) + " " + std::string(months[static_cast<unsigned>(date.month()) - 1]) +
           rest.data();
}

}  // namespace mailramp::base
