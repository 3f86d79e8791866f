#include "alert/outbox.h"

#include <algorithm>
#include <utility>

namespace mailramp::alert {

void Outbox::push(Alert alert) {
    waiting_.push_back(std::move(alert));
    if (waiting_.size() <= options_.waiting_max) return;
    if (!sending_) return lose_first();
    waiting_.erase(waiting_.begin() + 1);
    ++lost_;
}

std::optional<Alert> Outbox::begin(base::SteadyTime now) {
    if (waiting_.empty() || sending_) return {};
    if (delay_ != base::Duration{} && now < not_before_) return {};
    sending_ = true;
    return waiting_.front();
}

std::optional<base::SteadyTime> Outbox::next() const {
    if (waiting_.empty() || sending_) return {};
    return delay_ == base::Duration{} ? base::SteadyTime{} : not_before_;
}

void Outbox::taken() {
    sending_ = false;
    delay_ = {};
    attempts_ = 0;
    waiting_.pop_front();
}

void Outbox::failed(base::SteadyTime now, Again again, base::Duration retry_after) {
    sending_ = false;
    delay_ =
        delay_ == base::Duration{} ? options_.retry_delay : std::min(delay_ * 2, options_.retry_delay_max);
    not_before_ = now + std::max(delay_, std::min(retry_after, options_.retry_delay_max));
    ++attempts_;
    if (again == Again::no || attempts_ >= options_.attempts_max) lose_first();
}

void Outbox::lose_first() {
    waiting_.pop_front();
    attempts_ = 0;
    ++lost_;
}

}  // namespace mailramp::alert
