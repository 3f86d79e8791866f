#include "queue/room.h"

#include <string>

namespace mailramp::queue {
namespace {

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

base::Result<> Room::admits(const RoomLimits& limits, std::uint64_t more_bytes) const {
    using base::ErrorKind;
    if (content_bytes + more_bytes > limits.size_bytes_max)
        return base::fail(ErrorKind::limit, "the queue is full: it holds " + mebibytes(content_bytes) +
                                                " of " + mebibytes(limits.size_bytes_max) +
                                                "; find out why mail does not leave, or raise the limit");
    if (disk_free_bytes < limits.disk_free_bytes_min + more_bytes)
        return base::fail(ErrorKind::limit, "the queue's disk is full: " + mebibytes(disk_free_bytes) +
                                                " are free, " + mebibytes(limits.disk_free_bytes_min) +
                                                " are kept for deliveries; make room on it");
    if (wal_bytes > limits.wal_bytes_max)
        return base::fail(ErrorKind::limit,
                          "the queue's log has grown to " + mebibytes(wal_bytes) +
                              " because checkpoints fail; look for disk errors in the kernel's log");
    return {};
}

}  // namespace mailramp::queue
