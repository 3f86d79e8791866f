#include "sendmail/pass_through.h"

#include <array>
#include <cerrno>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mailramp::sendmail {
namespace {

base::Result<> write_all(int output, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(output, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return std::unexpected(base::system_error("write the daemon's answers", errno));
    }
    return {};
}

enum class Input { open, ended };

// One piece of input goes to the daemon; at its end the daemon is told that nothing more comes.
base::Result<Input> carry_input(const Connection& connection, int input, std::string& buffer) {
    const ssize_t got = ::read(input, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) return Input::open;
    if (got < 0) return std::unexpected(base::system_error("read the standard input", errno));
    if (got == 0) {
        ::shutdown(connection.descriptor(), SHUT_WR);
        return Input::ended;
    }
    const auto written = connection.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    // What broke the connection may have been said before; reading goes on and finds out.
    return written ? Input::open : Input::ended;
}

}  // namespace

base::Result<> pass_through(const Connection& connection, int input, int output,
                            const PassThroughLimits& limits) {
    std::string buffer(limits.piece_bytes, '\0');
    Input state = Input::open;
    for (;;) {
        std::array<pollfd, 2> waiting{
            pollfd{.fd = connection.descriptor(), .events = POLLIN, .revents = 0},
            pollfd{.fd = state == Input::open ? input : -1, .events = POLLIN, .revents = 0}};
        const int ready =
            ::poll(waiting.data(), waiting.size(), static_cast<int>(limits.idle_timeout.count()));
        if (ready < 0 && errno != EINTR) return std::unexpected(base::system_error("poll", errno));
        if (ready == 0) return base::fail(base::ErrorKind::timeout, "nothing was said for too long");
        if (ready < 0) continue;
        if (waiting[0].revents != 0) {
            const auto bytes = connection.read(Duration::zero());
            if (!bytes && bytes.error().kind == base::ErrorKind::closed) return {};
            if (!bytes) return std::unexpected(bytes.error());
            if (auto written = write_all(output, *bytes); !written) return written;
        }
        if (waiting[1].revents != 0) {
            const auto carried = carry_input(connection, input, buffer);
            if (!carried) return std::unexpected(carried.error());
            state = *carried;
        }
    }
}

}  // namespace mailramp::sendmail
