// queue/body_files.h: large contents, one file each under bodies/.
//
// A file is written by one instance of the daemon, synced as it grows, and complete (content, size and name
// on the disk) before the row that names it commits. A file without a row is an orphan; a row without its
// file is damage, and is reported, never deleted. All of this blocks: it is for the large-body workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include "mailramp/base/result.h"
#include "mailramp/queue/queue_id.h"
#include "queue/checksum.h"
#include "queue/vfs_file.h"

namespace mailramp::queue {

// A content file is named after the message and the instance that wrote it: "0123456789A-17".
struct BodyName {
    QueueId id;
    std::int64_t instance = 0;

    [[nodiscard]] std::string text() const;
    [[nodiscard]] static std::optional<BodyName> parse(std::string_view text);
    friend bool operator==(const BodyName&, const BodyName&) = default;
};

// Where the files lie and through what they are reached.
struct BodyFolder {
    std::filesystem::path directory;
    std::filesystem::path lock_file;  // new files get its mode and owner
    sqlite3_vfs* vfs = nullptr;

    [[nodiscard]] std::filesystem::path path(const BodyName& name) const { return directory / name.text(); }
    [[nodiscard]] base::Result<> remove(const BodyName& name) const;
    // Makes new names durable.
    [[nodiscard]] base::Result<> sync() const;
    // The content files of instances before `instance`. Files with other names are not ours to judge.
    [[nodiscard]] base::Result<std::vector<BodyName>> written_before(std::int64_t instance) const;
};

// Writes one file. After any failure the file is abandoned: it is never synced again, and no message rests on
// it.
class BodyWriter {
  public:
    [[nodiscard]] static base::Result<BodyWriter> create(const BodyFolder& folder, const BodyName& name,
                                                         std::size_t sync_bytes);
    [[nodiscard]] base::Result<> write(std::string_view octets);
    // Content, size and name are on the disk afterwards. Nothing more may be written.
    [[nodiscard]] base::Result<> finish();

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
    [[nodiscard]] std::uint64_t checksum() const { return checksum_.value(); }

  private:
    BodyWriter(BodyFolder folder, VfsFile file, std::size_t sync_bytes);
    [[nodiscard]] base::Result<> fail_for_good(base::Error error);

    BodyFolder folder_;
    std::optional<VfsFile> file_;
    std::size_t sync_bytes_;
    std::uint64_t size_bytes_ = 0, synced_bytes_ = 0;
    Checksum checksum_;
    std::optional<base::Error> failure_;
};

// Reads one file from its beginning to its end. The piece that ends the content is given out only when the
// checksum of the whole is right. ErrorKind::invalid: the file is missing, too short, too long or altered.
class BodyReader {
  public:
    [[nodiscard]] static base::Result<BodyReader> open(const BodyFolder& folder, const BodyName& name,
                                                       std::uint64_t size_bytes, std::uint64_t checksum);
    // The next piece; empty at the end.
    [[nodiscard]] base::Result<std::string> read(std::size_t octets_max);
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] bool at_end() const { return offset_ == size_bytes_; }

  private:
    BodyReader(VfsFile file, BodyName name, std::uint64_t size_bytes, std::uint64_t checksum);

    VfsFile file_;
    BodyName name_;
    std::uint64_t size_bytes_;
    std::uint64_t expected_;
    std::uint64_t offset_ = 0;
    Checksum checksum_;
};

// What is said about content that is not what was stored.
[[nodiscard]] base::Error damaged(const BodyName& name, std::string_view how);

}  // namespace mailramp::queue
