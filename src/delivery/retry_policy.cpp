#include "delivery/retry_policy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace mailramp::delivery {
namespace {

base::Duration scaled(base::Duration duration, double factor) {
    return base::Duration(std::llround(static_cast<double>(duration.count()) * factor));
}

}  // namespace

base::Duration retry_delay(const RetryOptions& options, int attempts, base::Duration asked, double chance) {
    const double steps = static_cast<double>(std::max(attempts, 1) - 1);
    const double growth = std::pow(std::max(options.factor, 1.0), steps);  // may be infinite: the cap decides
    const double most = static_cast<double>(options.delay_max.count());
    const double plain = std::min(static_cast<double>(options.first_delay.count()) * growth, most);
    const double spread = 1.0 + options.jitter * (2.0 * chance - 1.0);
    const base::Duration delay(std::llround(plain * spread));
    // Those who were told the same time should not all come back at the same instant.
    const base::Duration floor =
        scaled(std::min(asked, options.retry_after_max), 1.0 + options.jitter * chance);
    return std::max(delay, floor);
}

base::Duration retry_delay_horizon(const RetryOptions& options) {
    const base::Duration longest =
        std::max({options.delay_max, options.retry_after_max, options.uncertain_delay});
    return scaled(longest, 1.0 + options.jitter);
}

bool has_expired(const RetryOptions& options, const Age& age) {
    const auto attempts = static_cast<std::size_t>(std::max(age.attempts, 0));
    if (attempts >= options.attempts_max) return true;
    return age.age >= options.age_max && attempts >= options.expiry_attempts_min &&
           age.uptime >= options.expiry_uptime_min;
}

void WallJumps::observe(Moment now) {
    const base::Duration wall_passed = now.wall - last_.wall;
    const base::Duration steady_passed = between(last_.steady, now.steady);
    const base::Duration ahead = wall_passed - steady_passed;
    if (ahead >= options_.clock_jump_min) {
        jumps_.push_back(Jump{.before = now.wall - ahead, .length = ahead});
        if (jumps_.size() > options_.clock_jumps_max) {
            // The two oldest become one that applies to everything that either applied to.
            jumps_[1].before = std::max(jumps_[0].before, jumps_[1].before);
            jumps_[1].length += jumps_[0].length;
            jumps_.pop_front();
        }
    }
    last_ = now;
}

base::Duration WallJumps::since(base::WallTime noted, Moment now) const {
    base::Duration age = now.wall - noted;
    for (const Jump& jump : jumps_)
        if (noted <= jump.before) age -= jump.length;
    return std::max(age, base::Duration::zero());
}

}  // namespace mailramp::delivery
