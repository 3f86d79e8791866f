#include "sendmail/server_list.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/text.h"

namespace mailramp::sendmail {
namespace {

constexpr std::string_view default_port = "25";
constexpr std::uint64_t port_max = 65535;
constexpr std::size_t shown_word_bytes_max = 200;

base::Result<Server> read_server(std::string_view word) {
    const auto wrong = [word] {
        return base::fail(base::ErrorKind::invalid, "'" + base::printable(word, shown_word_bytes_max) +
                                                        "' is not HOST, HOST:PORT or [ADDRESS]:PORT");
    };
    std::string_view host = word;
    std::string_view port = default_port;
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        if (end == std::string_view::npos) return wrong();
        const std::string_view rest = host.substr(end + 1);
        host = host.substr(1, end - 1);
        if (!rest.empty() && !rest.starts_with(':')) return wrong();
        if (!rest.empty()) port = rest.substr(1);
    } else if (std::ranges::count(host, ':') == 1) {
        port = host.substr(host.find(':') + 1);
        host = host.substr(0, host.find(':'));
    }
    const auto number = base::parse_number(port);
    if (host.empty() || !number || *number == 0 || *number > port_max) return wrong();
    return Server{std::string(host), std::string(port)};
}

// localhost is the loopback, whatever the system knows of it (RFC 6761 §6.3): a container may have no
// /etc/hosts.
void add(std::vector<Server>& servers, Server server) {
    if (!base::equals_ignoring_case(server.host, "localhost")) return servers.push_back(std::move(server));
    servers.push_back({"127.0.0.1", server.port});
    servers.push_back({"::1", std::move(server.port)});
}

}  // namespace

std::string Server::text() const {
    return (host.contains(':') ? "[" + host + "]" : host) + ":" + port;
}

base::Result<std::vector<Server>> read_servers(std::string_view list) {
    std::vector<Server> servers;
    for (bool more = true; more;) {
        const std::size_t comma = list.find(',');
        auto server = read_server(base::trim(list.substr(0, comma)));
        if (!server) return std::unexpected(std::move(server).error());
        if (servers.size() >= servers_max)
            return base::fail(base::ErrorKind::limit,
                              "more than " + std::to_string(servers_max) + " servers");
        add(servers, *std::move(server));
        more = comma != std::string_view::npos;
        list.remove_prefix(more ? comma + 1 : list.size());
    }
    return servers;
}

}  // namespace mailramp::sendmail
