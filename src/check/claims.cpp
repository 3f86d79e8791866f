#include "check/claims.h"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "mailramp/base/text.h"

namespace mailramp::check {
namespace {

namespace json = boost::json;

constexpr std::size_t base64_group = 4;

// RFC 4648 §5, without padding (RFC 7515 §2).
std::optional<std::string> decode(std::string_view part) {
    std::string standard(part);
    if (standard.find_first_of("+/=") != std::string::npos) return {};
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    while (standard.size() % base64_group != 0)
        standard += '=';
    return base::base64_decode(standard);
}

// An ID is shown in commands that people paste: nothing but the characters of one may get there.
std::string only_an_id(std::string text) {
    const auto of_an_id = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    };
    return std::ranges::all_of(text, of_an_id) ? text : std::string();
}

class Payload {
  public:
    Payload(const json::object& object, const ClaimLimits& limits) : object_(object), limits_(limits) {}

    [[nodiscard]] std::string text(std::string_view name) const {
        const json::value* value = object_.if_contains(name);
        return value != nullptr ? shown(*value) : std::string();
    }
    [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const {
        const json::value* value = object_.if_contains(name);
        if (value == nullptr || !value->is_int64()) return {};
        return value->get_int64();
    }
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const {
        std::vector<std::string> found;
        const json::value* value = object_.if_contains(name);
        if (value == nullptr || !value->is_array()) return found;
        for (const json::value& entry : value->get_array())
            if (entry.is_string() && found.size() < limits_.roles_max) found.push_back(shown(entry));
        return found;
    }

  private:
    [[nodiscard]] std::string shown(const json::value& value) const {
        if (!value.is_string()) return {};
        return base::printable(std::string_view(value.get_string()), limits_.text_bytes_max);
    }
    const json::object& object_;
    const ClaimLimits& limits_;
};

}  // namespace

std::optional<Claims> read_claims(std::string_view token, const ClaimLimits& limits) {
    const std::size_t first = token.find('.');
    const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
    if (second == token.npos) return {};
    const auto decoded = decode(token.substr(first + 1, second - first - 1));
    if (!decoded) return {};
    json::parse_options options;
    options.max_depth = static_cast<unsigned char>(limits.json_depth_max);
    json::error_code error;
    const json::value parsed = json::parse(*decoded, error, {}, options);
    if (error || !parsed.is_object()) return {};
    const Payload payload(parsed.get_object(), limits);
    Claims claims;
    claims.audience = payload.text("aud");
    claims.tenant = payload.text("tid");
    claims.application = payload.text("appid");
    if (claims.application.empty()) claims.application = payload.text("azp");
    claims.object_id = only_an_id(payload.text("oid"));
    claims.roles = payload.texts("roles");
    claims.issued = payload.number("iat");
    claims.expires = payload.number("exp");
    return claims;
}

}  // namespace mailramp::check
