// io/net.h: small things about sockets that the files of this area share.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>

#include <boost/system/error_code.hpp>

#include "mailramp/base/result.h"
#include "mailramp/io/listener.h"

namespace mailramp::io {

// A file descriptor that closes itself.
class FileDescriptor {
  public:
    explicit FileDescriptor(int value = -1) : value_(value) {}
    FileDescriptor(FileDescriptor&& other) noexcept : value_(other.release()) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    ~FileDescriptor();
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] int release() { return std::exchange(value_, -1); }

  private:
    int value_;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr* get() const;
    [[nodiscard]] sockaddr* get();
    [[nodiscard]] int family() const { return storage.ss_family; }
};

// ErrorKind::invalid unless the address is numeric.
[[nodiscard]] base::Result<SocketAddress> socket_address(const Endpoint& endpoint);
// IPv4 in its IPv6 mapping is shown as IPv4; a Unix socket as its path (or "local" without one), port 0.
[[nodiscard]] Endpoint endpoint_of(const SocketAddress& address);
// "127.0.0.1:25", "[::1]:25".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

// What `code` means to a caller: an ended connection is ErrorKind::closed, OpenSSL's errors are
// ErrorKind::tls.
[[nodiscard]] base::Error network_error(std::string_view doing, const boost::system::error_code& code);

}  // namespace mailramp::io
