#include "delivery/sender_breaker.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mailramp::delivery {

const mail::Answer* SenderBreaker::stopped(const std::string& sender, base::SteadyTime now) {
    const auto found = stopped_.find(sender);
    if (found == stopped_.end()) return nullptr;
    Stopped& entry = found->second;
    if (now < entry.probe) return &entry.answer;
    // This one tries. Should it never be heard of again, another one may after the same time.
    entry.probe = now + entry.wait;
    return nullptr;
}

base::Duration SenderBreaker::crowded(const std::string& sender, base::SteadyTime now) const {
    if (stopped_.size() < options_.refused_senders_max || stopped_.contains(sender) || good_.contains(sender))
        return {};
    std::vector<base::SteadyTime> lately;
    for (const auto& [name, entry] : stopped_)
        if (entry.heard + options_.first_probe > now) lately.push_back(entry.heard);
    if (lately.size() < options_.refused_senders_max) return {};
    // When this one is so long ago that it does not count any more, there are fewer.
    const auto last_to_count = lately.end() - static_cast<std::ptrdiff_t>(options_.refused_senders_max);
    std::ranges::nth_element(lately, last_to_count);
    return std::chrono::ceil<base::Duration>(*last_to_count + options_.first_probe - now);
}

bool SenderBreaker::refused(const std::string& sender, const mail::Answer& answer, base::SteadyTime now) {
    good_.erase(sender);
    const auto [found, is_new] = stopped_.try_emplace(sender);
    Stopped& entry = found->second;
    entry.wait = is_new ? options_.first_probe : std::min(entry.wait * 2, options_.probe_max);
    entry.answer = answer;
    entry.heard = now;
    entry.probe = now + entry.wait;
    if (stopped_.size() > options_.senders_max) forget_oldest();
    return is_new;
}

void SenderBreaker::heard(const std::string& sender, Heard heard, base::SteadyTime now) {
    if (heard == Heard::accepted) remember_good(sender);
    const auto found = stopped_.find(sender);
    if (found == stopped_.end()) return;
    switch (heard) {
        case Heard::accepted:
            stopped_.erase(found);
            break;
        case Heard::nothing:
            found->second.probe = now;  // the next one may try at once
            break;
    }
}

std::vector<std::pair<std::string, mail::Answer>> SenderBreaker::first(std::size_t number) const {
    std::vector<std::pair<std::string, mail::Answer>> some;
    for (const auto& [sender, entry] : stopped_) {
        if (some.size() >= number) break;
        some.emplace_back(sender, entry.answer);
    }
    return some;
}

// Which one goes when there are too many matters little: it is asked about only while others are refused.
void SenderBreaker::remember_good(const std::string& sender) {
    if (good_.size() >= options_.senders_max && !good_.contains(sender)) good_.erase(good_.begin());
    good_.insert(sender);
}

void SenderBreaker::forget_oldest() {
    const auto oldest =
        std::ranges::min_element(stopped_, {}, [](const auto& entry) { return entry.second.heard; });
    stopped_.erase(oldest);
}

}  // namespace mailramp::delivery
