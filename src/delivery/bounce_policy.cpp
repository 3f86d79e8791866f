#include "delivery/bounce_policy.h"

#include <iterator>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/bounce/report.h"
#include "mailramp/route/senders.h"

namespace mailramp::delivery {

using Kind = BounceTarget::Kind;

BounceTarget target_of(const BounceOptions& options, std::string_view route) {
    const auto own = options.routes.find(route);
    BounceTarget target = own == options.routes.end() ? options.to : own->second;
    if (target.kind != Kind::postmaster) return target;
    if (options.postmaster.empty()) return {.kind = Kind::none};
    return {.kind = Kind::address, .address = options.postmaster};
}

bool is_reported(const BounceOptions& options, queue::Origin origin, std::string_view route,
                 queue::HoldReason reason, const provider::Verdict& verdict) {
    if (origin == queue::Origin::report || target_of(options, route).kind == Kind::none) return false;
    if (reason == queue::HoldReason::expired) return true;
    return reason == queue::HoldReason::refused && verdict.action == provider::Action::reject;
}

Addressee addressee_of(const BounceOptions& options, const queue::Unreported& message,
                       std::string_view header, const std::vector<std::string>& own_names) {
    const auto objection = [](std::string text) {
        return Addressee{.address = {}, .objection = std::move(text)};
    };
    if (message.origin == queue::Origin::report) return objection("it is a report itself");
    const BounceTarget target = target_of(options, message.route);
    switch (target.kind) {
        case Kind::postmaster:
        case Kind::none:
            return objection("nobody is to be told (bounces.to, or the route's bounce)");
        case Kind::address:
            return {.address = target.address, .objection = {}};
        case Kind::sender:
            break;
    }
    const std::string& sender = message.envelope.sender;
    if (sender.empty()) return objection("it has no sender");
    if (!route::is_routable(sender, own_names)) return objection("mail to its sender cannot arrive");
    if (bounce::forbids_reports(header)) return objection("it comes from a program or a mailing list");
    return {.address = sender, .objection = {}};
}

void ReportLimits::forget(std::deque<base::SteadyTime>& times, base::SteadyTime now) const {
    while (!times.empty() && now - times.front() >= options_.window)
        times.pop_front();
}

bool ReportLimits::admit(const std::string& address, base::SteadyTime now) {
    for (auto entry = by_address_.begin(); entry != by_address_.end();) {
        forget(entry->second, now);
        entry = entry->second.empty() ? by_address_.erase(entry) : std::next(entry);
    }
    forget(all_, now);
    std::string key = base::to_lower(address);
    if (!by_address_.contains(key) && by_address_.size() >= options_.addresses_max) key.clear();
    std::deque<base::SteadyTime>& times = by_address_[key];
    if (times.size() >= options_.per_address_max || all_.size() >= options_.in_all_max) return false;
    times.push_back(now);
    all_.push_back(now);
    return true;
}

}  // namespace mailramp::delivery
