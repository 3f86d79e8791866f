#include "mailramp/base/percent.h"

namespace mailramp::base {
namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").find(c) != std::string_view::npos;
}

}  // namespace

std::string percent_encode(std::string_view text) {
    std::string out;
    out.reserve(3 * text.size());
    append_percent_encoded(out, text);
    return out;
}

void append_percent_encoded(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        out += '%';
        out += digits[octet >> 4];
        out += digits[octet & 15u];
    }
}

}  // namespace mailramp::base
