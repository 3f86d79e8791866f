#include "oauth/form.h"

#include <utility>

namespace mailramp::oauth {
namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").find(c) != std::string_view::npos;
}

void append_encoded(std::string& out, std::string_view text) {
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

}  // namespace

std::string percent_encode(std::string_view text) {
    std::string out;
    out.reserve(3 * text.size());
    append_encoded(out, text);
    return out;
}

base::Secret form_body(std::span<const FormField> fields) {
    std::size_t size_max = 0;
    for (const FormField& field : fields)
        size_max += 3 * (field.name.size() + field.value.size()) + 2;
    std::string body;
    body.reserve(size_max);
    for (const FormField& field : fields) {
        if (!body.empty()) body += '&';
        append_encoded(body, field.name);
        body += '=';
        append_encoded(body, field.value);
    }
    return base::Secret(std::move(body));
}

}  // namespace mailramp::oauth
