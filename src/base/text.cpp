#include "mailramp/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mailramp::base {
namespace {

unsigned char octet(char c) {
    return static_cast<unsigned char>(c);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The length of the well-formed UTF-8 sequence at the start of `text`, or 0 (RFC 3629 §4).
std::size_t utf8_sequence(std::string_view text) {
    const auto at = [text](std::size_t i) { return i < text.size() ? octet(text[i]) : 0u; };
    const auto tail = [&at](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
    const unsigned lead = at(0);
    if (text.empty()) return 0;
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Characters that turn the direction of what follows (U+061C, U+200E, U+200F, U+202A…U+202E, U+2066…U+2069):
// with them a line can show something other than it says.
bool is_direction(std::string_view text) {
    if (text.starts_with("\xD8\x9C")) return true;
    if (text.size() < 3 || octet(text[0]) != 0xE2) return false;
    const unsigned second = octet(text[1]), third = octet(text[2]);
    if (second == 0x80) return third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE);
    return second == 0x81 && third >= 0xA6 && third <= 0xA9;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
    std::string out;
    out.reserve(std::min(text.size(), bytes_max));
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        // U+0080…U+009F are control characters too (C1), and terminals obey some of them.
        const bool c1 = length == 2 && octet(text[0]) == 0xC2 && octet(text[1]) < 0xA0;
        const bool control = length == 1 && (octet(text[0]) < 0x20 || octet(text[0]) == 0x7F);
        const std::string_view piece = length == 0 || control || c1 || is_direction(text)
                                           ? std::string_view("?")
                                           : text.substr(0, length);
        if (out.size() + piece.size() > bytes_max) break;
        out += piece;
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string shell_word(std::string_view text) {
    constexpr std::size_t bytes_max = 4096;
    const auto harmless = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/._-+:@,").find(c) != std::string_view::npos;
    };
    std::string clean = printable(text, bytes_max);
    if (!clean.empty() && std::ranges::all_of(clean, harmless)) return clean;
    std::string quoted = "'";
    for (const char c : clean)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
    return !std::ranges::search(text, part, {}, lower, lower).empty() || part.empty();
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return {};
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

std::string base64_encode(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
        const unsigned group = octet(bytes[i]) << 16 | (left > 1 ? octet(bytes[i + 1]) << 8 : 0u) |
                               (left > 2 ? octet(bytes[i + 2]) : 0u);
        out += base64_alphabet[group >> 18 & 63u];
        out += base64_alphabet[group >> 12 & 63u];
        out += left > 1 ? base64_alphabet[group >> 6 & 63u] : '=';
        out += left > 2 ? base64_alphabet[group & 63u] : '=';
    }
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return {};
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    unsigned group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t value = i >= text.size() - padding ? 0 : base64_alphabet.find(text[i]);
        if (value == std::string_view::npos) return {};
        group = group << 6 | static_cast<unsigned>(value);
        if (i % 4 != 3) continue;
        out += static_cast<char>(group >> 16 & 255u);
        out += static_cast<char>(group >> 8 & 255u);
        out += static_cast<char>(group & 255u);
        group = 0;
    }
    // Bits that the padding hides must be zero, or two texts would mean the same octets.
    for (std::size_t i = 0; i < padding; ++i) {
        if (out.back() != '\0') return {};
        out.pop_back();
    }
    return out;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return octet(c) < 0x80; });
}

}  // namespace mailramp::base
