// queue/vfs_file.h: one file seen through SQLite's file layer, which tests replace by one that fails, forgets
// and tears on purpose. Everything that must survive a power cut is written here or by SQLite itself.
//
// One thread at a time. After a failed write or sync the file may only be closed: what a second sync says is
// not true (the kernel forgets the pages it could not write).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include <sqlite3.h>

#include "mailramp/base/result.h"

namespace mailramp::queue {

class VfsFile {
  public:
    // A new file that must not exist yet, with the permissions and owner of `like`.
    [[nodiscard]] static base::Result<VfsFile> create(sqlite3_vfs* vfs, const std::filesystem::path& path,
                                                      const std::filesystem::path& like);
    // An existing file or folder, for reading, or for syncing a folder.
    [[nodiscard]] static base::Result<VfsFile> open(sqlite3_vfs* vfs, const std::filesystem::path& path);
    // Removing what is not there is no error.
    [[nodiscard]] static base::Result<> remove(sqlite3_vfs* vfs, const std::filesystem::path& path);

    [[nodiscard]] base::Result<> write(std::string_view octets, std::uint64_t offset);
    // Content and size are on the disk afterwards; for a folder, its names are.
    [[nodiscard]] base::Result<> sync();
    // Exactly so many octets, or an error: ErrorKind::invalid when the file ends before.
    [[nodiscard]] base::Result<std::string> read(std::size_t octets, std::uint64_t offset);
    [[nodiscard]] base::Result<std::uint64_t> size();

  private:
    struct FreeName {
        void operator()(const char* name) const;
    };
    struct Close {
        void operator()(sqlite3_file* file) const;
    };
    using Name = std::unique_ptr<const char, FreeName>;
    using Handle = std::unique_ptr<sqlite3_file, Close>;

    VfsFile(Name name, Handle file);
    [[nodiscard]] static base::Result<VfsFile> open_named(sqlite3_vfs* vfs, Name name, int flags);

    Name name_;  // the file layer keeps a pointer to it, so it goes after file_
    Handle file_;
};

}  // namespace mailramp::queue
