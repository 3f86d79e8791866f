#include <boost/asio/post.hpp>

#include "mailramp/io/worker.h"

namespace mailramp::io::detail {

void Rendezvous::arrive() {
    // Posted under the lock: as long as the coroutine has not left, its event loop lives.
    const std::lock_guard lock(mutex_);
    if (waiter_ == nullptr) return;
    asio::post(executor_, [self = shared_from_this()] { self->wake(); });
}

void Rendezvous::wake() {
    const std::lock_guard lock(mutex_);
    if (waiter_ != nullptr) waiter_->notify();
}

Waiting::Waiting(const Executor& executor, std::shared_ptr<Rendezvous> rendezvous)
    : arrived_(executor), rendezvous_(std::move(rendezvous)) {
    const std::lock_guard lock(rendezvous_->mutex_);
    rendezvous_->waiter_ = &arrived_;
}

Waiting::~Waiting() {
    const std::lock_guard lock(rendezvous_->mutex_);
    rendezvous_->waiter_ = nullptr;
}

}  // namespace mailramp::io::detail
