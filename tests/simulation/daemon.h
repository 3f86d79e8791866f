// simulation/daemon.h: one run of the daemon, from its start to its end or its death: what app/daemon.cpp
// puts together, without signals, sockets of the system and commands.
#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/delivery/dispatcher.h"
#include "mailramp/inbound/server.h"
#include "mailramp/io/timer.h"
#include "mailramp/oauth/client_credentials_source.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/queue/sqlite_store.h"
#include "mailramp/upstream/smtp_courier.h"
#include "simulation/provider.h"
#include "simulation/spied_store.h"

namespace mailramp::simulation {

// The wall clock is set now and then; the steady one is the machine's.
class SettableClock final : public base::Clock {
  public:
    explicit SettableClock(const Machine& machine) : machine_(machine) {}
    [[nodiscard]] base::WallTime wall() const override { return machine_.true_wall() + offset_; }
    [[nodiscard]] base::SteadyTime steady() const override { return machine_.now(); }
    void jump(base::Duration by) { offset_ += by; }

  private:
    const Machine& machine_;
    base::Duration offset_{};
};

struct DaemonTerms {
    std::filesystem::path directory;
    Terms terms;
    Spoil spoil = Spoil::nothing;
    std::uint64_t seed = 1;
};

class Daemon {
  public:
    Daemon(const DaemonTerms& terms, Machine& machine, Network& network, Book& book, Provider& provider,
           const base::Clock& clock);
    // Its coroutines end where they are. Unless the machine says that the process dies, the store finishes
    // what it has.
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    [[nodiscard]] Loop* loop() { return loop_.get(); }
    enum class Life {
        begun,
        failed,  // to start
        running,
        stopping,
        ended,
    };
    [[nodiscard]] Life life() const { return life_; }
    // As SIGTERM does.
    void stop();
    // Operators.
    void operate(queue::Verb verb, std::optional<queue::QueueId> id);
    void pause(const std::string& mailbox);
    void resume();
    // Lists the queue and has the book compare. `then` hears how many recipients are not yet at their end,
    // and how many are held; nothing: the queue could not be asked.
    struct Left {
        std::size_t waiting = 0;
        std::size_t held = 0;
        std::string some;  // of those that wait, in words
    };
    void audit(std::function<void(std::optional<Left>)> then);

    // Tells the book what it counts.
    void count();

  private:
    io::Task<> begin();
    io::Task<> drain();
    io::Task<> drain_clients(base::SteadyTime deadline);
    io::Task<> drain_dispatcher(base::Duration timeout);
    io::Task<> run_audit(std::function<void(std::optional<Left>)> then);
    io::Task<> run_order(queue::Order order);
    void open();
    void spawn(io::Task<> task);
    [[nodiscard]] oauth::TokenCache& new_cache();
    [[nodiscard]] base::Logger logger() { return base::Logger(&sink_, base::LogLevel::debug); }

    DaemonTerms terms_;
    Machine& machine_;
    Network& network_;
    Book& book_;
    const base::Clock& clock_;
    Life life_ = Life::begun;

    base::Logger::Sink sink_ = [this](const base::LogRecord& record) { book_.logged(record); };
    SimulatedHttp http_;
    inbound::Options inbound_;
    route::Router router_;
    route::Recipients recipients_{route::RecipientOptions{}};
    std::unique_ptr<Loop> loop_ = std::make_unique<Loop>();
    io::Event clients_gone_{loop_->get_executor()};
    io::Event deliveries_ended_{loop_->get_executor()};
    bool deliveries_drained_ = false;
    std::unique_ptr<queue::QueueStore> store_;
    std::optional<SpiedStore> spied_;
    std::optional<oauth::ClientCredentialsSource> source_;
    std::list<oauth::TokenCache> caches_;
    std::unique_ptr<upstream::SmtpCourier> courier_;
    std::unique_ptr<delivery::BudgetStore> budget_;
    std::optional<delivery::Dispatcher> dispatcher_;
    std::optional<inbound::Server> server_;
};

}  // namespace mailramp::simulation
