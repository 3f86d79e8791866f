#include "io/resolver.h"

#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <netdb.h>

#include <boost/asio/this_coro.hpp>

#include "io/net.h"
#include "io/thread.h"
#include "mailramp/base/text.h"
#include "mailramp/io/worker.h"

namespace mailramp::io {
namespace {

int address_family(Family family) {
    switch (family) {
        case Family::any:
            return AF_UNSPEC;
        case Family::ipv4:
            return AF_INET;
        case Family::ipv6:
            return AF_INET6;
    }
    return AF_UNSPEC;
}

base::Error lookup_error(const std::string& host, int code, int errno_value) {
    const std::string doing = "look up " + host;
    if (code == EAI_SYSTEM) return base::system_error(doing, errno_value);
    const bool unknown = code == EAI_NONAME || code == EAI_FAMILY || code == EAI_FAIL || code == EAI_NODATA ||
                         code == EAI_ADDRFAMILY;
    return {unknown ? base::ErrorKind::not_found : base::ErrorKind::unavailable,
            doing + ": " + gai_strerror(code)};
}

// RFC 6761 §6.3: "localhost" is the loopback and needs no name server; a bare system has no /etc/hosts to say
// so.
bool is_localhost(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::string name = base::to_lower(host);
    return name == "localhost" || name.ends_with(".localhost");
}

std::vector<Endpoint> loopback_endpoints(std::uint16_t port, Family family) {
    std::vector<Endpoint> endpoints;
    if (family != Family::ipv6) endpoints.push_back(Endpoint{"127.0.0.1", port});
    if (family != Family::ipv4) endpoints.push_back(Endpoint{"::1", port});
    return endpoints;
}

// One lookup, shared by the thread and the coroutine that waits for it (or no longer does).
class PendingLookup final : public detail::Rendezvous {
  public:
    using Rendezvous::Rendezvous;
    void finish(base::Result<std::vector<Endpoint>> found) {
        result_ = std::move(found);
        arrive();
    }
    // Only after the arrival.
    [[nodiscard]] base::Result<std::vector<Endpoint>> take() { return std::move(*result_); }

  private:
    std::optional<base::Result<std::vector<Endpoint>>> result_;
};

// Starts the thread that looks up and then finishes `pending`. It is never joined: getaddrinfo cannot be
// stopped.
base::Result<> start_lookup(const Resolver& resolver, std::shared_ptr<PendingLookup> pending,
                            const std::string& host, std::uint16_t port, const ConnectOptions& options) {
    const std::shared_ptr<std::atomic<std::size_t>>& in_flight = resolver.in_flight();
    if (in_flight->fetch_add(1) >= options.lookups_in_flight_max) {
        in_flight->fetch_sub(1);
        return base::fail(base::ErrorKind::unavailable,
                          "look up " + host + ": " + std::to_string(options.lookups_in_flight_max) +
                              " lookups are waiting for a name server that does not answer");
    }
    auto body = [lookup = resolver.lookup(), pending = std::move(pending), in_flight, host, port,
                 family = options.family]() mutable {
        auto found = lookup(host, port, family);
        in_flight->fetch_sub(1);
        pending->finish(std::move(found));
    };
    try {
        start_thread("mailramp-dns", std::move(body)).detach();
    } catch (const std::system_error& error) {
        in_flight->fetch_sub(1);
        return base::fail(base::ErrorKind::unavailable, "look up " + host + ": " + error.what());
    }
    return {};
}

}  // namespace

Resolver& Resolver::of(const Executor& executor) {
    return asio::use_service<Resolver>(asio::query(executor, asio::execution::context));
}

base::Result<std::vector<Endpoint>> system_lookup(const std::string& host, std::uint16_t port,
                                                  Family family) {
    if (is_localhost(host)) return loopback_endpoints(port, family);
    addrinfo hints{};
    hints.ai_family = address_family(family);
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (code != 0) return std::unexpected(lookup_error(host, code, errno));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
    std::vector<Endpoint> endpoints;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        SocketAddress address;
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        address.size = entry->ai_addrlen;
        endpoints.push_back(Endpoint{endpoint_of(address).address, port});
    }
    return endpoints;
}

Task<base::Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port,
                                                  ConnectOptions options) {
    Endpoint literal{host, port};
    if (auto numeric = socket_address(literal)) {
        const int wanted = address_family(options.family);
        if (wanted != AF_UNSPEC && wanted != numeric->family())
            co_return base::fail(base::ErrorKind::not_found,
                                 host + " is not an address of the family asked for");
        co_return std::vector<Endpoint>(1, literal);
    }
    const Executor executor = co_await asio::this_coro::executor;
    auto pending = std::make_shared<PendingLookup>(executor);
    detail::Waiting waiting(executor, pending);
    const base::SteadyTime deadline = std::chrono::steady_clock::now() + options.resolve_timeout;
    auto started = start_lookup(Resolver::of(executor), pending, host, port, options);
    if (!started) co_return std::unexpected(started.error());
    const bool answered = co_await waiting.wait_until(deadline);
    if (!answered)
        co_return base::fail(base::ErrorKind::timeout,
                             "look up " + host + ": no answer within the time limit");
    auto found = pending->take();
    if (found && found->empty())
        co_return base::fail(base::ErrorKind::not_found, "look up " + host + ": it has no address");
    co_return found;
}

}  // namespace mailramp::io
