// Every short string of the octets that matter to line ends and dots.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mailramp::smtp::testing {

template <class Check>
void for_each_wire_string(std::size_t length_max, Check check) {
    constexpr std::string_view octets = "\r\n.a";
    std::size_t count = 1;
    for (std::size_t length = 0; length <= length_max; ++length, count *= octets.size()) {
        for (std::size_t number = 0; number < count; ++number) {
            std::string text;
            for (std::size_t left = number, i = 0; i < length; ++i, left /= octets.size())
                text += octets[left % octets.size()];
            check(text);
        }
    }
}

// For the words of a failed test.
inline std::string visible(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\r') {
            out += "\\r";
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

// No CR and no LF but in CRLF.
inline bool is_crlf_only(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') return false;
        if (text[i] == '\r' && (++i == text.size() || text[i] != '\n')) return false;
    }
    return true;
}

}  // namespace mailramp::smtp::testing
