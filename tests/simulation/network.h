// simulation/network.h: a network in memory, with everything that networks do to a conversation.
//
// Between the daemon, whose io::Stream, io::Listener and io::connect() are those of stream.cpp, and the peers
// of the simulation, which hold an End. Octets arrive in order, in pieces, later; or a link is cut at some
// octet, so that both sides hear of it (reset), or neither ever does (silence).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulation/machine.h"

namespace mailramp::simulation {

enum class Tls { none, hello, good, untrusted };

class Link;

// One side of a connection.
struct End {
    std::string arrived;             // and nobody has taken yet
    bool closed = false;             // nothing more will arrive
    Tls hello = Tls::none;           // what the other side said of TLS
    std::function<void()> on_event;  // something of this has changed
    std::weak_ptr<Link> link;
    int side = 0;

    // What is sent after `pause` more than the network takes.
    void send(std::string octets, base::Duration pause = {}) const;
    void send(Tls hello, base::Duration pause = {}) const;
    void close(base::Duration pause = {}) const;
    void tell() const;
};

enum class Side { daemon, peer };

class Network;

class Link : public std::enable_shared_from_this<Link> {
  public:
    enum class Cut { never, reset, silence };

    Link(Network& network, std::uint16_t port) : network_(network), port_(port) {}
    void begin();

    [[nodiscard]] End& end(Side side) { return ends_[side == Side::daemon ? 0 : 1]; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    // At this octet of those that go towards `to`.
    void cut_after(Side to, std::size_t octets, Cut cut);
    void reset();
    void silence() { silent_ = true; }
    // The daemon's process is gone, and its machine says so to the peer, or nobody does.
    enum class Farewell { none, said };
    void forget_daemon(Farewell farewell);
    // The daemon has neither closed it nor said QUIT there.
    [[nodiscard]] bool in_use() const {
        return !quit_ && !closed_by_daemon_ && !daemon_gone_ && !ends_[0].closed;
    }

  private:
    friend struct End;
    struct Piece {
        std::string octets;
        Tls hello = Tls::none;
        bool close = false;
    };
    void send(int from, Piece piece, base::Duration pause);
    void arrive(int at, const Piece& piece);

    Network& network_;
    std::uint16_t port_;
    End ends_[2];
    base::SteadyTime busy_until_[2];
    std::size_t octets_left_[2] = {0, 0};  // until the cut
    Cut cut_[2] = {Cut::never, Cut::never};
    bool silent_ = false, quit_ = false, closed_by_daemon_ = false, daemon_gone_ = false;
};

class Network {
  public:
    using Accept = std::function<void(std::shared_ptr<Link>)>;
    enum class Weather {
        fair,
        rough,        // links are cut at any octet
        refused,      // nobody listens
        unreachable,  // nobody answers
        nameless,     // no name can be looked up
    };

    explicit Network(Machine& machine);
    ~Network();
    [[nodiscard]] static Network* current();

    Machine& machine;
    Weather weather = Weather::fair;  // towards the provider
    bool rough_inside = false;        // links of clients are cut, too
    base::Duration latency_max = std::chrono::milliseconds(60);
    Accept provider;  // whoever the daemon calls
    Accept listener;  // the daemon's, while it listens

    // A client calls the daemon; null: refused.
    [[nodiscard]] std::shared_ptr<Link> call_daemon();
    [[nodiscard]] std::shared_ptr<Link> call_provider(std::uint16_t port);
    // The daemon's process is gone: its peers hear of that, or never will (the power went).
    enum class Death { killed, power };
    void daemon_died(Death death);
    // Links to the provider that are in use, as the daemon sees it.
    [[nodiscard]] std::size_t links_in_use(std::uint16_t port) const;

  private:
    std::shared_ptr<Link> connect(std::uint16_t port, bool rough);
    std::list<std::weak_ptr<Link>> links_;
};

}  // namespace mailramp::simulation
