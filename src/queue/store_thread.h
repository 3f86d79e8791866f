// queue/store_thread.h: the one thread that touches the database, and the way to it and back.
//
// submit() and look_after() are called on the event loop. Everything that waits when the thread gets free
// goes into one transaction; its results come back to the event loop in one go.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/io/async.h"
#include "mailramp/io/worker.h"
#include "queue/group_commit.h"

namespace mailramp::queue {

struct StoreThreadOptions {
    std::size_t batch_operations_max = 512;
    std::size_t batch_bytes_max = 4 << 20;
};

// What the thread tells the event loop together with finished operations.
struct StoreNews {
    Operations finished;
    StoreHealth health;
    Room room;
    std::vector<BodyName> ended_files;
    bool housekeeping_left = false;
};

class StoreThread {
  public:
    using Receiver = std::function<void(StoreNews)>;

    // `receive` is called on `executor` as long as this object lives. `clock` and `executor` must outlive it.
    StoreThread(const io::Executor& executor, const base::Clock& clock, GroupCommit group,
                const StoreThreadOptions& options, Receiver receive);
    // Does what was submitted, then ends the thread. What waits for a failed disk stays unfinished.
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    void submit(std::shared_ptr<Operation> operation);
    // Tries a failed disk again, looks at the free space, and does a slice of housekeeping.
    void look_after();

  private:
    void work();
    void work_on(Operations batch);
    [[nodiscard]] Operations take_batch();
    void tell(Operations finished, bool housekeeping_left);

    io::Executor executor_;
    const base::Clock& clock_;
    GroupCommit group_;  // the thread's, once it runs
    StoreThreadOptions options_;
    std::shared_ptr<Receiver> receive_;  // on the event loop; weakly held by what is posted there
    std::mutex mutex_;                   // guards the two below, nothing else
    std::deque<std::shared_ptr<Operation>> waiting_;
    bool scheduled_ = false;
    io::Worker worker_;  // last: its end joins the thread
};

}  // namespace mailramp::queue
