// app/queue_watch.h: notices that the queue's disk does not answer, without waiting for it.
#pragma once

#include <optional>

#include "mailramp/admin/context.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/io/async.h"
#include "mailramp/io/timer.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::app {

struct QueueWatchOptions {
    // Between an answer and the next question.
    base::Duration question_interval = std::chrono::seconds(2);
    // A question that waits for longer means that the disk is stalled. Shorter than a command waits for its
    // answer.
    base::Duration answer_timeout = std::chrono::seconds(5);
};

// Asks the store for its counts, again and again, one question at a time. A failing disk answers (with an
// error); a stalled one does not, and then the question itself waits in the store's thread.
//
// Lives on one event loop; references must outlive it.
class QueueWatch {
  public:
    QueueWatch(QueueWatchOptions options, queue::QueueStore& store, const base::Clock& clock,
               base::Logger logger);

    // Never ends: it lives as long as the loop.
    io::Task<> ask();
    // Compares the waiting time with the limit, and logs when that changes something. To be called now and
    // then.
    void look();

    // Of the last answer; nothing before the first one.
    [[nodiscard]] const std::optional<queue::QueueCounts>& counts() const { return counts_; }
    // What is known while the disk is stalled; nothing while it answers.
    [[nodiscard]] std::optional<admin::StalledQueue> stalled() const;

  private:
    [[nodiscard]] base::Duration waiting() const;

    QueueWatchOptions options_;
    queue::QueueStore& store_;
    const base::Clock& clock_;
    base::Logger logger_;
    std::optional<queue::QueueCounts> counts_;
    std::optional<base::SteadyTime> asked_;  // the question that has no answer yet
    bool told_ = false;
};

}  // namespace mailramp::app
