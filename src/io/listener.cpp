#include "mailramp/io/listener.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/net.h"
#include "mailramp/io/timer.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;

// How long accepting rests when the process or the machine has no file descriptor left.
constexpr base::Duration retry_pause = std::chrono::milliseconds(100);
// After so many connections in a row the event loop gets its turn, however long the backlog is.
constexpr int accepts_in_row_max = 16;

// What a bound Unix socket is known by, so that close() removes ours and never a successor's.
struct SocketFile {
    fs::path path;
    dev_t device = 0;
    ino_t inode = 0;
};

void set_option(int socket, int level, int name) {
    const int on = 1;
    ::setsockopt(socket, level, name, &on, sizeof on);
}

base::Error bind_error(const std::string& name, int code) {
    base::Error error = base::system_error(name, code);
    if (code == EADDRINUSE) error.kind = base::ErrorKind::conflict;
    if (code == EADDRNOTAVAIL || code == EAFNOSUPPORT) error.kind = base::ErrorKind::unavailable;
    return error;
}

base::Result<SocketAddress> unix_address(const fs::path& path) {
    sockaddr_un name{};
    const std::string text = path.string();
    if (text.empty() || text.size() >= sizeof name.sun_path)
        return base::fail(base::ErrorKind::invalid,
                          "the path of a Unix socket has 1 to " + std::to_string(sizeof name.sun_path - 1) +
                              " octets, not " + std::to_string(text.size()) + ": " + text);
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, text.c_str(), text.size() + 1);
    SocketAddress address;
    std::memcpy(&address.storage, &name, sizeof name);
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
    return address;
}

// Removes a socket file that nobody listens on.
base::Result<> remove_stale(const fs::path& path, const SocketAddress& address) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) return {};
    if (!S_ISSOCK(info.st_mode))
        return base::fail(base::ErrorKind::conflict, path.string() + " exists and is not a socket");
    const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.get() < 0) return std::unexpected(base::system_error("probe " + path.string(), errno));
    if (::connect(probe.get(), address.get(), address.size) == 0 || errno != ECONNREFUSED)
        return base::fail(base::ErrorKind::conflict, "another program listens on " + path.string());
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return std::unexpected(base::system_error("remove the stale socket " + path.string(), errno));
    return {};
}

bool out_of_descriptors(int code) {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

// The connection died in the backlog (accept(2) passes network errors on): the next one may be fine.
bool died_in_backlog(int code) {
    return code == ECONNABORTED || code == EINTR || code == EPROTO || code == ENETDOWN ||
           code == ENOPROTOOPT || code == EHOSTDOWN || code == ENONET || code == EHOSTUNREACH ||
           code == ENETUNREACH || code == EPERM;
}

}  // namespace

struct Listener::Impl {
    Impl(const Executor& executor, FileDescriptor listening, Endpoint bound)
        : socket(executor, listening.release()), endpoint(std::move(bound)) {}

    asio::posix::stream_descriptor socket;
    Endpoint endpoint;
    std::string name;
    SocketFile file;
    int accepts_in_row = 0;

    void close() {
        if (!socket.is_open()) return;
        boost::system::error_code ignored;
        socket.close(ignored);
        struct stat info{};
        const bool ours = !file.path.empty() && ::lstat(file.path.c_str(), &info) == 0 &&
                          info.st_dev == file.device && info.st_ino == file.inode;
        if (ours) ::unlink(file.path.c_str());
    }
};

namespace {

// The address as the kernel sees it, with the port that it chose.
base::Result<SocketAddress> local_address(int socket) {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (::getsockname(socket, address.get(), &address.size) != 0)
        return std::unexpected(base::system_error("read the address of a listening socket", errno));
    return address;
}

}  // namespace

base::Result<Listener> Listener::bind_tcp(const Executor& executor, const Endpoint& endpoint, int backlog) {
    auto address = socket_address(endpoint);
    if (!address) return std::unexpected(address.error());
    FileDescriptor socket(
        ::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (socket.get() < 0) return std::unexpected(bind_error(to_string(endpoint), errno));
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR);
    if (address->family() == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    if (::bind(socket.get(), address->get(), address->size) != 0 || ::listen(socket.get(), backlog) != 0)
        return std::unexpected(bind_error(to_string(endpoint), errno));
    return adopt(executor, socket.release());
}

base::Result<Listener> Listener::bind_unix(const Executor& executor, const fs::path& path, unsigned mode) {
    auto address = unix_address(path);
    if (!address) return std::unexpected(address.error());
    if (auto removed = remove_stale(path, *address); !removed) return std::unexpected(removed.error());
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return std::unexpected(bind_error(path.string(), errno));
    // Linux gives the file the mode of the unbound socket, less the umask: there is no moment in which it is
    // more open than asked. chmod() then gives back what the umask took.
    ::fchmod(socket.get(), mode);
    if (::bind(socket.get(), address->get(), address->size) != 0)
        return std::unexpected(bind_error(path.string(), errno));
    struct stat info{};
    if (::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), SOMAXCONN) != 0 ||
        ::lstat(path.c_str(), &info) != 0) {
        const int code = errno;
        ::unlink(path.c_str());
        return std::unexpected(bind_error(path.string(), code));
    }
    auto listener = adopt(executor, socket.release());
    if (listener) listener->impl_->file = {path, info.st_dev, info.st_ino};
    return listener;
}

base::Result<Listener> Listener::adopt(const Executor& executor, int descriptor) {
    FileDescriptor socket(descriptor);
    int listening = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
        return std::unexpected(base::system_error("take over a listening socket", errno));
    if (listening == 0)
        return base::fail(base::ErrorKind::invalid, "the inherited socket does not listen for connections");
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    auto address = local_address(descriptor);
    if (!address) return std::unexpected(address.error());
    auto impl = std::make_shared<Impl>(executor, std::move(socket), endpoint_of(*address));
    impl->name = address->family() == AF_UNIX ? impl->endpoint.address : to_string(impl->endpoint);
    return Listener(std::move(impl));
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::Listener(Listener&&) noexcept = default;

Listener& Listener::operator=(Listener&& other) noexcept {
    if (this != &other) {
        close();
        impl_ = std::move(other.impl_);
    }
    return *this;
}

Listener::~Listener() {
    close();
}

Task<base::Result<Stream>> Listener::accept() {
    const std::shared_ptr<Impl> impl = impl_;
    for (;;) {
        if (!impl->socket.is_open()) co_return base::fail(base::ErrorKind::closed, impl->name + " is closed");
        if (impl->accepts_in_row < accepts_in_row_max) {
            const int accepted =
                ::accept4(impl->socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            const int code = errno;
            if (accepted >= 0) {
                ++impl->accepts_in_row;
                auto stream = Stream::adopt(impl->socket.get_executor(), accepted);
                if (stream) co_return stream;
                continue;  // The client was gone before we looked.
            }
            if (out_of_descriptors(code)) {
                co_await sleep_for(retry_pause);
                continue;
            }
            if (died_in_backlog(code)) {
                ++impl->accepts_in_row;  // so that an error that never ends is no busy loop
                continue;
            }
            if (code != EAGAIN)
                co_return std::unexpected(base::system_error("accept on " + impl->name, code));
        }
        impl->accepts_in_row = 0;
        co_await impl->socket.async_wait(asio::posix::stream_descriptor::wait_read,
                                         asio::as_tuple(asio::use_awaitable));
    }
}

void Listener::close() {
    if (impl_) impl_->close();
}

const std::string& Listener::name() const {
    return impl_->name;
}

const Endpoint& Listener::endpoint() const {
    return impl_->endpoint;
}

}  // namespace mailramp::io
