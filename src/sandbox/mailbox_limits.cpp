#include "sandbox/mailbox_limits.h"

#include <algorithm>

namespace mailramp::sandbox {

void MailboxLimits::opened(const std::string& mailbox, std::uint64_t session) {
    Use& use = uses_[mailbox];
    use.sessions.push_back(session);
    use.connections_max = std::max(use.connections_max, use.sessions.size());
}

void MailboxLimits::closed(const std::string& mailbox, std::uint64_t session) {
    if (const auto found = uses_.find(mailbox); found != uses_.end())
        std::erase(found->second.sessions, session);
}

bool MailboxLimits::session_may_submit(const std::string& mailbox, std::uint64_t session) const {
    const auto found = uses_.find(mailbox);
    if (found == uses_.end()) return true;
    const auto& sessions = found->second.sessions;
    const auto place = std::ranges::find(sessions, session) - sessions.begin();
    return static_cast<std::size_t>(place) < options_.connections_max;
}

bool MailboxLimits::minute_has_room(const std::string& mailbox, base::SteadyTime now) {
    Use& use = uses_[mailbox];
    forget_old(use, now);
    return use.recent.size() < options_.messages_max;
}

void MailboxLimits::accepted(const std::string& mailbox, base::SteadyTime now) {
    Use& use = uses_[mailbox];
    forget_old(use, now);
    use.recent.push_back(now);
    ++use.messages;
    use.messages_in_window_max = std::max(use.messages_in_window_max, use.recent.size());
}

void MailboxLimits::forget_old(Use& use, base::SteadyTime now) const {
    while (!use.recent.empty() && use.recent.front() + window <= now)
        use.recent.pop_front();
}

}  // namespace mailramp::sandbox
