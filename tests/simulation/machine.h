// simulation/machine.h: the machine under a simulated daemon: its time, its chance, and what is yet to
// happen.
//
// The daemon's own code runs unchanged, timers of Asio included. What it asks the system is answered here:
// the steady clock (CMakeLists.txt has the linker send those calls to machine.cpp) tells simulated time, and
// where the event loop would sleep, it stops instead, and run() moves the time to whatever comes next.
// Nothing sleeps and nothing has a thread, so one seed always makes the same run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "mailramp/base/clock.h"

namespace mailramp::simulation {

// An event loop whose coroutines can be ended before what they refer to.
class Loop : public boost::asio::io_context {
  public:
    Loop() : boost::asio::io_context(1) {}
    void end() { shutdown(); }
};

class Machine {
  public:
    using Work = std::move_only_function<void()>;

    explicit Machine(std::uint64_t seed);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    // The one that lives; null without one.
    [[nodiscard]] static Machine* current();

    [[nodiscard]] base::SteadyTime now() const { return now_; }
    // What a clock shows that nobody sets.
    [[nodiscard]] base::WallTime true_wall() const;

    void at(base::Duration after, Work work);
    // Lets the loop do what it can; null: there is none now.
    void run(Loop* loop);
    // Moves the time to the next event, at most to `end`, and lets it happen. False: `end` is there.
    bool advance(base::SteadyTime end);

    // Chance.
    [[nodiscard]] int below(int limit);
    [[nodiscard]] bool one_in(int number) { return below(number) == 0; }
    [[nodiscard]] base::Duration up_to(base::Duration most);

    // How long a job of a worker takes at most: that is the disk.
    base::Duration disk_latency_max = std::chrono::milliseconds(4);
    // The process is being killed: its workers drop what they were to do.
    bool dying = false;

    // Everything that happened, as one number.
    void note(std::string_view what);
    // Told of it all. May be empty.
    std::function<void(base::SteadyTime, std::string_view)> trace;
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

    // For the system calls of machine.cpp: the loop would sleep so long (milliseconds; negative: for ever).
    void would_sleep(int timeout);

  private:
    base::SteadyTime now_{std::chrono::hours(1000)};
    std::mt19937_64 random_;
    std::multimap<base::SteadyTime, Work> events_;
    Loop* running_ = nullptr;
    std::optional<base::SteadyTime> loop_wakes_;
    std::uint64_t hash_ = 14695981039346656037ULL;
};

}  // namespace mailramp::simulation
