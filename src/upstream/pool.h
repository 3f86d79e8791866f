// upstream/pool.h: which of a mailbox's connections a message goes over, and when each one ends.
//
// Pure: events and the time go in, actions come out; the sockets are the business of Connections. A
// connection that is saying goodbye no longer counts; presets leave the server's last place free for it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/upstream/options.h"

namespace mailramp::upstream {

class Pool {
  public:
    using Connection = std::uint64_t;  // a name for a connection, never given twice
    using Ticket = std::uint64_t;      // a name for somebody who needs one, chosen by the caller

    enum class Freshness { any, required };  // required: a warm connection has just proved dead
    enum class Condition { reusable, broken };

    // Events.
    struct Acquire {
        Ticket ticket;
        Freshness freshness = Freshness::any;
    };
    struct Cancel {  // the holder of a waiting ticket gave up
        Ticket ticket;
    };
    struct Opened {  // connected and logged in, by a token that is good until then
        Connection connection;
        base::SteadyTime login_ends = base::SteadyTime::max();
    };
    struct Released {  // also the end of an Open that failed
        Connection connection;
        Condition condition;
    };
    struct Tick {};   // the time that Step::next asked for has come
    struct Drain {};  // keep nothing idle from now on
    using Event = std::variant<Acquire, Cancel, Opened, Released, Tick, Drain>;

    // Actions. A ticket without one waits for a later step.
    struct Reuse {
        Ticket ticket;
        Connection connection;
    };
    struct Open {
        Ticket ticket;
        Connection connection;
    };
    struct Retire {  // say QUIT and close
        Connection connection;
    };
    using Action = std::variant<Reuse, Open, Retire>;

    struct Step {
        std::vector<Action> actions;
        std::optional<base::SteadyTime> next;  // when a Tick is wanted
    };

    explicit Pool(PoolLimits limits) : limits_(limits) {}

    [[nodiscard]] Step step(const Event& event, base::SteadyTime now);

    [[nodiscard]] std::size_t idle() const;
    [[nodiscard]] std::size_t in_use() const { return nodes_.size() - idle(); }

  private:
    enum class State { opening, in_use, idle };
    struct Node {
        State state = State::opening;
        base::SteadyTime usable_until = base::SteadyTime::max();
        base::SteadyTime idle_since{};
        std::size_t messages = 0;
    };
    using Nodes = std::map<Connection, Node>;

    void on(const Acquire& event, base::SteadyTime now, Step& out);
    void on(const Cancel& event, base::SteadyTime now, Step& out);
    void on(const Opened& event, base::SteadyTime now, Step& out);
    void on(const Released& event, base::SteadyTime now, Step& out);
    void on(const Tick& event, base::SteadyTime now, Step& out);
    void on(const Drain& event, base::SteadyTime now, Step& out);

    [[nodiscard]] base::SteadyTime ends(const Node& node) const;
    void retire_ended(base::SteadyTime now, Step& out);
    void serve_waiting(Step& out);
    [[nodiscard]] bool serve(const Acquire& request, Step& out);
    [[nodiscard]] Nodes::iterator warmest();

    PoolLimits limits_;
    Nodes nodes_;
    std::deque<Acquire> waiting_;
    Connection next_connection_ = 1;
    enum class Mode { open, draining } mode_ = Mode::open;
};

}  // namespace mailramp::upstream
