// io::Stream, io::Listener, io::resolve() and io::connect() over the simulated network. In place of
// stream.cpp, listener.cpp, connect.cpp and resolver.cpp of src/io.
#include "mailramp/io/stream.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "mailramp/io/connect.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/timer.h"
#include "simulation/stream.h"

namespace mailramp::io {
namespace {

using simulation::End;
using simulation::Link;
using simulation::Network;
using simulation::Side;
using simulation::Tls;

base::SteadyTime deadline_after(base::Duration timeout) {
    return std::chrono::steady_clock::now() + timeout;
}

}  // namespace

struct Stream::Impl {
    Impl(const Executor& executor, std::shared_ptr<Link> over) : link(std::move(over)), changed(executor) {
        here().on_event = [this] { changed.notify(); };
    }
    ~Impl() { close(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    [[nodiscard]] End& here() const { return link->end(Side::daemon); }
    void close() {
        if (std::exchange(closed, true)) return;
        here().on_event = nullptr;
        here().close();
        changed.notify();
    }

    std::shared_ptr<Link> link;
    Event changed;
    std::string peer = "127.0.0.1";
    bool closed = false;
    bool tls = false;
};

Stream::Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
    if (impl_) impl_->close();
    impl_ = std::move(other.impl_);
    return *this;
}
Stream::~Stream() {
    if (impl_) impl_->close();
}

// A descriptor is the number under which simulation::offer() keeps a link.
base::Result<Stream> Stream::adopt(const Executor& executor, int socket) {
    return Stream(std::make_shared<Impl>(executor, simulation::taken(socket)));
}

Task<base::Result<std::size_t>> Stream::read_some(std::span<char> buffer, base::Duration timeout) {
    const std::shared_ptr<Impl> impl = impl_;
    const base::SteadyTime deadline = deadline_after(timeout);
    while (impl->here().arrived.empty() || impl->closed) {
        if (impl->closed || impl->here().closed)
            co_return base::fail(base::ErrorKind::closed, "the connection was closed");
        const bool changed = co_await impl->changed.wait_until(deadline);
        if (changed) continue;
        impl->close();
        co_return base::fail(base::ErrorKind::timeout, "nothing came within the time limit");
    }
    std::string& arrived = impl->here().arrived;
    const std::size_t size = std::min(buffer.size(), arrived.size());
    arrived.copy(buffer.data(), size);
    arrived.erase(0, size);
    co_return size;
}

// The kernel takes everything.
Task<base::Result<>> Stream::write(std::string_view bytes, base::Duration) {
    if (impl_->closed || impl_->here().closed)
        co_return base::fail(base::ErrorKind::closed, "the connection was closed");
    impl_->here().send(std::string(bytes));
    co_return base::Result<>{};
}

Task<base::Result<>> Stream::start_tls(const TlsClient&, std::string, base::Duration timeout) {
    const std::shared_ptr<Impl> impl = impl_;
    const base::SteadyTime deadline = deadline_after(timeout);
    if (!impl->here().arrived.empty())
        co_return base::fail(base::ErrorKind::tls, "the server sent something before the handshake");
    impl->here().send(Tls::hello);
    while (impl->here().hello == Tls::none) {
        if (impl->closed || impl->here().closed)
            co_return base::fail(base::ErrorKind::closed, "the connection was closed");
        const bool changed = co_await impl->changed.wait_until(deadline);
        if (changed) continue;
        impl->close();
        co_return base::fail(base::ErrorKind::timeout, "the TLS handshake took too long");
    }
    impl->tls = impl->here().hello == Tls::good;
    if (!impl->tls)
        co_return base::fail(base::ErrorKind::tls, "the certificate is not trusted: self-signed certificate");
    co_return base::Result<>{};
}

Task<base::Result<>> Stream::accept_tls(const TlsServer&, base::Duration) {
    co_return base::fail(base::ErrorKind::tls, "the simulated listener has no TLS");
}
bool Stream::tls_never_began() const {
    return true;
}
Task<> Stream::end_tls(base::Duration) {
    co_return;
}
bool Stream::is_tls() const {
    return impl_->tls;
}
TlsInfo Stream::tls_info() const {
    return impl_->tls ? TlsInfo{"TLSv1.3", "TLS_AES_256_GCM_SHA384", "", ""} : TlsInfo{};
}
bool Stream::readable_or_closed() {
    return impl_->closed || impl_->here().closed || !impl_->here().arrived.empty();
}
const std::string& Stream::peer_address() const {
    return impl_->peer;
}
int Stream::native_handle() const {
    return -1;
}
void Stream::close() {
    impl_->close();
}

// ------------------------------------------------------------------ listening

struct Listener::Impl {
    explicit Impl(const Executor& loop, Endpoint bound)
        : executor(loop), changed(loop), endpoint(std::move(bound)) {}

    Executor executor;
    Event changed;
    Endpoint endpoint;
    std::string name;
    std::deque<std::shared_ptr<Link>> backlog;
    bool closed = false;
};

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(Listener&& other) noexcept {
    if (impl_) close();
    impl_ = std::move(other.impl_);
    return *this;
}
Listener::~Listener() {
    if (impl_) close();
}

base::Result<Listener> Listener::bind_tcp(const Executor& executor, const Endpoint& endpoint, int) {
    auto impl = std::make_shared<Impl>(executor, endpoint);
    impl->name = endpoint.address + ":" + std::to_string(endpoint.port);
    Network::current()->listener = [weak = std::weak_ptr<Impl>(impl)](std::shared_ptr<Link> link) {
        const auto self = weak.lock();
        if (!self || self->closed) return link->reset();
        self->backlog.push_back(std::move(link));
        self->changed.notify();
    };
    return Listener(std::move(impl));
}

Task<base::Result<Stream>> Listener::accept() {
    const std::shared_ptr<Impl> impl = impl_;
    while (impl->backlog.empty() && !impl->closed)
        co_await impl->changed.wait();
    if (impl->closed) co_return base::fail(base::ErrorKind::closed, "the listener was closed");
    const int number = simulation::offer(std::move(impl->backlog.front()));
    impl->backlog.pop_front();
    co_return Stream::adopt(impl->executor, number);
}

void Listener::close() {
    if (std::exchange(impl_->closed, true)) return;
    Network::current()->listener = nullptr;
    for (const auto& link : impl_->backlog)
        link->reset();
    impl_->changed.notify();
}
const std::string& Listener::name() const {
    return impl_->name;
}
const Endpoint& Listener::endpoint() const {
    return impl_->endpoint;
}

// ------------------------------------------------------------------ calling

Task<base::Result<std::vector<Endpoint>>> resolve(std::string, std::uint16_t port, ConnectOptions options) {
    Network& network = *Network::current();
    if (network.weather == Network::Weather::nameless) {
        co_await sleep_for(std::min(options.resolve_timeout, network.machine.up_to(std::chrono::minutes(1))));
        co_return base::fail(base::ErrorKind::timeout, "the name could not be looked up");
    }
    co_await sleep_for(network.machine.up_to(network.latency_max));
    std::vector<Endpoint> found{{"192.0.2.1", port}};
    co_return found;
}

Task<base::Result<Stream>> connect(std::vector<Endpoint> endpoints, ConnectOptions options) {
    const Executor executor = co_await asio::this_coro::executor;
    Network& network = *Network::current();
    if (network.weather == Network::Weather::unreachable) {
        co_await sleep_for(std::min(options.address_timeout, options.total_timeout));
        co_return base::fail(base::ErrorKind::timeout, "192.0.2.1: no answer within the time limit");
    }
    co_await sleep_for(network.machine.up_to(network.latency_max));
    if (network.weather == Network::Weather::refused)
        co_return base::fail(base::ErrorKind::unavailable, "192.0.2.1: Connection refused");
    const int number = simulation::offer(network.call_provider(endpoints.front().port));
    co_return Stream::adopt(executor, number);
}

}  // namespace mailramp::io

namespace mailramp::simulation {
namespace {

// Between offer() and taken() there is no other call.
std::shared_ptr<Link> the_offer;

}  // namespace

int offer(std::shared_ptr<Link> link) {
    the_offer = std::move(link);
    return 0;
}
std::shared_ptr<Link> taken(int) {
    return std::exchange(the_offer, nullptr);
}

}  // namespace mailramp::simulation
