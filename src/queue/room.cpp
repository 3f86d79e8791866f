#include "queue/room.h"

#include <string>

namespace mailramp::queue {

using base::ErrorKind;

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

base::Result<> Room::admits(const RoomLimits& limits, std::uint64_t more_bytes) const {
    if (auto admitted = admits_on_disk(limits, more_bytes); !admitted) return admitted;
    const std::uint64_t to_come = coming_bytes > spooled_bytes ? coming_bytes - spooled_bytes : 0;
    if (disk_free_bytes >= limits.disk_free_bytes_min + to_come + more_bytes) return {};
    std::string text = "the queue's disk is full: " + mebibytes(disk_free_bytes) + " are free, " +
                       mebibytes(limits.disk_free_bytes_min) + " are kept for deliveries";
    if (to_come > 0) text += " and " + mebibytes(to_come) + " for messages that are coming in";
    return base::fail(ErrorKind::limit, text + "; make room on it");
}

base::Result<> Room::admits_on_disk(const RoomLimits& limits, std::uint64_t more_bytes) const {
    if (content_bytes + coming_bytes + more_bytes > limits.size_bytes_max) {
        std::string text = "the queue is full: it holds " + mebibytes(content_bytes);
        if (coming_bytes > 0)
            text += ", and " + mebibytes(coming_bytes) + " are for messages that are coming in,";
        return base::fail(ErrorKind::limit, text + " of " + mebibytes(limits.size_bytes_max) +
                                                "; find out why mail does not leave, or raise the limit");
    }
    if (wal_bytes > limits.wal_bytes_max)
        return base::fail(ErrorKind::limit,
                          "the queue's log has grown to " + mebibytes(wal_bytes) +
                              " because checkpoints fail; look for disk errors in the kernel's log");
    return {};
}

}  // namespace mailramp::queue
