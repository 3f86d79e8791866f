#include "upstream/pool.h"

#include <algorithm>

#include "mailramp/base/result.h"

namespace mailramp::upstream {

Pool::Step Pool::step(const Event& event, base::SteadyTime now) {
    Step out;
    std::visit([this, now, &out](const auto& happened) { on(happened, now, out); }, event);
    for (const auto& [connection, node] : nodes_)
        if (node.state == State::idle)
            out.next = std::min(out.next.value_or(base::SteadyTime::max()), ends(node));
    return out;
}

std::size_t Pool::idle() const {
    const auto is_idle = [](const auto& entry) { return entry.second.state == State::idle; };
    return static_cast<std::size_t>(std::ranges::count_if(nodes_, is_idle));
}

void Pool::on(const Acquire& event, base::SteadyTime now, Step& out) {
    retire_ended(now, out);
    waiting_.push_back(event);
    serve_waiting(out);
}

void Pool::on(const Cancel& event, base::SteadyTime, Step&) {
    std::erase_if(waiting_, [&event](const Acquire& request) { return request.ticket == event.ticket; });
}

void Pool::on(const Opened& event, base::SteadyTime now, Step&) {
    const auto found = nodes_.find(event.connection);
    base::check(found != nodes_.end() && found->second.state == State::opening,
                "only an opening connection opens");
    found->second.state = State::in_use;
    found->second.usable_until = std::min(now + limits_.session_age_max, event.login_ends);
}

void Pool::on(const Released& event, base::SteadyTime now, Step& out) {
    const auto found = nodes_.find(event.connection);
    base::check(found != nodes_.end() && found->second.state != State::idle,
                "only a connection in use is released");
    Node& node = found->second;
    if (event.condition == Condition::broken) {
        nodes_.erase(found);
    } else if (mode_ == Mode::draining || node.messages >= limits_.messages_per_session_max ||
               now >= node.usable_until) {
        out.actions.push_back(Retire{event.connection});
        nodes_.erase(found);
    } else {
        node.state = State::idle;
        node.idle_since = now;
    }
    serve_waiting(out);
}

void Pool::on(const Tick&, base::SteadyTime now, Step& out) {
    retire_ended(now, out);
}

void Pool::on(const Drain&, base::SteadyTime, Step& out) {
    mode_ = Mode::draining;
    std::erase_if(nodes_, [&out](const auto& entry) {
        if (entry.second.state != State::idle) return false;
        out.actions.push_back(Retire{entry.first});
        return true;
    });
}

base::SteadyTime Pool::ends(const Node& node) const {
    return std::min(node.idle_since + limits_.idle_timeout, node.usable_until);
}

void Pool::retire_ended(base::SteadyTime now, Step& out) {
    std::erase_if(nodes_, [this, now, &out](const auto& entry) {
        if (entry.second.state != State::idle || ends(entry.second) > now) return false;
        out.actions.push_back(Retire{entry.first});
        return true;
    });
}

// First come, first served.
void Pool::serve_waiting(Step& out) {
    while (!waiting_.empty() && serve(waiting_.front(), out))
        waiting_.pop_front();
}

bool Pool::serve(const Acquire& request, Step& out) {
    const auto idle = warmest();
    if (idle != nodes_.end() && request.freshness == Freshness::any) {
        idle->second.state = State::in_use;
        ++idle->second.messages;
        out.actions.push_back(Reuse{request.ticket, idle->first});
        return true;
    }
    if (nodes_.size() >= limits_.connections_max) {
        if (idle == nodes_.end()) return false;
        out.actions.push_back(Retire{idle->first});
        nodes_.erase(idle);
    }
    const Connection connection = next_connection_++;
    nodes_[connection] = {.state = State::opening, .messages = 1};
    out.actions.push_back(Open{request.ticket, connection});
    return true;
}

// The one used last: so the others are left alone and end when they are not needed.
Pool::Nodes::iterator Pool::warmest() {
    auto best = nodes_.end();
    for (auto at = nodes_.begin(); at != nodes_.end(); ++at)
        if (at->second.state == State::idle &&
            (best == nodes_.end() || at->second.idle_since >= best->second.idle_since))
            best = at;
    return best;
}

}  // namespace mailramp::upstream
