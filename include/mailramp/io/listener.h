// mailramp/io/listener.h: a socket that clients connect to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/io/stream.h"

namespace mailramp::io {

// A numeric address and a port. Port 0 lets the kernel choose.
struct Endpoint {
    std::string address;  // "127.0.0.1", "::1", "0.0.0.0", "::"
    std::uint16_t port = 0;
};

// Move-only. Destroying or closing it ends a pending accept() with ErrorKind::closed.
class Listener {
  public:
    // IPv6 listeners take IPv6 only, so that 0.0.0.0 and :: can be bound side by side. ErrorKind::conflict:
    // somebody has the port; ErrorKind::unavailable: this machine has no such address (no IPv6, say).
    [[nodiscard]] static base::Result<Listener> bind_tcp(const Executor& executor, const Endpoint& endpoint,
                                                         int backlog);
    // Replaces a stale socket file nobody listens on; ErrorKind::conflict when somebody does.
    [[nodiscard]] static base::Result<Listener> bind_unix(const Executor& executor,
                                                          const std::filesystem::path& path, unsigned mode);
    // A listening socket inherited from a service manager. close() leaves its backlog to the successor.
    [[nodiscard]] static base::Result<Listener> adopt(const Executor& executor, int socket);

    Listener(Listener&&) noexcept;
    Listener& operator=(Listener&&) noexcept;
    ~Listener();

    // Out of file descriptors (EMFILE, ENFILE) is not an end: waits `retry_pause` and goes on, without
    // spinning.
    [[nodiscard]] Task<base::Result<Stream>> accept();
    void close();

    // "127.0.0.1:25", "[::1]:25", or the path of a Unix socket.
    [[nodiscard]] const std::string& name() const;
    // The bound address; port as chosen by the kernel. For a Unix socket the address is its path, port 0.
    [[nodiscard]] const Endpoint& endpoint() const;

  private:
    struct Impl;
    explicit Listener(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;  // a pending accept() holds it too
};

}  // namespace mailramp::io
