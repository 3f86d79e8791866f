// queue/folder.h: the queue's folder on the disk: that it is ours, private, and used by nobody else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "mailramp/base/result.h"

namespace mailramp::queue {

// Holds the lock on a queue folder as long as it lives. The folder is 0700 when we make it, and made so when
// others may write to it; everything in it is 0600. Move-only.
class Folder {
  public:
    // Makes what is missing (the folder itself, not its parents), checks what is there, and takes the lock.
    // ErrorKind::conflict: another instance holds it (the text has its process id); ErrorKind::io: with the
    // path and what to do.
    [[nodiscard]] static base::Result<Folder> open(const std::filesystem::path& directory);
    Folder(Folder&& other) noexcept;
    Folder& operator=(Folder&& other) noexcept;
    ~Folder();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }  // canonical
    // What others could have written to until now: an engine that gives volumes to a group does that.
    [[nodiscard]] const std::vector<std::filesystem::path>& closed() const { return closed_; }
    [[nodiscard]] std::filesystem::path database() const { return path_ / "queue.db"; }
    [[nodiscard]] std::filesystem::path bodies() const { return path_ / "bodies"; }
    [[nodiscard]] std::filesystem::path reserve() const { return path_ / "reserve"; }
    [[nodiscard]] std::filesystem::path lock_file() const { return path_ / "lock"; }

  private:
    Folder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
    std::filesystem::path path_;
    std::vector<std::filesystem::path> closed_;
    int lock_ = -1;
};

// What is free on its disk for a user other than root. A file system that cannot tell has all the room there
// is: the writes themselves will say when it has not.
[[nodiscard]] std::uint64_t disk_free_bytes(const std::filesystem::path& folder);

}  // namespace mailramp::queue
