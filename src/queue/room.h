// queue/room.h: whether there is room for more mail; pure.
#pragma once

#include <cstdint>
#include <string>

#include "mailramp/base/result.h"

namespace mailramp::queue {

struct RoomLimits {
    std::uint64_t size_bytes_max = 0;
    std::uint64_t disk_free_bytes_min = 0;
    std::uint64_t wal_bytes_max = 0;
};

// What is used now.
struct Room {
    std::uint64_t content_bytes = 0;    // of all messages in the queue
    std::uint64_t disk_free_bytes = 0;  // for users other than root
    std::uint64_t wal_bytes = 0;        // written and not yet checkpointed
    std::uint64_t coming_bytes = 0;     // kept for messages on their way in
    std::uint64_t spooled_bytes = 0;    // of those, on the disk already when disk_free_bytes was measured

    // ErrorKind::limit, saying which limit and what to do, when `more_bytes` do not fit.
    [[nodiscard]] base::Result<> admits(const RoomLimits& limits, std::uint64_t more_bytes) const;
    // The same for content that is on the disk already.
    [[nodiscard]] base::Result<> admits_on_disk(const RoomLimits& limits, std::uint64_t more_bytes) const;
};

// "12 MiB", rounded down.
[[nodiscard]] std::string mebibytes(std::uint64_t bytes);

}  // namespace mailramp::queue
