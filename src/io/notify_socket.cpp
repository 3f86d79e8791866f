#include "mailramp/io/notify_socket.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

#include "io/net.h"

namespace mailramp::io {
namespace {

// An abstract name is counted, begins with a NUL octet and has none at its end (unix(7)).
base::Result<SocketAddress> notify_address(std::string_view name) {
    sockaddr_un address{};
    const bool abstract = name.starts_with('@');
    if ((!abstract && !name.starts_with('/')) || name.size() < 2)
        return base::fail(base::ErrorKind::invalid, "it is neither an absolute path nor '@' and a name");
    if (name.size() >= sizeof address.sun_path)
        return base::fail(base::ErrorKind::invalid,
                          "it is longer than " + std::to_string(sizeof address.sun_path - 1) + " octets");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (abstract) address.sun_path[0] = '\0';
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
    return result;
}

}  // namespace

struct NotifySocket::Impl {
    FileDescriptor socket;
    SocketAddress address;
};

base::Result<NotifySocket> NotifySocket::open(std::string_view name) {
    auto address = notify_address(name);
    if (!address) return std::unexpected(std::move(address.error()));
    FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return std::unexpected(base::system_error("a socket for notifications", errno));
    return NotifySocket(std::make_unique<Impl>(std::move(socket), *address));
}

NotifySocket::NotifySocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NotifySocket::NotifySocket(NotifySocket&&) noexcept = default;
NotifySocket& NotifySocket::operator=(NotifySocket&&) noexcept = default;
NotifySocket::~NotifySocket() = default;

base::Result<> NotifySocket::send(std::string_view datagram) const {
    const ssize_t sent = ::sendto(impl_->socket.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                                  impl_->address.get(), impl_->address.size);
    if (sent >= 0) return {};
    base::Error error = base::system_error("a notification", errno);
    if (errno == EAGAIN) error.kind = base::ErrorKind::unavailable;
    return std::unexpected(std::move(error));
}

}  // namespace mailramp::io
