#include "cli/view.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

// The digits at a place of a text of fixed form.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    const auto number = base::parse_number(text.substr(at, count));
    if (!number) return {};
    return static_cast<int>(*number);
}

// SGR codes that read well on dark and on light ground.
const char* code_of(Tone tone) {
    switch (tone) {
        case Tone::plain:
            return "";
        case Tone::good:
            return "\x1b[32m";
        case Tone::warning:
            return "\x1b[33m";
        case Tone::bad:
            return "\x1b[31m";
        case Tone::faint:
            return "\x1b[2m";
    }
    return "";
}

}  // namespace

std::string clock_text(base::WallTime time, const View& view) {
    const std::chrono::seconds offset = view.zone(time);
    const auto local = std::chrono::floor<std::chrono::seconds>(time) + offset;
    const auto day = std::chrono::floor<std::chrono::days>(local);
    const auto today = std::chrono::floor<std::chrono::days>(view.now + view.zone(view.now));
    const std::chrono::hh_mm_ss clock(local - day);
    const long minutes_east = std::labs(offset.count()) / 60;
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%02d:%02d:%02d %c%02ld:%02ld",
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), offset.count() < 0 ? '-' : '+',
                  minutes_east / 60, minutes_east % 60);
    if (day == today) return text.data();
    const std::chrono::year_month_day date(day);
    std::array<char, 24> date_text{};
    std::snprintf(date_text.data(), date_text.size(), "%04d-%02u-%02u ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return std::string(date_text.data()) + text.data();
}

std::optional<base::WallTime> parse_time(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
    if (text.size() != form.size()) return {};
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] != '0' && text[i] != form[i]) return {};
    }
    const auto year = digits(text, 0, 4);
    const auto month = digits(text, 5, 2);
    const auto day = digits(text, 8, 2);
    const auto hours = digits(text, 11, 2);
    const auto minutes = digits(text, 14, 2);
    const auto seconds = digits(text, 17, 2);
    const auto milliseconds = digits(text, 20, 3);
    if (!year || !month || !day || !hours || !minutes || !seconds || !milliseconds) return {};
    const std::chrono::year_month_day date(std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok() || *hours > 23 || *minutes > 59 || *seconds > 59) return {};
    return std::chrono::sys_days(date) + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
           std::chrono::seconds(*seconds) + std::chrono::milliseconds(*milliseconds);
}

std::string painted(std::string_view text, Tone tone, Colour colour) {
    if (colour == Colour::off || tone == Tone::plain) return std::string(text);
    return std::string(code_of(tone)).append(text).append("\x1b[0m");
}

}  // namespace mailramp::cli
