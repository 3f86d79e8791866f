#include "sandbox/sasl.h"

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

constexpr std::string_view bearer = "auth=Bearer ";

// Takes `text` up to `separator` off the front; nothing if it is not there.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    if (end == text.npos) return {};
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end + 1);
    return part;
}

}  // namespace

std::optional<BearerLogin> parse_xoauth2(std::string_view base64_text) {
    const auto decoded = base::base64_decode(base64_text);
    if (!decoded || !decoded->starts_with("user=")) return {};
    std::string_view rest = std::string_view(*decoded).substr(5);
    const auto user = cut(rest, '\x01');
    if (!user || !rest.starts_with(bearer)) return {};
    rest.remove_prefix(bearer.size());
    const auto token = cut(rest, '\x01');
    if (!token || token->empty() || user->empty() || rest != "\x01") return {};
    return BearerLogin{std::string(*user), std::string(*token)};
}

std::optional<BearerLogin> parse_oauthbearer(std::string_view base64_text) {
    const auto decoded = base::base64_decode(base64_text);
    if (!decoded || !decoded->starts_with("n,a=")) return {};
    std::string_view rest = std::string_view(*decoded).substr(4);
    const auto user = cut(rest, ',');
    const auto gap = cut(rest, '\x01');
    if (!user || user->empty() || !gap || !gap->empty()) return {};
    BearerLogin login{std::string(*user), {}};
    while (rest != "\x01") {
        const auto pair = cut(rest, '\x01');
        if (!pair) return {};
        if (pair->starts_with(bearer)) login.token = pair->substr(bearer.size());
    }
    if (login.token.empty()) return {};
    return login;
}

}  // namespace mailramp::sandbox
