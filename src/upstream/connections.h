// upstream/connections.h: the warm connections of one mailbox: the sockets to Pool's decisions.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "mailramp/io/timer.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/upstream/session.h"
#include "mailramp/upstream/smtp_courier.h"
#include "upstream/pool.h"

namespace mailramp::upstream {

// A session that is logged in, on loan.
struct Lease {
    enum class Kind { fresh, warm };
    Pool::Connection connection = 0;
    std::unique_ptr<Session> session;
    Kind kind = Kind::fresh;
};

// Why there is no session.
struct Refusal {
    mail::Answer answer;
    base::Duration retry_after{};  // what the token endpoint asked for; 0: nothing
};

// Lives on the event loop; must outlive its coroutines and leases. Goodbyes under way outlive it, and so
// do connections that nobody waits for since abort().
class Connections {
  public:
    // `tokens` may be null when the mailbox has no authentication. `on_change` is called when next() may have
    // become earlier.
    Connections(std::shared_ptr<const SessionEnvironment> environment, oauth::TokenCache* tokens,
                std::function<void()> on_change);

    // A warm session that looks alive, or a new one. A token that the server refuses is replaced once.
    [[nodiscard]] io::Task<std::expected<Lease, Refusal>> acquire(Pool::Freshness freshness,
                                                                  base::SteadyTime deadline);
    // Back to the pool, if another message can go over it.
    void release(Lease lease);

    void tick();
    [[nodiscard]] std::optional<base::SteadyTime> next() const { return next_; }
    void drain();
    // Cuts every session, and ends every acquire(): nothing was sent there.
    void abort();

    [[nodiscard]] const ServerOptions& server() const { return environment_->server; }
    // The counters of recipients are the courier's to bump.
    [[nodiscard]] MailboxStatus& counters() { return counters_; }
    [[nodiscard]] MailboxStatus status() const;

  private:
    struct Waiter {
        explicit Waiter(const io::Executor& executor) : woken(executor) {}
        io::Event woken;                             // a connection was granted, or abort() was called
        std::optional<Pool::Connection> connection;  // what was granted
        Lease::Kind kind = Lease::Kind::fresh;
    };

    // What acquire() waits for while a connection is made: its end, or abort().
    struct Dialing;

    // False: no connection became free in time, or abort() came first.
    io::Task<bool> wait_for_turn(Waiter& waiter, Pool::Freshness freshness, base::SteadyTime deadline);
    io::Task<std::expected<Lease, Refusal>> open(Pool::Connection connection, base::SteadyTime deadline);
    io::Task<std::expected<Lease, Refusal>> try_open(Pool::Connection connection, const base::Secret& token,
                                                     base::SteadyTime deadline);
    io::Task<std::expected<std::unique_ptr<Session>, mail::Answer>> dial(base::SteadyTime deadline);
    [[nodiscard]] bool refresh_may_help(const mail::Answer& answer) const;
    void step(const Pool::Event& event);
    void perform(const Pool::Reuse& action);
    void perform(const Pool::Open& action);
    void perform(const Pool::Retire& action);
    void log_connected(Session& session) const;
    void log_disconnected(const Session& session) const;

    std::shared_ptr<const SessionEnvironment> environment_;
    oauth::TokenCache* tokens_;
    std::function<void()> on_change_;
    Pool pool_;
    std::optional<base::SteadyTime> next_;
    std::map<Pool::Connection, std::unique_ptr<Session>> idle_;
    std::map<Pool::Ticket, Waiter*> waiters_;
    std::set<Session*> in_use_;   // for abort()
    std::set<Dialing*> dialing_;  // for abort()
    Pool::Ticket next_ticket_ = 1;
    MailboxStatus counters_;
    enum class Mode { open, aborted } mode_ = Mode::open;
};

}  // namespace mailramp::upstream
