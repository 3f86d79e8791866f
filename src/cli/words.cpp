#include "cli/words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

constexpr std::string_view gap = "...";

bool starts_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
}

// The octets of the first `count` code points.
std::size_t octets_of(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (starts_code_point(text[at])) {
            if (count == 0) break;
            --count;
        }
        ++at;
    }
    return at;
}

std::string_view first_columns(std::string_view text, std::size_t count) {
    return text.substr(0, octets_of(text, count));
}

std::string_view last_columns(std::string_view text, std::size_t count) {
    return text.substr(octets_of(text, columns_of(text) - count));
}

std::int64_t whole_seconds(base::Duration span) {
    return std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(span).count(), 0);
}

constexpr std::int64_t minute = 60;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

}  // namespace

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, starts_code_point));
}

std::string shortened_in_middle(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string(text);
    if (columns <= gap.size()) return std::string(first_columns(text, columns));
    const std::size_t kept = columns - gap.size();
    // The end tells more of an address than its beginning.
    const std::size_t tail = (kept + 1) / 2;
    return std::string(first_columns(text, kept - tail)).append(gap).append(last_columns(text, tail));
}

std::string shortened_at_end(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string(text);
    if (columns <= gap.size()) return std::string(first_columns(text, columns));
    return std::string(first_columns(text, columns - gap.size())).append(gap);
}

std::string padded(std::string_view text, std::size_t columns) {
    std::string out(text);
    out.append(columns - std::min(columns, columns_of(text)), ' ');
    return out;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
    std::vector<std::string> lines(1);
    columns = std::max<std::size_t>(columns, 1);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) continue;
        const std::size_t used = columns_of(lines.back());
        if (used > 0 && used + 1 + columns_of(word) > columns) lines.emplace_back();
        if (!lines.back().empty()) lines.back() += ' ';
        while (columns_of(word) > columns) {
            const std::string_view piece = first_columns(word, columns);
            lines.back() += piece;
            lines.emplace_back();
            word.remove_prefix(piece.size());
        }
        lines.back() += word;
    }
    return lines;
}

std::string paragraph(std::string_view first, std::string_view indent, std::string_view text,
                      std::size_t columns) {
    const std::size_t margin = std::max(columns_of(first), columns_of(indent));
    std::string out;
    for (const std::string& line : wrapped(text, columns > margin ? columns - margin : 1)) {
        out.append(out.empty() ? first : indent).append(line).append("\n");
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    return "\"" + base::printable(text, shown_word_bytes_max) + "\"";
}

std::string counted(std::uint64_t number, std::string_view noun) {
    std::string out = std::to_string(number) + " ";
    out += noun;
    if (number != 1) out += noun.ends_with("x") ? "es" : "s";
    return out;
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    constexpr double step = 1024;
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.96 KiB would be written as 1024.0 KiB.
    while (value >= step - 0.05 && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    std::array<char, 32> text{};
    const bool fraction = unit > 0 && value < 9.95;
    std::snprintf(text.data(), text.size(), "%.*f %s", fraction ? 1 : 0, value, units[unit]);
    return text.data();
}

std::string span_text(base::Duration span) {
    const std::int64_t seconds = whole_seconds(span);
    if (seconds < minute) return std::to_string(seconds) + " s";
    if (seconds < hour) return std::to_string(seconds / minute) + " min";
    if (seconds < day) {
        const std::int64_t minutes = seconds % hour / minute;
        return std::to_string(seconds / hour) + " h" +
               (minutes > 0 ? " " + std::to_string(minutes) + " min" : std::string());
    }
    const std::int64_t hours = seconds % day / hour;
    return counted(static_cast<std::uint64_t>(seconds / day), "day") +
           (hours > 0 ? " " + std::to_string(hours) + " h" : std::string());
}

std::string short_span_text(base::Duration span) {
    const std::int64_t seconds = whole_seconds(span);
    if (seconds < hour) return span_text(span);
    if (seconds < day) return std::to_string(seconds / hour) + " h";
    return std::to_string(seconds / day) + " d";
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " and " : ", ";
        out += words[i];
    }
    return out;
}

}  // namespace mailramp::cli
