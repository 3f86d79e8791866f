// mailramp/inbound/alias_book.h: the aliases in use: those of the configuration, and those of a file that may
// change at any time.
//
// The file is read anew when it has changed and then stood still for one look, so that nobody gets half of
// what an editor is still writing. Content that cannot be right (a line that is no alias, no alias left at
// all, a file that cannot be read) changes nothing: the aliases that worked stay, and the log says why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/route/recipients.h"

namespace mailramp::inbound {

inline constexpr std::size_t alias_file_bytes_max = 1024 * 1024;
inline constexpr std::size_t alias_remarks_max = 20;  // of one reading; further ones are counted

// Tells one state of a file from the next.
struct FileStamp {
    std::uint64_t device = 0, inode = 0;
    std::int64_t size_bytes = 0, modified_ns = 0, changed_ns = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

struct AliasFileReading {
    route::AliasFile file;
    FileStamp stamp;
};

// Reads and parses the whole file. Blocks for a small file. The error has the remedy in it.
[[nodiscard]] base::Result<AliasFileReading> read_alias_file(const std::filesystem::path& path);

// What an administrator should know of it, one line each: "/etc/aliases:12: …", at most alias_remarks_max
// and one that counts the rest. `in_use` is made of the file and what the configuration adds.
[[nodiscard]] std::vector<std::string> remarks_on(const route::AliasFile& file,
                                                  const std::filesystem::path& path,
                                                  const route::Recipients& in_use);

// Lives on the event loop. Never moves: sessions refer to recipients().
class AliasBook {
  public:
    // Without a file (an empty path) only the options count.
    AliasBook(route::RecipientOptions options, std::filesystem::path file, base::Logger logger);
    AliasBook(const AliasBook&) = delete;
    AliasBook& operator=(const AliasBook&) = delete;

    // Reads the file for the first time. What is wrong with single lines stops nothing.
    [[nodiscard]] base::Result<> open();
    // Notices that the file has changed. To be called now and then; a system call each time.
    void look();

    // Stays where it is; its content may be another after look().
    [[nodiscard]] const route::Recipients& recipients() const { return recipients_; }

  private:
    void read_again(const FileStamp& stamp);
    void keep(const std::string& reason);
    [[nodiscard]] std::optional<std::string> objection_to(const route::AliasFile& file) const;

    route::RecipientOptions options_;
    std::filesystem::path file_;
    base::Logger logger_;
    route::Recipients recipients_;
    std::size_t names_in_file_ = 0;
    FileStamp judged_;                 // of the content that was taken, or refused
    std::optional<FileStamp> coming_;  // another one, seen once
    std::string trouble_;              // of the last look
};

}  // namespace mailramp::inbound
