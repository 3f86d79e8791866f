#include "sendmail/connection.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

namespace mailramp::sendmail {
namespace {

using base::ErrorKind;
using base::fail;

constexpr std::size_t read_bytes_max = 16 * 1024;

struct CloseSocket {
    int socket;
    ~CloseSocket() {
        if (socket >= 0) ::close(socket);
    }
};

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// getaddrinfo() cannot be given up; the alarm ends the program in its place, with the status that makes
// callers try again.
class LookupAlarm {
  public:
    explicit LookupAlarm(Duration timeout) {
        struct sigaction action = {};
        action.sa_handler = [](int) {
            constexpr std::string_view words =
                "mailramp-sendmail: looking up the server of MAILRAMP_SENDMAIL_SERVER takes too long; "
                "the message was not taken\n";
            [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words.data(), words.size());
            ::_exit(EX_TEMPFAIL);
        };
        ::sigaction(SIGALRM, &action, &before_);
        ::alarm(static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(timeout).count()));
    }
    LookupAlarm(const LookupAlarm&) = delete;
    LookupAlarm& operator=(const LookupAlarm&) = delete;
    ~LookupAlarm() {
        ::alarm(0);
        ::sigaction(SIGALRM, &before_, nullptr);
    }

  private:
    struct sigaction before_ = {};
};

base::Result<Addresses> look_up(const Server& server, Duration timeout) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const LookupAlarm alarm(timeout);
    const int error = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found);
    if (error == 0) return Addresses(found);
    return fail(ErrorKind::unavailable, error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error));
}

// Waits for `events` on the socket. Interrupted waits go on with the time that is left.
base::Result<> wait_for(int socket, short events, Duration timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<Duration>(deadline - std::chrono::steady_clock::now());
        pollfd waiting{.fd = socket, .events = events, .revents = 0};
        const int ready = ::poll(&waiting, 1, left.count() < 0 ? 0 : static_cast<int>(left.count()));
        if (ready > 0) return {};
        if (ready == 0)
            return fail(ErrorKind::timeout,
                        "no answer within " +
                            std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count()) + " s");
        if (errno != EINTR) return std::unexpected(base::system_error("poll", errno));
    }
}

// The socket, connected and non-blocking.
base::Result<int> connect_to(const addrinfo& address, Duration timeout) {
    CloseSocket opened{::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (opened.socket < 0) return fail(ErrorKind::io, std::strerror(errno));
    if (::connect(opened.socket, address.ai_addr, address.ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return fail(ErrorKind::unavailable, std::strerror(errno));
        if (auto waited = wait_for(opened.socket, POLLOUT, timeout); !waited)
            return std::unexpected(std::move(waited).error());
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(opened.socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
        if (error != 0) return fail(ErrorKind::unavailable, std::strerror(error));
    }
    const int on = 1;
    ::setsockopt(opened.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return std::exchange(opened.socket, -1);
}

base::Result<int> connect_to(const Server& server, const ConnectionLimits& limits) {
    const auto addresses = look_up(server, limits.lookup_timeout);
    if (!addresses) return std::unexpected(addresses.error());
    base::Result<int> socket = fail(ErrorKind::unavailable, "it has no address");
    for (const addrinfo* address = addresses->get(); address != nullptr && !socket;
         address = address->ai_next)
        socket = connect_to(*address, limits.connect_timeout);
    return socket;
}

}  // namespace

base::Result<Connection> Connection::open(const std::vector<Server>& servers,
                                          const ConnectionLimits& limits) {
    std::string tried;
    for (const Server& server : servers) {
        const auto socket = connect_to(server, limits);
        if (socket) return Connection(*socket, server.text(), limits.write_timeout);
        tried.append(tried.empty() ? "" : "; ")
            .append(server.text())
            .append(": ")
            .append(socket.error().message);
    }
    return fail(ErrorKind::unavailable, std::move(tried));
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      peer_(std::move(other.peer_)),
      write_timeout_(other.write_timeout_) {}

Connection::~Connection() {
    if (socket_ >= 0) ::close(socket_);
}

base::Result<> Connection::write(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t written = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            if (auto waited = wait_for(socket_, POLLOUT, write_timeout_); !waited) return waited;
        } else if (errno != EINTR) {
            return fail(ErrorKind::closed, std::string("the connection broke: ") + std::strerror(errno));
        }
    }
    return {};
}

base::Result<std::string> Connection::read(Duration timeout) const {
    std::string bytes(read_bytes_max, '\0');
    for (;;) {
        if (auto waited = wait_for(socket_, POLLIN, timeout); !waited)
            return std::unexpected(std::move(waited).error());
        const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
        if (got > 0) {
            bytes.resize(static_cast<std::size_t>(got));
            return bytes;
        }
        if (got == 0) return fail(ErrorKind::closed, "the other side closed the connection");
        if (errno != EINTR && errno != EAGAIN)
            return fail(ErrorKind::closed, std::string("the connection broke: ") + std::strerror(errno));
    }
}

bool Connection::readable() const {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) > 0;
}

}  // namespace mailramp::sendmail
