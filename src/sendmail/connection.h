// sendmail/connection.h: a blocking TCP connection with a deadline on every operation.
//
// The only sockets outside io/: docs/decisions/0005-sendmail-has-a-socket-of-its-own.md says why.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "sendmail/server_list.h"

namespace mailramp::sendmail {

using Duration = std::chrono::milliseconds;

struct ConnectionLimits {
    Duration lookup_timeout =
        std::chrono::seconds(20);  // for the names of all servers; then the program ends
    Duration connect_timeout = std::chrono::seconds(10);  // for each address
    Duration write_timeout = std::chrono::minutes(3);     // without one octet taken (RFC 5321 §4.5.3.2.5)
};

// Owns its socket.
class Connection {
  public:
    // The first server that answers, in the order given. The error (unavailable) names each that was tried.
    [[nodiscard]] static base::Result<Connection> open(const std::vector<Server>& servers,
                                                       const ConnectionLimits& limits);

    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&&) = delete;
    ~Connection();

    // All of it.
    [[nodiscard]] base::Result<> write(std::string_view bytes) const;
    // At least one octet, at most as many as there are now. ErrorKind::closed at the end, or timeout.
    [[nodiscard]] base::Result<std::string> read(Duration timeout) const;
    // Octets can be read, or the other side has closed. Does not wait.
    [[nodiscard]] bool readable() const;

    [[nodiscard]] int descriptor() const { return socket_; }
    // "127.0.0.1:25", as it was asked for.
    [[nodiscard]] const std::string& peer() const { return peer_; }

  private:
    Connection(int socket, std::string peer, Duration write_timeout)
        : socket_(socket), peer_(std::move(peer)), write_timeout_(write_timeout) {}

    int socket_;
    std::string peer_;
    Duration write_timeout_;
};

}  // namespace mailramp::sendmail
