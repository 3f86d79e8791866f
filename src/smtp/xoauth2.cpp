#include "smtp/xoauth2.h"

#include <algorithm>
#include <optional>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

constexpr std::size_t user_bytes_max = 320;        // 64 + "@" + 255 (RFC 5321 §4.5.3.1)
constexpr std::size_t challenge_bytes_max = 4096;  // decoded; what is longer is not explained
constexpr std::size_t explanation_bytes_max = 160;

// RFC 6750 §2.1: b64token.
bool is_token_octet(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

bool breaks_a_field(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20 || octet == 0x7f;
}

base::Result<> check(std::string_view user, const base::Secret& token) {
    if (user.empty() || user.size() > user_bytes_max || std::ranges::any_of(user, breaks_a_field) ||
        !base::is_utf8(user))
        return base::fail(base::ErrorKind::invalid,
                          "the user name \"" + base::printable(user, user_bytes_max) +
                              "\" is empty, too long, or holds a space or a control character");
    if (token.empty() || !std::ranges::all_of(token.reveal(), is_token_octet))
        return base::fail(
            base::ErrorKind::invalid,
            "the access token is empty or holds a character that no bearer token has (RFC 6750)");
    return {};
}

base::Result<base::Secret> encode(std::string raw) {
    base::Secret response(base::base64_encode(raw));
    base::wipe(raw);
    if (response.reveal().size() > auth_response_bytes_max)
        return base::fail(base::ErrorKind::invalid,
                          "the access token is too long for SMTP (RFC 4954: 12288 octets)");
    return response;
}

// RFC 5801 §4: the two characters that mean something in a GS2 header.
std::string gs2_name(std::string_view user) {
    std::string out;
    for (const char c : user) {
        if (c == ',')
            out += "=2C";
        else if (c == '=')
            out += "=3D";
        else
            out += c;
    }
    return out;
}

// The string value of a member of a flat JSON object. This is for a log line, so it is no JSON parser: it
// finds "key" : "value" without escapes, or a bare number, and gives up on anything else.
std::optional<std::string_view> json_member(std::string_view json, std::string_view key) {
    const std::string quoted = "\"" + std::string(key) + "\"";
    const std::size_t at = json.find(quoted);
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view rest = base::trim(json.substr(at + quoted.size()));
    if (!rest.starts_with(':')) return std::nullopt;
    rest = base::trim(rest.substr(1));
    if (!rest.starts_with('"')) return rest.substr(0, rest.find_first_not_of("0123456789"));
    rest.remove_prefix(1);
    const std::size_t end = rest.find_first_of("\"\\");
    if (end == std::string_view::npos || rest[end] == '\\') return std::nullopt;
    return rest.substr(0, end);
}

}  // namespace

base::Result<base::Secret> xoauth2_response(std::string_view user, const base::Secret& token) {
    if (auto checked = check(user, token); !checked) return std::unexpected(checked.error());
    std::string raw;
    raw.reserve(user.size() + token.reveal().size() +
                32);  // one allocation: no copy of the token is left behind
    raw.append("user=")
        .append(user)
        .append(
            "\x01"
            "auth=Bearer ")
        .append(token.reveal())
        .append("\x01\x01");
    return encode(std::move(raw));
}

base::Result<base::Secret> oauthbearer_response(std::string_view user, std::string_view host,
                                                std::uint16_t port, const base::Secret& token) {
    if (auto checked = check(user, token); !checked) return std::unexpected(checked.error());
    if (host.empty() || std::ranges::any_of(host, breaks_a_field))
        return base::fail(base::ErrorKind::invalid,
                          "the host name is empty or holds a space or a control character");
    const std::string name = gs2_name(user);
    std::string raw;
    raw.reserve(name.size() + host.size() + token.reveal().size() + 64);
    raw.append("n,a=")
        .append(name)
        .append(",\x01host=")
        .append(host)
        .append("\x01port=")
        .append(std::to_string(port));
    raw.append(
           "\x01"
           "auth=Bearer ")
        .append(token.reveal())
        .append("\x01\x01");
    return encode(std::move(raw));
}

bool fits_auth_command(std::string_view mechanism, const base::Secret& response) {
    return std::string_view("AUTH  \r\n").size() + mechanism.size() + response.reveal().size() <=
           auth_command_bytes_max;
}

std::optional<std::string> explain_auth_challenge(std::string_view base64_text) {
    if (base64_text.size() > challenge_bytes_max) return std::nullopt;
    const auto json = base::base64_decode(base::trim(base64_text));
    if (!json) return std::nullopt;
    const auto status = json_member(*json, "status");
    if (!status || status->empty()) return std::nullopt;
    std::string words = "status " + std::string(*status);
    if (const auto scope = json_member(*json, "scope"); scope && !scope->empty())
        words.append(", scope ").append(*scope);
    return base::printable(words, explanation_bytes_max);
}

}  // namespace mailramp::smtp
