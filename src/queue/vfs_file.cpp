#include "queue/vfs_file.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace mailramp::queue {
namespace {

// SQLite's own layer takes pages: of a longer write it masks the length to 17 bits, and calls the rest a full
// disk (os_unix.c, seekAndWriteFd).
constexpr std::size_t piece_bytes = 64 * 1024;

using base::ErrorKind;

// SQLite tells its file kinds apart; this one means "a journal", which it creates, writes and syncs plainly.
constexpr int journal = SQLITE_OPEN_SUPER_JOURNAL;

base::Error error(std::string_view doing, const std::filesystem::path& path, int code) {
    const ErrorKind kind = (code & 0xFF) == SQLITE_FULL ? ErrorKind::limit : ErrorKind::io;
    return base::Error{kind, std::string(doing) + " " + path.string() + ": " + sqlite3_errstr(code) +
                                 " (SQLite code " + std::to_string(code) + ")"};
}

}  // namespace

void VfsFile::FreeName::operator()(const char* name) const {
    sqlite3_free_filename(const_cast<char*>(name));
}

void VfsFile::Close::operator()(sqlite3_file* file) const {
    if (file->pMethods != nullptr) file->pMethods->xClose(file);
    std::free(file);
}

VfsFile::VfsFile(Name name, Handle file) : name_(std::move(name)), file_(std::move(file)) {}

base::Result<VfsFile> VfsFile::open_named(sqlite3_vfs* vfs, Name name, int flags) {
    Handle file(static_cast<sqlite3_file*>(std::calloc(1, static_cast<std::size_t>(vfs->szOsFile))));
    if (!file || !name) return base::fail(ErrorKind::unavailable, "out of memory");
    int granted = 0;
    const int code = vfs->xOpen(vfs, name.get(), file.get(), flags, &granted);
    if (code != SQLITE_OK) return std::unexpected(error("open", name.get(), code));
    // SQLite's layer opens for reading what it may not write, or what is there although it must not be.
    if ((flags & SQLITE_OPEN_READWRITE) != 0 && (granted & SQLITE_OPEN_READONLY) != 0)
        return base::fail(ErrorKind::conflict, std::string(name.get()) + " exists already");
    return VfsFile(std::move(name), std::move(file));
}

base::Result<VfsFile> VfsFile::create(sqlite3_vfs* vfs, const std::filesystem::path& path,
                                      const std::filesystem::path& like) {
    // SQLite's own way to give a new file the mode of another: the parameter rides behind the name.
    const char* parameters[] = {"modeof", like.c_str()};
    Name name(sqlite3_create_filename(path.c_str(), "", "", 1, parameters));
    return open_named(
        vfs, std::move(name),
        journal | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_URI);
}

base::Result<VfsFile> VfsFile::open(sqlite3_vfs* vfs, const std::filesystem::path& path) {
    Name name(sqlite3_create_filename(path.c_str(), "", "", 0, nullptr));
    return open_named(vfs, std::move(name), journal | SQLITE_OPEN_READONLY);
}

base::Result<> VfsFile::remove(sqlite3_vfs* vfs, const std::filesystem::path& path) {
    const int code = vfs->xDelete(vfs, path.c_str(), 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
        return std::unexpected(error("remove", path, code));
    return {};
}

base::Result<> VfsFile::write(std::string_view octets, std::uint64_t offset) {
    while (!octets.empty()) {
        const std::string_view piece = octets.substr(0, piece_bytes);
        const int code = file_->pMethods->xWrite(file_.get(), piece.data(), static_cast<int>(piece.size()),
                                                 static_cast<sqlite3_int64>(offset));
        if (code != SQLITE_OK) return std::unexpected(error("write", name_.get(), code));
        octets.remove_prefix(piece.size());
        offset += piece.size();
    }
    return {};
}

base::Result<> VfsFile::sync() {
    const int code = file_->pMethods->xSync(file_.get(), SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK) return std::unexpected(error("sync", name_.get(), code));
    return {};
}

base::Result<std::string> VfsFile::read(std::size_t octets, std::uint64_t offset) {
    std::string content(octets, '\0');
    for (std::size_t at = 0; at < octets; at += piece_bytes) {
        const std::size_t piece = std::min(piece_bytes, octets - at);
        const std::uint64_t place = offset + at;
        const int code = file_->pMethods->xRead(file_.get(), content.data() + at, static_cast<int>(piece),
                                                static_cast<sqlite3_int64>(place));
        if (code == SQLITE_IOERR_SHORT_READ)
            return base::fail(ErrorKind::invalid, std::string(name_.get()) + " ends too early");
        if (code != SQLITE_OK) return std::unexpected(error("read", name_.get(), code));
    }
    return content;
}

base::Result<std::uint64_t> VfsFile::size() {
    sqlite3_int64 octets = 0;
    const int code = file_->pMethods->xFileSize(file_.get(), &octets);
    if (code != SQLITE_OK) return std::unexpected(error("look at", name_.get(), code));
    return static_cast<std::uint64_t>(octets);
}

}  // namespace mailramp::queue
