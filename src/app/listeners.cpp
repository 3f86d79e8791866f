#include "app/listeners.h"

#include <cstdlib>
#include <string>
#include <utility>

#include <unistd.h>

#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/io/port_owner.h"

namespace mailramp::app {
namespace {

constexpr int first_inherited = 3;  // sd_listen_fds(3): SD_LISTEN_FDS_START
constexpr int inherited_max = 64;   // more than anybody configures; a bound on a number from the environment

// How many sockets the service manager passed, and forgets that it did.
int take_inherited_count() {
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    const auto pid_number = base::parse_number(pid != nullptr ? pid : "");
    const auto count_number = base::parse_number(count != nullptr ? count : "");
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        unsetenv(name);
    if (!pid_number || !count_number || *pid_number != static_cast<std::uint64_t>(getpid())) return 0;
    return static_cast<int>(std::min<std::uint64_t>(*count_number, inherited_max));
}

base::Error explain(const io::Endpoint& endpoint, base::Error error) {
    error.message.insert(0, "cannot listen on ");
    if (error.kind == base::ErrorKind::conflict) {
        error.message += "; " + io::port_in_use_advice(endpoint.port, io::port_owner(endpoint.port));
    } else if (error.kind == base::ErrorKind::io && endpoint.port < 1024 && geteuid() != 0) {
        error.message +=
            "; ports below 1024 need a privilege: let the service manager pass the socket "
            "(LISTEN_FDS), or give mailramp CAP_NET_BIND_SERVICE, or listen on a higher port (listen: "
            "[\"127.0.0.1:2525\"]); in a container, set the sysctl net.ipv4.ip_unprivileged_port_start of "
            "its "
            "network to " +
            std::to_string(endpoint.port);
    }
    return error;
}

base::Result<std::vector<OpenListener>> adopt_listeners(int count, const inbound::Options& options,
                                                        const io::Executor& executor) {
    std::vector<OpenListener> listeners;
    for (int socket = first_inherited; socket < first_inherited + count; ++socket) {
        auto listener = io::Listener::adopt(executor, socket);
        if (!listener)
            return base::fail("the inherited socket " + std::to_string(socket), std::move(listener.error()));
        inbound::ListenerOptions terms = inbound::terms_for(options, listener->endpoint());
        listeners.push_back({*std::move(listener), std::move(terms)});
    }
    return listeners;
}

}  // namespace

base::Result<std::vector<OpenListener>> open_listeners(const inbound::Options& options,
                                                       const io::Executor& executor,
                                                       const base::Logger& logger) {
    if (const int inherited = take_inherited_count(); inherited > 0)
        return adopt_listeners(inherited, options, executor);

    std::vector<OpenListener> listeners;
    base::Error missing_family;
    for (const io::Endpoint& endpoint : options.listen) {
        auto listener = io::Listener::bind_tcp(executor, endpoint, options.listen_backlog);
        if (listener) {
            // By the port that is configured: 0 may have become any.
            listeners.push_back({*std::move(listener), inbound::terms_for(options, endpoint)});
            continue;
        }
        base::Error error = explain(endpoint, std::move(listener.error()));
        const bool ipv6 = endpoint.address.find(':') != std::string::npos;
        if (error.kind != base::ErrorKind::unavailable || !ipv6) return std::unexpected(std::move(error));
        logger.warning(base::events::config_warning, error.message + "; going on without it");
        missing_family = std::move(error);
    }
    if (listeners.empty()) return std::unexpected(std::move(missing_family));
    return listeners;
}

std::string describe(const OpenListener& open) {
    std::string words;
    const auto add = [&words](std::string_view word) {
        words.append(words.empty() ? "" : ", ").append(word);
    };
    if (open.terms.tls == inbound::ListenerTls::implicit) add("TLS");
    if (open.terms.tls == inbound::ListenerTls::starttls) add("STARTTLS");
    if (open.terms.tls_versions == io::TlsVersions::legacy) add("old TLS too");
    if (open.terms.auth == inbound::ListenerAuth::users) add("users");
    if (open.terms.auth_need == smtp::AuthNeed::required) add("login required");
    return open.listener.name() + (words.empty() ? "" : " (" + words + ")");
}

}  // namespace mailramp::app
