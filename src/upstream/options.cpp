#include "mailramp/upstream/options.h"

#include <algorithm>

#include "mailramp/base/text.h"

namespace mailramp::upstream {

base::Result<> check(const ServerOptions& options) {
    const auto refuse = [&options](std::string_view why) {
        return base::fail(base::ErrorKind::invalid, "mailbox " + options.mailbox + ": " + std::string(why));
    };
    if (options.host.empty()) return refuse("host is missing");
    if (options.port == 0) return refuse("port is missing");
    if (options.pool.connections_max == 0) return refuse("connections_max must be at least 1");
    if (options.starttls == smtp::StartTls::none) {
        if (options.authentication != smtp::Authentication::none)
            return refuse("no token is sent without TLS: starttls none needs authentication none");
        if (!base::equals_ignoring_case(options.host, "localhost") && !is_loopback(options.host))
            return refuse("starttls none is only for a server on this machine (localhost, 127.0.0.1, ::1)");
    }
    if (options.authentication == smtp::Authentication::xoauth2 && options.user.empty())
        return refuse("the user name for the login is missing");
    return {};
}

bool is_loopback(std::string_view address) {
    if (address == "::1") return true;
    // An IPv4 address as the kernel writes it; "127.example.com" is a name.
    if (address.starts_with("::ffff:")) address.remove_prefix(7);
    return address.starts_with("127.") && std::ranges::count(address, '.') == 3 &&
           address.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_own_listener(std::string_view address, std::uint16_t port,
                     const std::vector<io::Endpoint>& own_listeners) {
    return std::ranges::any_of(own_listeners, [address, port](const io::Endpoint& own) {
        if (own.port != port) return false;
        const bool everywhere = own.address == "0.0.0.0" || own.address == "::";
        return own.address == address || (everywhere && is_loopback(address));
    });
}

}  // namespace mailramp::upstream
