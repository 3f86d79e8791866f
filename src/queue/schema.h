// queue/schema.h: the tables of the queue, and what must hold before they are used.
//
// docs/queue.md explains the columns. Times are microseconds since 1970 (UTC), states the numbers below.
#pragma once

#include <cstdint>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/queue/queue_store.h"
#include "queue/database.h"

namespace mailramp::queue {

inline constexpr std::int64_t application_id = 0x6D72616D;  // "mram": how file(1) may recognise the file
inline constexpr std::int64_t schema_version = 4;           // PRAGMA user_version
inline constexpr std::int64_t page_bytes = 4096;
inline constexpr std::int64_t wal_frame_bytes = page_bytes + 24;

// Whether deleted content is overwritten with zeros.
enum class Deletion { quick, overwriting };

// Sets what holds for a connection, makes the tables if the database is empty, and checks that the file is
// ours, of this version, and was made with the page size and vacuum mode that cannot be changed later.
// ErrorKind::conflict: another program has it open; ErrorKind::invalid: not ours, or of another version.
[[nodiscard]] base::Result<> prepare_schema(Database& database, Deletion deletion, base::WallTime now);

// How states are stored. The numbers never change their meaning.
[[nodiscard]] std::int64_t state_number(RecipientState state);
[[nodiscard]] RecipientState state_from_number(std::int64_t number);
// Likewise, for the reasons to hold; `none` for a number that nobody wrote.
[[nodiscard]] std::int64_t hold_reason_number(HoldReason reason);
[[nodiscard]] HoldReason hold_reason_from_number(std::int64_t number);

[[nodiscard]] inline std::int64_t micros(base::WallTime time) {
    return time.time_since_epoch().count();
}
[[nodiscard]] inline base::WallTime wall_time(std::int64_t micros) {
    return base::WallTime(base::Duration(micros));
}

}  // namespace mailramp::queue
