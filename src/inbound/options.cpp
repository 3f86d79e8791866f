#include "mailramp/inbound/options.h"

#include <algorithm>

namespace mailramp::inbound {
namespace {

constexpr std::uint16_t submissions_port = 465;  // RFC 8314 §3.3: TLS from the first octet

}  // namespace

ListenerOptions terms_for(const Options& options, const io::Endpoint& address) {
    ListenerOptions terms;
    const auto said = std::ranges::find_if(options.listeners, [&](const ListenerOptions& listener) {
        return listener.address.address == address.address && listener.address.port == address.port;
    });
    if (said != options.listeners.end()) terms = *said;
    terms.address = address;
    const auto parsed = route::IpAddress::parse(address.address);
    const bool on_loopback = parsed && parsed->is_loopback();
    if (terms.tls == ListenerTls::automatic) {
        if (address.port == submissions_port)
            terms.tls = ListenerTls::implicit;
        else
            terms.tls = on_loopback ? ListenerTls::none : ListenerTls::starttls;
    }
    if (terms.auth == ListenerAuth::automatic)
        terms.auth = on_loopback || options.auth_users_file.empty() ? ListenerAuth::any : ListenerAuth::users;
    return terms;
}

}  // namespace mailramp::inbound
