// simulation/world.h: everything there is, driven by one seed: clients, the daemon, its disk, its clock, the
// network, the provider, operators, and all that goes wrong; in the end nothing does, and everything must
// have come to its end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "simulation/client.h"
#include "simulation/daemon.h"
#include "unit/queue/support.h"
#include "unit/queue/test_disk.h"

namespace mailramp::simulation {

class World {
  public:
    explicit World(std::uint64_t seed, Spoil spoil = Spoil::nothing);
    ~World();
    void run();
    // Tells everything that happens as it happens.
    void trace(std::function<void(base::SteadyTime, std::string_view)> hear) {
        machine_.trace = std::move(hear);
    }

    [[nodiscard]] const Book& book() const { return book_; }
    [[nodiscard]] std::uint64_t hash() const { return machine_.hash(); }
    // What this run has seen, for the sum over all of them.
    struct Seen {
        std::uint64_t messages = 0, copies = 0, duplicates = 0;
        std::uint64_t kills = 0, power_cuts = 0, stops = 0, starts_failed = 0;
        std::uint64_t faults = 0, disk_faults = 0, jumps = 0, restarts = 0;
        base::Duration simulated{};
    };
    [[nodiscard]] Seen seen() const;

  private:
    using Action = void (World::*)();

    void plan();
    void run_until(base::SteadyTime end);
    void look_after_daemon();
    void calm();
    // Runs until the queue has come to its end, at most so long. False: it has not.
    enum class Until { nothing_waits, nothing_is_left };
    bool settle(Until until, base::Duration most);

    // What happens.
    void submit();
    void try_again(const std::string& tag);
    void send(std::string mailbox);
    void begin_fault();
    void end_faults();
    void change_weather();
    void change_inside();
    void kill();
    void cut_power();
    void cut_power_soon();
    void stop();
    void fail_disk();
    void heal_disk();
    void change_disk_pace();
    void jump();
    void ask_for_retry();
    void hold();
    void release();
    void remove_one();
    [[nodiscard]] std::optional<queue::QueueId> one_or_all();
    void pause();
    void resume();
    void audit();

    void die(Network::Death death);
    void start();

    std::uint64_t seed_;
    Machine machine_;
    Terms terms_;
    Spoil spoil_;
    queue::TemporaryFolder folder_;
    queue::TestDisk disk_;
    SettableClock clock_;
    Network network_;
    Book book_;
    Provider provider_;
    std::unique_ptr<Daemon> daemon_;
    base::SteadyTime restart_at_;
    std::multimap<base::SteadyTime, Action> actions_;
    base::SteadyTime began_;
    int messages_ = 0;
    bool calm_ = false;
    Seen seen_;
};

}  // namespace mailramp::simulation
