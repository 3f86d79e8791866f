#include "queue/store_thread.h"

#include <utility>

#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

namespace mailramp::queue {

StoreThread::StoreThread(const io::Executor& executor, const base::Clock& clock, GroupCommit group,
                         const StoreThreadOptions& options, Receiver receive)
    : executor_(executor),
      clock_(clock),
      group_(std::move(group)),
      options_(options),
      receive_(std::make_shared<Receiver>(std::move(receive))),
      worker_("store") {}

StoreThread::~StoreThread() = default;

void StoreThread::submit(std::shared_ptr<Operation> operation) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(operation));
        if (std::exchange(scheduled_, true)) return;
    }
    worker_.post([this] { work(); });
}

void StoreThread::look_after() {
    // Nobody waits for this, so the event loop is told that something is still to come.
    auto to_come = boost::asio::prefer(executor_, boost::asio::execution::outstanding_work.tracked);
    worker_.post([this, to_come = std::move(to_come)] {
        Operations finished = group_.recover();
        const bool more = group_.keep_house(clock_.wall());
        tell(std::move(finished), more);
    });
}

// Takes turns with look_after(): one batch, then whatever else was posted.
void StoreThread::work() {
    work_on(take_batch());
    {
        const std::lock_guard lock(mutex_);
        scheduled_ = !waiting_.empty();
        if (!scheduled_) return;
    }
    worker_.post([this] { work(); });
}

Operations StoreThread::take_batch() {
    Operations batch;
    std::size_t bytes = 0;
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && batch.size() < options_.batch_operations_max &&
           bytes < options_.batch_bytes_max) {
        bytes += waiting_.front()->weight_bytes();
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return batch;
}

void StoreThread::work_on(Operations batch) {
    Operations reads, writes;
    for (std::shared_ptr<Operation>& operation : batch)
        (operation->kind == Operation::Kind::read ? reads : writes).push_back(std::move(operation));
    // Who only reads need not wait for the disk.
    if (!reads.empty()) {
        for (const std::shared_ptr<Operation>& operation : reads)
            group_.read(*operation);
        tell(std::move(reads), false);
    }
    if (writes.empty()) return;
    tell(group_.write(std::move(writes)), false);
    // Nobody's 250 waits for it.
    group_.tidy_log();
}

void StoreThread::tell(Operations finished, bool housekeeping_left) {
    StoreNews news{std::move(finished), group_.health(), group_.room(), group_.core().take_ended_files(),
                   housekeeping_left};
    boost::asio::post(executor_,
                      [receiver = std::weak_ptr<Receiver>(receive_), news = std::move(news)]() mutable {
                          if (const auto receive = receiver.lock()) (*receive)(std::move(news));
                      });
}

}  // namespace mailramp::queue
