#include "oauth/refresh_machine.h"

#include <algorithm>

namespace mailramp::oauth {
namespace {

// min · 2^(failures-1), at most max; computed without overflow for any number of failures.
base::Duration doubled(base::Duration shortest, base::Duration longest, int failures) {
    base::Duration pause = shortest;
    for (int i = 1; i < failures && pause < longest; ++i)
        pause *= 2;
    return std::min(pause, longest);
}

}  // namespace

RefreshMachine::Actions RefreshMachine::step(const Event& event, base::SteadyTime now) {
    Actions actions = std::visit([this, now](const auto& happened) { return on(happened, now); }, event);
    actions.deadline = deadline(now);
    return actions;
}

RefreshMachine::Actions RefreshMachine::on(const Wanted&, base::SteadyTime now) {
    if (usable(now) && !replacing_) {
        const bool fetch = refresh_due(now) && !fetching_ && now >= background_from_;
        return {fetch ? start_fetch() : Fetch::no, Reply::token, {}};
    }
    if (fetching_) return {Fetch::no, Reply::wait, {}};
    if (now < ask_from_) return {Fetch::no, Reply::failure, {}};
    return {start_fetch(), Reply::wait, {}};
}

RefreshMachine::Actions RefreshMachine::on(const Tick&, base::SteadyTime now) {
    const bool fetch = refresh_due(now) && !fetching_ && now >= background_from_;
    return {fetch ? start_fetch() : Fetch::no, Reply::wait, {}};
}

RefreshMachine::Actions RefreshMachine::on(const Fetched& token, base::SteadyTime) {
    // A token with a short life must still be of use: the margins never take more than a quarter and a half.
    const base::Duration life = std::chrono::duration_cast<base::Duration>(token.expires - token.obtained);
    const base::Duration use_margin = std::min(options_.use_margin, life / 4);
    const base::Duration refresh_margin = std::min(with_jitter(options_.refresh_margin), life / 2);
    token_ = Lifetime{token.expires - use_margin, std::min(token.refresh_at, token.expires - refresh_margin)};
    fetching_ = false;
    replacing_ = false;
    failures_ = 0;
    ask_from_ = background_from_ = base::SteadyTime::min();
    return {};
}

RefreshMachine::Actions RefreshMachine::on(const Failed& failure, base::SteadyTime now) {
    fetching_ = false;
    replacing_ = false;
    switch (failure.kind) {
        case TokenFailureClass::cancelled:
            ask_from_ = background_from_ = now + options_.failure_pause_min;
            return {};
        case TokenFailureClass::transient: {
            ++failures_;
            const base::Duration pause =
                with_jitter(doubled(options_.failure_pause_min, options_.failure_pause_max, failures_));
            ask_from_ = background_from_ = now + std::max(pause, failure.retry_after);
            return {};
        }
        case TokenFailureClass::configuration: {
            // Somebody who asks may have repaired it and is let through soon; nobody asking, the questions
            // become rare (Entra takes a stream of identical failures for a loop: AADSTS50196).
            ++failures_;
            const base::Duration pause = with_jitter(options_.configuration_failure_pause);
            const base::Duration background = with_jitter(doubled(
                options_.configuration_failure_pause, options_.configuration_failure_pause_max, failures_));
            ask_from_ = now + std::max(pause, failure.retry_after);
            background_from_ = now + std::max(background, failure.retry_after);
            return {};
        }
    }
    return {};
}

RefreshMachine::Actions RefreshMachine::on(const Refused&, base::SteadyTime now) {
    if (replacing_ || (fetching_ && token_)) {
        replacing_ = true;  // whatever is under way brings another one
        return {Fetch::no, Reply::wait, {}};
    }
    if (last_forced_ && now - *last_forced_ < options_.forced_refresh_interval)
        return {Fetch::no, Reply::token, {}};
    if (now < ask_from_) return {Fetch::no, Reply::token, {}};  // the endpoint has asked for a pause
    last_forced_ = now;
    replacing_ = true;
    return {start_fetch(), Reply::wait, {}};
}

bool RefreshMachine::usable(base::SteadyTime now) const {
    return token_ && now < token_->use_until;
}

RefreshMachine::Fetch RefreshMachine::start_fetch() {
    fetching_ = true;
    return Fetch::start;
}

bool RefreshMachine::refresh_due(base::SteadyTime now) const {
    return !token_ || now >= token_->refresh_from;
}

std::optional<base::SteadyTime> RefreshMachine::deadline(base::SteadyTime now) const {
    if (fetching_) return {};
    const base::SteadyTime wished = token_ ? token_->refresh_from : now;
    return std::max(wished, background_from_);
}

base::Duration RefreshMachine::with_jitter(base::Duration duration) const {
    const double factor = 1.0 + options_.refresh_jitter * jitter_;
    return std::chrono::duration_cast<base::Duration>(duration * factor);
}

}  // namespace mailramp::oauth
