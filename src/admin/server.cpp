#include "mailramp/admin/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "admin/api.h"
#include "admin/http_codec.h"
#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/stream.h"
#include "mailramp/io/timer.h"
#include "mailramp/io/worker.h"

namespace mailramp::admin {
namespace {

using base::ErrorKind;
using base::fail;

constexpr std::size_t read_buffer_bytes = 4096;
constexpr std::size_t account_entry_bytes_max = 16 * 1024;  // of a user of this machine
constexpr std::size_t user_name_bytes_max = 64;

base::Result<> make_folder(const std::filesystem::path& folder) {
    if (folder.empty()) return {};
    std::error_code error;
    const bool made = std::filesystem::create_directory(folder, error);  // no error when it is there
    // Whatever the umask: the socket's own mode decides who gets in.
    if (made) std::filesystem::permissions(folder, std::filesystem::perms(0755), error);
    if (!error) return {};
    return fail(ErrorKind::io,
                "cannot make " + folder.string() + " for the admin socket: " + error.message() +
                    "; make it, owned by the user that mailramp runs as, or set admin: socket: to "
                    "another path");
}

base::Result<> give_to_group(const std::filesystem::path& path, const std::string& name, unsigned mode) {
    const auto group_id = find_group(name);
    if (!group_id) return std::unexpected(group_id.error());
    if (::chown(path.c_str(), static_cast<uid_t>(-1), *group_id) != 0) {
        auto error = base::system_error("give " + path.string() + " to group " + name, errno);
        error.message += "; the user that mailramp runs as must be a member of it";
        return std::unexpected(std::move(error));
    }
    if (::chmod(path.c_str(), mode) != 0) {
        return std::unexpected(base::system_error("set the mode of " + path.string(), errno));
    }
    return {};
}

base::Result<io::Listener> bind(const AdminOptions& options, const io::Executor& executor) {
    if (auto made = make_folder(options.socket.parent_path()); !made) return std::unexpected(made.error());
    // Nobody else gets in between bind and chown.
    const unsigned mode = options.group.empty() ? options.socket_mode : options.socket_mode & 0600u;
    auto listener = io::Listener::bind_unix(executor, options.socket, mode);
    if (!listener) return fail("the admin socket", listener.error());
    if (!options.group.empty()) {
        auto given = give_to_group(options.socket, options.group, options.socket_mode);
        if (!given) return fail("the admin socket", given.error());
    }
    return listener;
}

// Who is at the other end, as the kernel noted it at connect().
struct Peer {
    std::int64_t pid = -1;  // not known
    std::int64_t uid = -1;
};

// Asks whatever knows the users of this machine, which may be another one.
std::string user_name(std::int64_t uid) {
    std::array<char, account_entry_bytes_max> space{};
    passwd entry{};
    passwd* found = nullptr;
    if (uid >= 0) ::getpwuid_r(static_cast<uid_t>(uid), &entry, space.data(), space.size(), &found);
    return found != nullptr ? base::printable(entry.pw_name, user_name_bytes_max) : std::string("somebody");
}

std::string description(const Peer& peer, const std::string& user) {
    return user + " (uid " + std::to_string(peer.uid) + ", pid " + std::to_string(peer.pid) + ")";
}

Peer peer_of(const io::Stream& stream) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(stream.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return {};
    return Peer{credentials.pid, credentials.uid};
}

}  // namespace

struct Server::Impl {
    Impl(const AdminOptions& given_options, const io::Executor& given_executor, AdminContext context,
         base::Logger given_logger, io::Listener given_listener)
        : options(given_options),
          executor(given_executor),
          clock(context.clock),
          api(given_options, std::move(context)),
          logger(given_logger),
          listener(std::move(given_listener)),
          changed(given_executor) {}

    // One client. Registered for as long as it exists, also when its coroutine never ran.
    struct Connection {
        Connection(std::shared_ptr<Impl> given_server, io::Stream given_stream)
            : server(std::move(given_server)), stream(std::move(given_stream)) {
            server->connections.push_back(this);
        }
        ~Connection() {
            std::erase(server->connections, this);
            server->changed.notify();
        }
        Connection(const Connection&) = delete;
        Connection& operator=(const Connection&) = delete;

        std::shared_ptr<Impl> server;
        io::Stream stream;
        bool answering = false;  // from a whole request to the last octet of its answer
        bool silent = false;     // waits for octets that were not there when it looked
        bool dropped = false;    // it ends at its next turn
    };

    static io::Task<> serve(std::unique_ptr<Connection> connection);
    static io::Task<HttpReader::Step> read_request(Connection& connection, HttpReader& reader);
    io::Task<ApiResponse> answer(Peer peer, ApiRequest request);
    io::Task<> make_room();
    void drop_oldest_silent();

    AdminOptions options;
    io::Executor executor;
    const base::Clock& clock;
    Api api;
    base::Logger logger;
    io::Listener listener;
    io::Event changed;                     // a connection ended or is silent, or stop() was called
    std::vector<Connection*> connections;  // the oldest first
    bool stopping = false;
    // Looks up who gives orders, which may take long; made for the first of them.
    std::optional<io::Worker> user_names;
};

base::Result<std::unique_ptr<Server>> Server::create(const AdminOptions& options,
                                                     const io::Executor& executor, AdminContext context,
                                                     base::Logger logger) {
    auto listener = bind(options, executor);
    if (!listener) return std::unexpected(listener.error());
    auto impl = std::make_shared<Impl>(options, executor, std::move(context), logger, std::move(*listener));
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
    stop();
}

io::Task<> Server::run() {
    const std::shared_ptr<Impl> impl = impl_;
    while (!impl->stopping) {
        auto accepted = co_await impl->listener.accept();
        if (!accepted) {
            if (impl->stopping) break;
            impl->logger.error(base::events::admin_failed, "the admin socket accepts nobody any more",
                               {{"reason", accepted.error().message}});
            break;
        }
        co_await impl->make_room();
        if (impl->stopping) break;
        auto session = Impl::serve(std::make_unique<Impl::Connection>(impl, std::move(*accepted)));
        boost::asio::co_spawn(impl->executor, std::move(session), boost::asio::detached);
    }
    while (!impl->connections.empty())
        co_await impl->changed.wait();
}

void Server::stop() {
    impl_->stopping = true;
    impl_->listener.close();
    for (Impl::Connection* connection : impl_->connections) {
        if (!connection->answering) connection->stream.close();
    }
    impl_->changed.notify();
}

// Returns when there is a place for one more client. Whoever may connect and says nothing, however often,
// must not keep the operator out.
io::Task<> Server::Impl::make_room() {
    while (!stopping && connections.size() >= options.connections_max) {
        const bool soon = std::ranges::any_of(connections, &Connection::dropped);
        if (!soon) drop_oldest_silent();
        co_await changed.wait();
    }
}

// Not one whose octets have come since: its connection has only not had its turn yet.
void Server::Impl::drop_oldest_silent() {
    for (Connection* connection : connections) {
        if (!connection->silent || connection->stream.readable_or_closed()) continue;
        connection->dropped = true;
        connection->stream.close();
        return;
    }
}

io::Task<> Server::Impl::serve(std::unique_ptr<Connection> connection) {
    const std::shared_ptr<Impl> server = connection->server;
    const Peer peer = peer_of(connection->stream);
    const HttpLimits limits{server->options.header_bytes_max, server->options.body_bytes_max};
    HttpReader reader(limits);
    for (std::size_t requests = 1; !server->stopping; ++requests) {
        const HttpReader::Step step = co_await read_request(*connection, reader);
        if (step == HttpReader::Step::need_bytes) co_return;  // the client left, or was too slow
        connection->answering = true;
        ApiResponse response;
        ConnectionFate fate = ConnectionFate::close;
        ContentPart content = ContentPart::sent;
        if (step == HttpReader::Step::refused) {
            response = reader.refusal();
        } else {
            ApiRequest request = reader.take_request();
            fate = reader.fate();
            if (request.method == "HEAD") content = ContentPart::left_out;
            response = co_await server->answer(peer, std::move(request));
        }
        if (requests >= server->options.requests_per_connection_max) fate = ConnectionFate::close;
        if (server->stopping) fate = ConnectionFate::close;
        const std::string octets = http_text(response, fate, content);
        const auto written = co_await connection->stream.write(octets, server->options.answer_timeout);
        if (!written || fate == ConnectionFate::close) co_return;
        connection->answering = false;
    }
}

// Until there is a request or a refusal. need_bytes: the connection ended, or the request took too long; the
// deadline is for the whole request, so that one octet now and then does not hold a place.
io::Task<HttpReader::Step> Server::Impl::read_request(Connection& connection, HttpReader& reader) {
    const std::shared_ptr<Impl> server = connection.server;
    const base::SteadyTime deadline = server->clock.steady() + server->options.request_timeout;
    std::array<char, read_buffer_bytes> buffer;
    for (;;) {
        const HttpReader::Step step = reader.next();
        if (step != HttpReader::Step::need_bytes) co_return step;
        const auto left = std::chrono::duration_cast<base::Duration>(deadline - server->clock.steady());
        if (left <= base::Duration::zero()) co_return step;
        connection.silent = !connection.stream.readable_or_closed();
        if (connection.silent) server->changed.notify();  // whoever wants its place may have it
        const std::span<char> space(buffer);
        const auto count = co_await connection.stream.read_some(space, left);
        connection.silent = false;
        if (!count) co_return step;
        reader.receive(std::string_view(buffer.data(), *count));
    }
}

// Answers, and writes into the log who changed what, or read it.
io::Task<ApiResponse> Server::Impl::answer(Peer peer, ApiRequest request) {
    const std::string method = request.method;
    const std::string target = request.target;
    std::string user;
    const bool on_record = is_on_record(request);
    if (on_record) {
        if (!user_names) user_names.emplace("user-names");
        auto look_up = [uid = peer.uid] { return user_name(uid); };
        user = co_await io::offload(*user_names, std::move(look_up));
        request.by = description(peer, user);
    }
    ApiResponse response = co_await api.answer(std::move(request));
    if (on_record) {
        logger.info(base::events::admin_request, "asked over the admin socket",
                    {{"request", method + " " + target},
                     {"status", response.status},
                     {"pid", peer.pid},
                     {"uid", peer.uid},
                     {"user", user}});
    }
    co_return response;
}

}  // namespace mailramp::admin
