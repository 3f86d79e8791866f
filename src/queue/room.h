// queue/room.h: whether there is room for more mail; pure.
#pragma once

#include <cstdint>

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

    // ErrorKind::limit, saying which limit and what to do, when `more_bytes` do not fit.
    [[nodiscard]] base::Result<> admits(const RoomLimits& limits, std::uint64_t more_bytes) const;
};

}  // namespace mailramp::queue
