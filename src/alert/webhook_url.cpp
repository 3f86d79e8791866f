#include "mailramp/alert/webhook_url.h"

#include <algorithm>
#include <array>

#include "mailramp/base/text.h"

namespace mailramp::alert {
namespace {

constexpr std::size_t url_bytes_max = 4096;
constexpr std::size_t shown_bytes_max = 300;
constexpr std::string_view secure = "https://";
constexpr std::string_view plain = "http://";
constexpr std::array<std::string_view, 3> this_machine{"localhost", "127.0.0.1", "[::1]"};

base::Result<> refused(std::string_view why) {
    return base::fail(base::ErrorKind::invalid, "the webhook's URL (not shown here) " + std::string(why));
}

bool is_url_character(char c) {
    return c > 0x20 && c < 0x7F;
}

// "host:port"
std::string_view authority_of(std::string_view url) {
    url.remove_prefix(std::min(url.size(), url.find("://") + 3));
    return url.substr(0, url.find_first_of("/?#"));
}

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
    return authority.substr(0, authority.find(':'));
}

}  // namespace

base::Result<> check_webhook_url(std::string_view url) {
    const bool is_plain = base::starts_with_ignoring_case(url, plain);
    if (!is_plain && !base::starts_with_ignoring_case(url, secure))
        return refused("does not begin with https://");
    if (url.size() > url_bytes_max)
        return refused("is longer than " + std::to_string(url_bytes_max) + " octets");
    if (!std::ranges::all_of(url, is_url_character))
        return refused("has a blank, a control character or a letter beyond ASCII in it");
    const std::string_view authority = authority_of(url);
    if (authority.find_first_of("@\\") != std::string_view::npos)
        return refused("has a user name in front of its host");
    const std::string host = base::to_lower(host_of(authority));
    if (host.empty()) return refused("names no host");
    if (is_plain && std::ranges::find(this_machine, host) == this_machine.end())
        return refused("is http:// to another machine: whoever listens on the way could read and post there");
    return {};
}

std::string visible_part(std::string_view url) {
    const std::string_view scheme = url.substr(0, url.find("://") + 3);
    return base::printable(std::string(scheme).append(authority_of(url)), shown_bytes_max);
}

}  // namespace mailramp::alert
