// delivery/bounce_policy.h: who is told of a message that cannot be delivered, and who is not; pure.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/delivery/options.h"
#include "mailramp/provider/reply_catalogue.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

// What a route says, with Kind::postmaster made an address or none.
[[nodiscard]] BounceTarget target_of(const BounceOptions& options, std::string_view route);

// Whether a recipient that is held for this reason is to be reported. What waits for a human to change
// something is not: it is delivered after all when he has. Nor is a report.
[[nodiscard]] bool is_reported(const BounceOptions& options, queue::Origin origin, std::string_view route,
                               queue::HoldReason reason, const provider::Verdict& verdict);

// Where the report of a message goes, or why nowhere.
struct Addressee {
    std::string address;
    std::string objection;  // empty: none
};
// `header` is the header section of the message.
[[nodiscard]] Addressee addressee_of(const BounceOptions& options, const queue::Unreported& message,
                                     std::string_view header, const std::vector<std::string>& own_names);

// Counts reports against the limits of BounceOptions.
class ReportLimits {
  public:
    explicit ReportLimits(const BounceOptions& options) : options_(options) {}
    // Whether another one may go to `address`; then it counts.
    [[nodiscard]] bool admit(const std::string& address, base::SteadyTime now);

  private:
    void forget(std::deque<base::SteadyTime>& times, base::SteadyTime now) const;

    const BounceOptions& options_;
    std::deque<base::SteadyTime> all_;
    std::map<std::string, std::deque<base::SteadyTime>> by_address_;
};

}  // namespace mailramp::delivery
