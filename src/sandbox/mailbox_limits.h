// sandbox/mailbox_limits.h: what a mailbox may do at once and in a minute, and what it did. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"

namespace mailramp::sandbox {

struct MailboxLimitOptions {
    std::size_t connections_max = 3;  // at once; beyond: 432 4.3.2 after the message
    std::size_t messages_max = 30;    // in any 60 seconds; beyond: 421 4.4.2
};

class MailboxLimits {
  public:
    static constexpr base::Duration window = std::chrono::seconds(60);

    struct Use {
        std::vector<std::uint64_t> sessions;  // authenticated ones, oldest first
        std::deque<base::SteadyTime> recent;  // messages of the last window
        std::size_t connections_max = 0;      // the most there were at once
        std::size_t messages = 0;
        std::size_t messages_in_window_max = 0;
    };

    explicit MailboxLimits(MailboxLimitOptions options) : options_(options) {}

    void opened(const std::string& mailbox, std::uint64_t session);
    void closed(const std::string& mailbox, std::uint64_t session);
    // The oldest `connections_max` sessions may submit, the others may not.
    [[nodiscard]] bool session_may_submit(const std::string& mailbox, std::uint64_t session) const;
    // False when the minute is used up.
    [[nodiscard]] bool minute_has_room(const std::string& mailbox, base::SteadyTime now);
    void accepted(const std::string& mailbox, base::SteadyTime now);
    [[nodiscard]] const std::map<std::string, Use>& uses() const { return uses_; }

  private:
    void forget_old(Use& use, base::SteadyTime now) const;
    MailboxLimitOptions options_;
    std::map<std::string, Use> uses_;
};

}  // namespace mailramp::sandbox
