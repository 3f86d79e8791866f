#include "mailramp/inbound/server.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "inbound/context.h"
#include "inbound/session.h"
#include "mailramp/base/events.h"
#include "mailramp/io/timer.h"

namespace mailramp::inbound {
namespace {

// How long an idle client has, at the end, to send the command that is answered 421.
constexpr base::Duration idle_grace = std::chrono::milliseconds(500);
// Between two tries to accept on a socket that does not work.
constexpr base::Duration accept_retry_pause = std::chrono::seconds(1);

std::mt19937_64 seeded_random() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
}

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
    Impl(const Options& options, const io::Executor& loop, queue::QueueStore& store,
         const route::Router& router, const route::Recipients& recipients, const base::Clock& clock,
         base::Logger logger, Certificates certificates)
        : executor(loop),
          context{.options = options,
                  .store = store,
                  .router = router,
                  .recipients = recipients,
                  .clock = clock,
                  .logger = std::move(logger),
                  .counters = {},
                  .memory = MemoryBudget(options.session_bytes_max),
                  .random = seeded_random(),
                  .stopping = false,
                  .certificates = certificates,
                  .authenticator = {},
                  .busy_logins = LogPace(options.auth_trouble_log_interval),
                  .unable_logins = LogPace(options.auth_trouble_log_interval)},
          changed(loop) {
        if (!options.auth_users_file.empty())
            context.authenticator =
                std::make_unique<Authenticator>(options.auth_users_file, options.auth_waiting_max);
    }

    // A coroutine's parameters live in its frame: `self` keeps everything here alive while it runs.
    static io::Task<> accept_from(std::shared_ptr<Impl> self, std::shared_ptr<io::Listener> listener,
                                  ListenerOptions terms);
    static io::Task<> run_session(std::shared_ptr<Impl> self, io::Stream stream, std::string listener,
                                  ListenerOptions terms);
    [[nodiscard]] bool has_room_for(const std::string& client) const;
    void turn_away(io::Stream stream, const std::string& listener);
    class Registration;
    void cut_off(bool only_idle);

    io::Executor executor;
    Context context;
    std::vector<std::shared_ptr<io::Listener>> listeners;
    std::unordered_set<Session*> sessions;
    std::map<std::string, std::size_t, std::less<>> sessions_of_client;
    std::size_t sessions_peak = 0;  // since it was last asked for
    io::Event changed;              // a session ended
};

bool Server::Impl::has_room_for(const std::string& client) const {
    if (sessions.size() >= context.options.sessions_max) return false;
    const auto found = sessions_of_client.find(client);
    return found == sessions_of_client.end() || found->second < context.options.sessions_per_client_max;
}

void Server::Impl::turn_away(io::Stream stream, const std::string& listener) {
    ++context.counters.sessions_refused;
    context.logger.warning(base::events::client_refused,
                           "Too many sessions (sessions_max, sessions_per_client_max)",
                           {{"client", stream.peer_address()}, {"listener", listener}});
    const std::string reply =
        "421 4.7.0 " + context.options.hostname + " Too many connections, try again later\r\n";
    // Best effort and without waiting: under such a load a coroutine for each refusal would be the attack.
    static_cast<void>(
        ::send(stream.native_handle(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    stream.close();
}

io::Task<> Server::Impl::accept_from(std::shared_ptr<Impl> self, std::shared_ptr<io::Listener> listener,
                                     ListenerOptions terms) {
    std::string trouble;
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) {
            if (stream.error().kind == base::ErrorKind::closed) co_return;
            // The socket may never work again (somebody else has shut it down): say so once, and do not spin.
            if (std::exchange(trouble, stream.error().message) != trouble)
                self->context.logger.error(base::events::client_refused, trouble,
                                           {{"listener", listener->name()}});
            co_await io::sleep_for(accept_retry_pause);
            continue;
        }
        trouble.clear();
        if (self->has_room_for(stream->peer_address())) {
            auto session = run_session(self, *std::move(stream), listener->name(), terms);
            boost::asio::co_spawn(self->executor, std::move(session), boost::asio::detached);
        } else {
            self->turn_away(*std::move(stream), listener->name());
        }
    }
}

// A session's entry in the server's lists, also when the session ends by an exception (out of memory).
class Server::Impl::Registration {
  public:
    Registration(Impl& server, Session& session, const std::string& client)
        : server_(server), session_(session), client_(client) {
        server_.sessions.insert(&session_);
        ++server_.sessions_of_client[client_];
        server_.context.counters.sessions_open = server_.sessions.size();
        server_.sessions_peak = std::max(server_.sessions_peak, server_.sessions.size());
    }
    ~Registration() {
        server_.sessions.erase(&session_);
        const auto of_client = server_.sessions_of_client.find(client_);
        if (--of_client->second == 0) server_.sessions_of_client.erase(of_client);
        server_.context.counters.sessions_open = server_.sessions.size();
        server_.changed.notify();
    }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

  private:
    Impl& server_;
    Session& session_;
    const std::string& client_;
};

io::Task<> Server::Impl::run_session(std::shared_ptr<Impl> self, io::Stream stream, std::string listener,
                                     ListenerOptions terms) {
    const std::string client = stream.peer_address();
    Session session(self->context, std::move(stream), std::move(listener), std::move(terms));
    const Registration registration(*self, session, client);
    if (self->context.stopping) session.shut_down();
    co_await session.run();
}

void Server::Impl::cut_off(bool only_idle) {
    for (Session* session : sessions)
        if (!only_idle || session->idle()) session->cut_off();
}

Server::Server(const Options& options, const io::Executor& executor, queue::QueueStore& store,
               const route::Router& router, const route::Recipients& recipients, const base::Clock& clock,
               base::Logger logger, Certificates certificates)
    : impl_(std::make_shared<Impl>(options, executor, store, router, recipients, clock, std::move(logger),
                                   certificates)) {}

Server::~Server() = default;

void Server::serve(io::Listener listener) {
    ListenerOptions terms = terms_for(impl_->context.options, listener.endpoint());
    serve(std::move(listener), std::move(terms));
}

void Server::serve(io::Listener listener, ListenerOptions terms) {
    if (impl_->context.stopping) return;  // its backlog is the successor's
    auto shared = std::make_shared<io::Listener>(std::move(listener));
    impl_->listeners.push_back(shared);
    boost::asio::co_spawn(impl_->executor, Impl::accept_from(impl_, std::move(shared), std::move(terms)),
                          boost::asio::detached);
}

void Server::stop_accepting() {
    impl_->context.stopping = true;
    for (const auto& listener : impl_->listeners)
        listener->close();
    for (Session* session : impl_->sessions)
        session->shut_down();
}

io::Task<> Server::drain(base::SteadyTime deadline) {
    const base::SteadyTime grace_ends = std::min(deadline, impl_->context.clock.steady() + idle_grace);
    while (!impl_->sessions.empty() && impl_->context.clock.steady() < grace_ends) {
        static_cast<void>(co_await impl_->changed.wait_until(grace_ends));
    }
    impl_->cut_off(true);
    while (!impl_->sessions.empty() && impl_->context.clock.steady() < deadline) {
        static_cast<void>(co_await impl_->changed.wait_until(deadline));
    }
    impl_->cut_off(false);
}

const Counters& Server::counters() const {
    return impl_->context.counters;
}

std::size_t Server::take_sessions_peak() {
    return std::exchange(impl_->sessions_peak, impl_->sessions.size());
}

}  // namespace mailramp::inbound
