#include "cli/reading.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/value.hpp>

#include "cli/view.h"
#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 4096;

// The API's phases as a human would say when it happened.
constexpr std::array phase_words{
    std::pair<std::string_view, std::string_view>{"resolve", "looking up the server's name"},
    std::pair<std::string_view, std::string_view>{"connect", "connecting"},
    std::pair<std::string_view, std::string_view>{"banner", "in the server's greeting"},
    std::pair<std::string_view, std::string_view>{"ehlo", "after EHLO"},
    std::pair<std::string_view, std::string_view>{"starttls", "after STARTTLS"},
    std::pair<std::string_view, std::string_view>{"tls", "in the TLS handshake"},
    std::pair<std::string_view, std::string_view>{"token", "asking for a token"},
    std::pair<std::string_view, std::string_view>{"auth", "at login"},
    std::pair<std::string_view, std::string_view>{"mail", "to the sender"},
    std::pair<std::string_view, std::string_view>{"rcpt", "to the recipient"},
    std::pair<std::string_view, std::string_view>{"data", "before the message"},
    std::pair<std::string_view, std::string_view>{"body", "while sending the message"},
    std::pair<std::string_view, std::string_view>{"body_end", "at the end of the message"},
};

}  // namespace

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    const json::string& text = value->get_string();
    return base::printable(std::string_view(text.data(), text.size()), text_bytes_max);
}

std::uint64_t number_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) return 0;
    if (value->is_uint64()) return value->get_uint64();
    if (value->is_int64()) return static_cast<std::uint64_t>(std::max<std::int64_t>(value->get_int64(), 0));
    return 0;
}

bool flag_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<base::WallTime> time_at(const json::object& object, std::string_view key) {
    return parse_time(text_at(object, key));
}

const json::object& object_at(const json::object& object, std::string_view key) {
    static const json::object empty;
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_object() ? value->get_object() : empty;
}

const json::array& array_at(const json::object& object, std::string_view key) {
    static const json::array empty;
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_array() ? value->get_array() : empty;
}

std::string answer_text(const json::object& answer) {
    std::string out;
    if (const std::uint64_t code = number_at(answer, "code"); code > 0) out += std::to_string(code) + " ";
    if (const std::string enhanced = text_at(answer, "enhanced"); !enhanced.empty()) out += enhanced + " ";
    out += text_at(answer, "text");
    out = std::string(base::trim(out));
    const std::string phase = text_at(answer, "phase");
    const auto known = std::ranges::find(phase_words, phase, [](const auto& pair) { return pair.first; });
    if (out.empty() || known == phase_words.end()) return out;
    return out.append(" (").append(known->second).append(")");
}

}  // namespace mailramp::cli
