#include "app/queue_watch.h"

#include <string>
#include <utility>

#include "mailramp/base/events.h"

namespace mailramp::app {
namespace {

std::int64_t seconds_in(base::Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

QueueWatch::QueueWatch(QueueWatchOptions options, queue::QueueStore& store, const base::Clock& clock,
                       base::Logger logger)
    : options_(options), store_(store), clock_(clock), logger_(std::move(logger)) {}

io::Task<> QueueWatch::ask() {
    for (;;) {
        asked_ = clock_.steady();
        auto counts = co_await store_.counts();
        if (told_) logger_.info(base::events::queue_answers, "", {{"after_seconds", seconds_in(waiting())}});
        told_ = false;
        asked_.reset();
        if (counts) counts_ = *counts;
        co_await io::sleep_for(options_.question_interval);
    }
}

void QueueWatch::look() {
    const auto now_stalled = stalled();
    if (!now_stalled || told_) return;
    told_ = true;
    logger_.error(base::events::queue_stalled, now_stalled->reason);
}

std::optional<admin::StalledQueue> QueueWatch::stalled() const {
    if (waiting() <= options_.answer_timeout) return {};
    return admin::StalledQueue{
        .reason = "the disk of the queue has not answered for " + std::to_string(seconds_in(waiting())) +
                  " s; nothing accepted is lost, new mail waits. Look at the disk: dmesg, iostat -x",
        .last_counts = counts_.value_or(queue::QueueCounts())};
}

base::Duration QueueWatch::waiting() const {
    if (!asked_) return {};
    return std::chrono::duration_cast<base::Duration>(clock_.steady() - *asked_);
}

}  // namespace mailramp::app
