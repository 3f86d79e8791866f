#include "alert/monitor.h"

#include <algorithm>

namespace mailramp::alert {
namespace {

constexpr base::Duration rate_window = std::chrono::hours(1);

}  // namespace

std::vector<Alert> Monitor::observe(const std::vector<Condition>& wrong, Moment now) {
    note(wrong, now);
    forget_untold(now);

    std::vector<std::pair<Why, std::map<Key, Known>::iterator>> due;
    for (auto entry = known_.begin(); entry != known_.end(); ++entry)
        if (const Why reason = why(entry->second, now); reason != Why::nothing)
            due.emplace_back(reason, entry);
    std::ranges::stable_sort(due, {}, [](const auto& one) { return one.first; });

    std::vector<Alert> alerts;
    limited_ = false;
    for (const auto& [reason, entry] : due) {
        limited_ = !may_tell(now.steady);
        if (limited_) break;
        alerts.push_back(tell(entry->second, reason, now));
        if (reason == Why::over) known_.erase(entry);
    }
    return alerts;
}

void Monitor::note(const std::vector<Condition>& wrong, Moment now) {
    std::map<Key, bool> back;
    for (auto& [key, known] : known_)
        back[key] = !std::exchange(known.wrong, false);
    for (const Condition& condition : wrong) {
        const Key key(condition.event, condition.subject);
        const auto found = known_.find(key);
        if (found == known_.end()) {
            if (known_.size() >= options_.conditions_max) continue;
            known_.emplace(key, Known{.condition = condition, .since = now, .told_last = {}});
            continue;
        }
        // It was over and nobody heard of that: neither that nor this needs telling.
        if (back[key]) ++suppressed_;
        found->second.wrong = true;
        found->second.condition = condition;
    }
}

// What is over before anybody was told needs no telling; it counts if only the limit was in the way.
void Monitor::forget_untold(Moment now) {
    std::erase_if(known_, [this, now](const auto& entry) {
        const Known& known = entry.second;
        if (known.wrong || known.told) return false;
        if (now.steady - known.since.steady > known.condition.delay && limited_) ++suppressed_;
        return true;
    });
}

Monitor::Why Monitor::why(const Known& known, Moment now) const {
    if (!known.wrong) return Why::over;
    if (!known.told)
        return now.steady - known.since.steady >= known.condition.delay ? Why::first : Why::nothing;
    if (known.condition.level > known.told_level) return Why::worse;
    const bool long_ago = now.steady - known.told_last >= options_.repeat_interval;
    return known.condition.reminders == Reminders::yes && long_ago ? Why::reminder : Why::nothing;
}

bool Monitor::may_tell(base::SteadyTime now) {
    while (!told_.empty() && now - told_.front() >= rate_window)
        told_.pop_front();
    return told_.size() < options_.per_hour_max;
}

Alert Monitor::tell(Known& known, Why why, Moment now) {
    told_.push_back(now.steady);
    Alert alert{.kind = why == Why::over ? Alert::Kind::resolved : Alert::Kind::problem,
                .condition = known.condition,
                .time = now.wall,
                .since = known.since.wall,
                .repeats = why == Why::over ? known.times_told - 1 : known.times_told,
                .suppressed = std::exchange(suppressed_, 0)};
    known.told = true;
    known.told_level = std::max(known.told_level, known.condition.level);
    known.told_last = now.steady;
    ++known.times_told;
    return alert;
}

}  // namespace mailramp::alert
