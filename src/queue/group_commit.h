// queue/group_commit.h: many operations, one transaction, one sync; and what happens when the disk fails.
//
// Synchronous: the store's thread calls it with whatever waits. The rule after a failed COMMIT: everything in
// the batch is refused (or, if it states a fact that must not be forgotten, kept), nothing is accepted, and
// recover() repeats a truncating checkpoint until it succeeds. Until then the WAL ends in frames of which
// nobody knows whether they reached the disk, and nothing may be promised on top of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/io/timer.h"
#include "mailramp/queue/queue_store.h"
#include "queue/core.h"
#include "queue/room.h"

namespace mailramp::queue {

// One thing that somebody waits for.
struct Operation {
    enum class Kind {
        read,   // changes nothing: done at once, also while the disk fails
        write,  // refused when its commit fails
        fact,   // something that has happened (an outcome): kept and repeated until it commits
    };

    Kind kind = Kind::write;
    bool brings_mail = false;  // refused when there is no room
    std::size_t content_bytes = 0;
    bool content_on_disk = false;  // a synced file has it
    std::size_t rows = 1;          // about how many rows it touches
    // Called on the store's thread, and again if the transaction has to be repeated.
    std::move_only_function<base::Result<>(Core&)> apply;

    base::Result<> outcome;
    bool maybe_on_disk = false;   // refused by a failed commit: a power cut now could bring it back
    io::Event* waiter = nullptr;  // of the event loop; null when nobody waits any more

    [[nodiscard]] std::size_t weight_bytes() const { return content_bytes + rows * page_bytes; }
};

using Operations = std::vector<std::shared_ptr<Operation>>;

struct GroupCommitOptions {
    RoomLimits limits;
    std::uint64_t wal_checkpoint_bytes = 4ull << 20;
    // Free bytes of the disk; asked once a batch.
    std::move_only_function<std::uint64_t()> disk_free_bytes;
    // Room that was kept is to be given up: the disk is full. May be empty, as the next.
    std::move_only_function<void()> give_up_reserve = {};
    // Now and then, while the disk works: room may be kept again.
    std::move_only_function<void(std::uint64_t disk_free_bytes)> take_reserve = {};
};

class GroupCommit {
  public:
    GroupCommit(std::unique_ptr<Core> core, GroupCommitOptions options);

    void read(Operation& operation);
    // Does all of it in one transaction and returns those that are finished. Facts of a failed commit are
    // finished by a later recover().
    [[nodiscard]] Operations write(Operations batch);
    // While failed: tries the disk again. Returns the kept facts that it could finish.
    [[nodiscard]] Operations recover();
    // After the results of write() have been told: copies the WAL into the database when it has become long.
    void tidy_log();
    // One slice of history trimming and of giving back pages, and a checkpoint that is overdue. True: there
    // is more to do.
    [[nodiscard]] bool keep_house(base::WallTime now);

    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] StoreHealth health() const;
    [[nodiscard]] const Room& room() const { return room_; }
    [[nodiscard]] Core& core() { return *core_; }

  private:
    enum class Ended { committed, one_failed, disk_failed };

    [[nodiscard]] Ended commit_together(Operations& batch);
    [[nodiscard]] Ended give_up(Operations& batch, const base::Error& error);
    [[nodiscard]] Operations refuse(Operations batch);
    void note_maybe_on_disk(const Operations& batch);
    void note_failure(const base::Error& error);
    void look_at_room();

    std::unique_ptr<Core> core_;
    GroupCommitOptions options_;
    Room room_;
    StoreHealth health_;
    std::uint64_t checkpoint_at_bytes_;
    bool failed_ = false;
    base::Error failure_;
    base::Error last_error_;
    Operations kept_;
};

}  // namespace mailramp::queue
