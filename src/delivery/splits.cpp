#include "delivery/splits.h"

#include <algorithm>

namespace mailramp::delivery {

void Splits::cut(queue::QueueId message, std::size_t recipients) {
    if (recipients < 2) return;  // it harms nobody else
    Entry entry{.message = message};
    if (const auto found = std::ranges::find(entries_, message, &Entry::message); found != entries_.end()) {
        entry = *found;
        entries_.erase(found);
    }
    if (++entry.cuts >= options_.cuts_max) {
        const std::size_t divisor = std::max<std::size_t>(options_.divisor, 2);
        const std::size_t fewer = (recipients + divisor - 1) / divisor;
        // An attempt that began before the last cut may have been larger than is allowed by now.
        entry.recipients_max = entry.recipients_max == 0 ? fewer : std::min(entry.recipients_max, fewer);
    }
    entries_.push_back(entry);
    if (entries_.size() > options_.messages_max) entries_.pop_front();
}

std::vector<queue::RecipientsCap> Splits::caps() const {
    std::vector<queue::RecipientsCap> caps;
    for (const Entry& entry : entries_)
        if (entry.recipients_max != 0) caps.push_back({entry.message, entry.recipients_max});
    return caps;
}

}  // namespace mailramp::delivery
