#include "simulation/network.h"

#include <algorithm>
#include <utility>

namespace mailramp::simulation {
namespace {

Network* the_network = nullptr;

constexpr std::size_t cut_octets_max = 6000;  // a session with some messages is about as long
constexpr base::Duration split_max = std::chrono::milliseconds(20);

}  // namespace

// ------------------------------------------------------------------ one end

void End::send(std::string octets, base::Duration pause) const {
    if (const auto at = link.lock()) at->send(side, {std::move(octets), Tls::none, false}, pause);
}
void End::send(Tls said, base::Duration pause) const {
    if (const auto at = link.lock()) at->send(side, {{}, said, false}, pause);
}
void End::close(base::Duration pause) const {
    if (const auto at = link.lock()) at->send(side, {{}, Tls::none, true}, pause);
}

// By a copy, since whoever is told may stop listening.
void End::tell() const {
    if (const auto told = on_event) told();
}

// ------------------------------------------------------------------ a link

void Link::begin() {
    for (int side = 0; side < 2; ++side) {
        ends_[side].link = weak_from_this();
        ends_[side].side = side;
    }
}

void Link::cut_after(Side to, std::size_t octets, Cut cut) {
    const int at = to == Side::daemon ? 0 : 1;
    octets_left_[at] = octets;
    cut_[at] = cut;
}

// Both sides hear of it at once.
void Link::reset() {
    if (std::exchange(silent_, true)) return;
    for (End& one : ends_) {
        one.closed = true;
        one.tell();
    }
}

void Link::forget_daemon(Farewell farewell) {
    ends_[0].on_event = nullptr;
    if (farewell == Farewell::said)
        ends_[0].close();
    else
        silence();
    daemon_gone_ = true;
}

void Link::send(int from, Piece piece, base::Duration pause) {
    if (from == 0) {
        if (daemon_gone_) return;
        if (piece.close) closed_by_daemon_ = true;
        if (piece.octets == "QUIT\r\n") quit_ = true;
    }
    if (silent_) return;
    Machine& machine = network_.machine;
    const int to = 1 - from;
    // Now and then in two pieces.
    std::vector<Piece> pieces;
    if (piece.octets.size() > 1 && machine.one_in(6)) {
        const auto at =
            1 + static_cast<std::size_t>(machine.below(static_cast<int>(piece.octets.size() - 1)));
        pieces.push_back({piece.octets.substr(0, at), Tls::none, false});
        piece.octets.erase(0, at);
    }
    pieces.push_back(std::move(piece));
    for (Piece& one : pieces) {
        base::SteadyTime arrives = machine.now() + pause + machine.up_to(network_.latency_max);
        if (pieces.size() > 1) arrives += machine.up_to(split_max);
        arrives = std::max(arrives, busy_until_[to]);
        busy_until_[to] = arrives;
        machine.at(std::chrono::ceil<base::Duration>(arrives - machine.now()),
                   [self = shared_from_this(), to, one = std::move(one)] { self->arrive(to, one); });
    }
}

void Link::arrive(int at, const Piece& piece) {
    if (silent_ || (at == 0 && daemon_gone_)) return;
    std::string_view octets = piece.octets;
    bool cut = false;
    if (cut_[at] != Cut::never) {
        cut = octets_left_[at] <= octets.size();
        octets = octets.substr(0, octets_left_[at]);
        octets_left_[at] -= octets.size();
    }
    End& here = ends_[at];
    here.arrived += octets;
    if (!cut) {
        if (piece.hello != Tls::none) here.hello = piece.hello;
        if (piece.close) here.closed = true;
    }
    here.tell();
    if (!cut) return;
    network_.machine.note("cut");
    if (cut_[at] == Cut::reset)
        reset();
    else
        silence();
}

// ------------------------------------------------------------------ the network

Network::Network(Machine& under) : machine(under) {
    the_network = this;
}
Network::~Network() {
    the_network = nullptr;
}
Network* Network::current() {
    return the_network;
}

std::shared_ptr<Link> Network::connect(std::uint16_t port, bool rough) {
    auto link = std::make_shared<Link>(*this, port);
    link->begin();
    std::erase_if(links_, [](const std::weak_ptr<Link>& old) { return old.expired(); });
    links_.push_back(link);
    if (rough && !machine.one_in(3))
        link->cut_after(machine.one_in(2) ? Side::daemon : Side::peer,
                        static_cast<std::size_t>(machine.below(cut_octets_max)),
                        machine.one_in(3) ? Link::Cut::silence : Link::Cut::reset);
    return link;
}

std::shared_ptr<Link> Network::call_daemon() {
    if (!listener) return nullptr;
    auto link = connect(25, rough_inside);
    listener(link);
    return link;
}

std::shared_ptr<Link> Network::call_provider(std::uint16_t port) {
    auto link = connect(port, weather == Weather::rough);
    provider(link);
    return link;
}

void Network::daemon_died(Death death) {
    listener = nullptr;
    for (const std::weak_ptr<Link>& one : links_) {
        const auto link = one.lock();
        if (!link) continue;
        link->forget_daemon(death == Death::killed ? Link::Farewell::said : Link::Farewell::none);
    }
}

std::size_t Network::links_in_use(std::uint16_t port) const {
    return static_cast<std::size_t>(std::ranges::count_if(links_, [port](const std::weak_ptr<Link>& one) {
        const auto link = one.lock();
        return link && link->port() == port && link->in_use();
    }));
}

}  // namespace mailramp::simulation
