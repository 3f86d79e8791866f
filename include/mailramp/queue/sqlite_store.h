// mailramp/queue/sqlite_store.h: the queue on SQLite: WAL, synchronous=FULL, one connection, one thread,
// group commit. docs/decisions/ says why; docs/queue.md says what lies where on the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::queue {

struct SqliteStoreOptions {
    std::filesystem::path directory = "/var/lib/mailramp";
    std::uint64_t size_bytes_max = 10ull << 30;            // at the limit new mail gets 452 4.3.1
    std::uint64_t disk_free_bytes_min = 256ull << 20;      // below it likewise
    std::size_t inline_bytes_max = 64 * 1024;              // larger content is a file
    std::size_t large_body_workers = 2;                    // threads that write, sync and read those files
    std::size_t large_body_sync_bytes = 1 << 20;           // fdatasync after so much
    std::size_t large_body_in_flight_bytes_max = 4 << 20;  // of all sessions together
    std::size_t large_bodies_open_max = 64;                // files kept open between two reads
    std::size_t batch_operations_max = 512;                // in one transaction
    std::size_t batch_bytes_max = 4 << 20;                 // likewise, counting a page for every row
    std::size_t waiting_operations_max = 10'000;           // beyond it: 451
    std::uint64_t wal_bytes_max = 256ull << 20;            // beyond it, with checkpoints failing: 452
    std::uint64_t wal_checkpoint_bytes = 4ull << 20;  // checkpoint between commits when the WAL is larger
    base::Duration failed_commit_retry = std::chrono::seconds(1);  // how often a failed disk is tried again
    base::Duration history_age_max = std::chrono::hours(24 * 14);
    std::uint64_t history_rows_max = 100'000;
    std::size_t bulk_rows_max = 500;  // rows in one transaction of a bulk operation
    base::Duration answer_time =
        std::chrono::seconds(1);                 // then list, history and operate give what they have
    std::size_t counted_at_open_max = 20'000;    // messages; a larger queue is counted while it works
    std::uint64_t free_bytes_max = 64ull << 20;  // more unused space in the database file is given back
    // What becomes of recipients whose attempt a crash ended; the configuration has it under "retry". Before
    // the end of data nothing counts, and they are tried again after `unsent_delay`: should their message be
    // what brings the daemon down, the others get their turn first. Later the delivery is uncertain; after so
    // many uncertain endings they are held.
    base::Duration unsent_delay = std::chrono::minutes(1);
    base::Duration uncertain_delay = std::chrono::minutes(5);
    // What is due later than this was written by a clock that has been set back since, and is due now. More
    // than anybody waits for a next try.
    base::Duration due_ahead_max = std::chrono::hours(3);
    std::size_t uncertain_attempts_max = 3;
    // All mail of the queue is held at the start, as an operator would hold it: after a restore from a
    // backup, which has mail in it that has been delivered since.
    bool hold_at_start = false;
    bool secure_delete = false;  // overwrite what is deleted (three times slower)
};

// Opens or makes the queue. Checks first that the folder is ours, private and locked by nobody else; a
// checkpoint must succeed before anything is accepted; what another run had claimed is queued again or, if
// the end of data may have been sent, becomes uncertain or, for the last time, held.
// ErrorKind::conflict: another instance has it. ErrorKind::io: with the path and the remedy.
// `executor`, `clock` must outlive the store. Destroy it on the event loop, when no StagedMessage and no call
// is left: what waits for a failed disk would wait for ever.
[[nodiscard]] base::Result<std::unique_ptr<QueueStore>> open_sqlite_store(const SqliteStoreOptions& options,
                                                                          const io::Executor& executor,
                                                                          const base::Clock& clock,
                                                                          base::Logger logger);

}  // namespace mailramp::queue
