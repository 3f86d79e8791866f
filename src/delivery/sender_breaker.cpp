#include "delivery/sender_breaker.h"

#include <algorithm>

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

bool SenderBreaker::refused(const std::string& sender, const mail::Answer& answer, base::SteadyTime now) {
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

void SenderBreaker::forget_oldest() {
    const auto oldest =
        std::ranges::min_element(stopped_, {}, [](const auto& entry) { return entry.second.heard; });
    stopped_.erase(oldest);
}

}  // namespace mailramp::delivery
