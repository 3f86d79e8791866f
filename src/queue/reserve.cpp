#include "queue/reserve.h"

#include <fcntl.h>
#include <unistd.h>

namespace mailramp::queue {

void Reserve::take(std::uint64_t disk_free_bytes) {
    if (taken_ || disk_free_bytes < options_.bytes + options_.free_bytes_min) return;
    const int file = ::open(options_.file.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return;
    // Blocks, not only a length: a file with holes keeps no room.
    taken_ = ::posix_fallocate(file, 0, static_cast<off_t>(options_.bytes)) == 0;
    ::close(file);
    if (taken_)
        given_up_ = false;
    else
        ::unlink(options_.file.c_str());
}

void Reserve::give_up() {
    // Also what an earlier run has left.
    if (::unlink(options_.file.c_str()) == 0) given_up_ = true;
    taken_ = false;
}

}  // namespace mailramp::queue
