#include "delivery/budget.h"

#include <algorithm>
#include <chrono>

#include "mailramp/base/text.h"

namespace mailramp::delivery {
namespace {

using std::chrono::milliseconds;

// The text up to `end`, which is taken away together with `end`.
std::string_view cut(std::string_view& rest, char end) {
    const std::size_t length = rest.find(end);
    const std::string_view word = rest.substr(0, length);
    rest.remove_prefix(length == std::string_view::npos ? rest.size() : length + 1);
    return word;
}

struct Recorded {
    std::int64_t at_ms = 0;
    std::size_t flying = 0;
    std::vector<std::int64_t> ended_before_ms;
};

// At most `places_max` places, whatever the text says.
std::optional<Recorded> parse(std::string_view text, std::size_t places_max) {
    if (cut(text, ' ') != "v1") return std::nullopt;
    Recorded recorded;
    while (!text.empty()) {
        std::string_view value = cut(text, ' ');
        const std::string_view key = cut(value, ':');
        if (key == "at") {
            recorded.at_ms = static_cast<std::int64_t>(base::parse_number(value).value_or(0));
        } else if (key == "flying") {
            const std::uint64_t places = base::parse_number(value).value_or(0);
            recorded.flying = static_cast<std::size_t>(std::min<std::uint64_t>(places, places_max));
        } else if (key == "ended") {
            while (!value.empty() && recorded.ended_before_ms.size() < places_max) {
                const std::optional<std::uint64_t> ms = base::parse_number(cut(value, ','));
                if (ms) recorded.ended_before_ms.push_back(static_cast<std::int64_t>(*ms));
            }
        }
    }
    return recorded;
}

}  // namespace

std::optional<std::uint64_t> Budget::take(base::SteadyTime now, base::SteadyTime lease_until) {
    expire(now);
    if (limits_.messages_max != 0) {
        if (held_.size() + ends_.size() >= limits_.messages_max) return std::nullopt;
        held_.push_back(Held{next_place_, lease_until});
    }
    return next_place_++;
}

bool Budget::renew(std::uint64_t place, base::SteadyTime now, base::SteadyTime lease_until) {
    if (limits_.messages_max == 0) return true;
    expire(now);
    const auto held = std::ranges::find(held_, place, &Held::place);
    if (held == held_.end()) return false;
    held->lease_until = lease_until;
    return true;
}

void Budget::give_back(std::uint64_t place, LeaseUse use, base::SteadyTime now) {
    expire(now);
    const auto held = std::ranges::find(held_, place, &Held::place);
    if (held == held_.end()) return;  // its lease ran out, and it counts already; or there is no limit
    held_.erase(held);
    if (use == LeaseUse::used) add_end(now);
}

std::optional<base::SteadyTime> Budget::next_free(base::SteadyTime now) const {
    if (limits_.messages_max == 0 || used(now) < limits_.messages_max) return now;
    std::optional<base::SteadyTime> earliest;
    const auto consider = [&](base::SteadyTime end) {
        const base::SteadyTime free = end + limits_.window;
        if (free > now && (!earliest || free < *earliest)) earliest = free;
    };
    for (const base::SteadyTime end : ends_)
        consider(end);
    for (const Held& held : held_)
        consider(held.lease_until);
    return earliest;
}

std::size_t Budget::used(base::SteadyTime now) const {
    const auto counts = [&](base::SteadyTime end) { return end + limits_.window > now; };
    const auto held = std::ranges::count_if(held_, counts, &Held::lease_until);
    return static_cast<std::size_t>(held + std::ranges::count_if(ends_, counts));
}

std::string Budget::record(Moment now) const {
    if (limits_.messages_max == 0) return {};
    std::string ended;
    std::size_t in_flight = 0;
    const auto add = [&](base::SteadyTime end) {
        if (end + limits_.window <= now.steady) return;
        if (!ended.empty()) ended += ',';
        ended += std::to_string(std::chrono::floor<milliseconds>(now.steady - end).count());
    };
    for (const base::SteadyTime end : ends_)
        add(end);
    for (const Held& held : held_) {
        if (held.lease_until > now.steady) {
            ++in_flight;
        } else {
            add(held.lease_until);
        }
    }
    const auto at = std::chrono::ceil<milliseconds>(now.wall.time_since_epoch());
    return "v1 at:" + std::to_string(at.count()) + " flying:" + std::to_string(in_flight) + " ended:" + ended;
}

void Budget::restore(std::string_view record, Moment now) {
    const std::optional<Recorded> recorded = parse(record, limits_.messages_max);
    if (!recorded) return;
    // A wall clock that went back, or a nonsensical time, is taken as "no time has passed"; whatever is older
    // than a window is gone in any case, so that the sum below cannot overflow.
    const std::int64_t window_ms = std::chrono::ceil<milliseconds>(limits_.window).count();
    const std::int64_t now_ms = std::chrono::floor<milliseconds>(now.wall.time_since_epoch()).count();
    const std::int64_t passed_ms =
        recorded->at_ms >= now_ms || recorded->at_ms <= 0 ? 0 : std::min(now_ms - recorded->at_ms, window_ms);
    for (const std::int64_t before_ms : recorded->ended_before_ms) {
        if (before_ms < 0 || before_ms >= window_ms) continue;
        add_end(now.steady - milliseconds(before_ms + passed_ms));
    }
    for (std::size_t i = 0; i < recorded->flying; ++i)
        add_end(now.steady);
    expire(now.steady);
}

// Lets go of what is older than the window. A lease that ran out ends its place at that time.
void Budget::expire(base::SteadyTime now) {
    for (const Held& held : held_)
        if (held.lease_until <= now) add_end(held.lease_until);
    std::erase_if(held_, [now](const Held& held) { return held.lease_until <= now; });
    while (!ends_.empty() && ends_.front() + limits_.window <= now)
        ends_.pop_front();
}

void Budget::add_end(base::SteadyTime end) {
    ends_.insert(std::ranges::upper_bound(ends_, end), end);
}

}  // namespace mailramp::delivery
