#include "queue/folder.h"

#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "mailramp/base/text.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;
using Path = std::filesystem::path;

constexpr mode_t folder_mode = S_IRWXU;
constexpr mode_t file_mode = S_IRUSR | S_IWUSR;

// A descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] int release() { return std::exchange(value_, -1); }

  private:
    int value_;
};

base::Result<> sync_folder(const Path& path) {
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0)
        return std::unexpected(base::system_error("sync " + path.string(), errno));
    return {};
}

// Whether others could write to it, which they can no longer: what they have put there is found by its owner.
base::Result<bool> close_to_others(const Path& path, mode_t mode) {
    if ((mode & (S_IWGRP | S_IWOTH)) == 0) return false;
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.get() >= 0 && ::fchmod(folder.get(), folder_mode) == 0) return true;
    base::Error error = base::system_error("chmod 0700 " + path.string(), errno);
    error.message += ": others may write to it, and it holds mail";
    return std::unexpected(std::move(error));
}

// See close_to_others for the value.
base::Result<bool> check_folder(const Path& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0)
        return std::unexpected(base::system_error("look at " + path.string(), errno));
    const std::string name = path.string();
    if (S_ISLNK(found.st_mode))
        return base::fail(ErrorKind::io,
                          name + " is a symbolic link: name the folder that it points to instead");
    if (!S_ISDIR(found.st_mode)) return base::fail(ErrorKind::io, name + " is not a folder");
    if (found.st_uid != ::geteuid())
        return base::fail(ErrorKind::io, name + " belongs to user " + std::to_string(found.st_uid) +
                                             ", mailramp runs as " + std::to_string(::geteuid()) +
                                             ": change its owner (chown), or run mailramp as that user");
    return close_to_others(path, found.st_mode);
}

// Makes the folder durable if it was not there.
base::Result<> make_folder(const Path& path) {
    if (::mkdir(path.c_str(), folder_mode) == 0)
        return sync_folder(path.has_parent_path() ? path.parent_path() : Path("."));
    if (errno == EEXIST) return {};
    base::Error error = base::system_error("make the folder " + path.string(), errno);
    error.message += ": make it (mkdir -m 0700) and give it to the user that mailramp runs as";
    return std::unexpected(std::move(error));
}

// Every file of ours is a plain file with one name, 0600, owned by us. Looks before SQLite opens it: closing
// a second descriptor later would drop SQLite's locks.
base::Result<> check_file(int descriptor, const Path& path) {
    struct stat found{};
    if (::fstat(descriptor, &found) != 0)
        return std::unexpected(base::system_error("look at " + path.string(), errno));
    if (!S_ISREG(found.st_mode) || found.st_nlink != 1 || found.st_uid != ::geteuid())
        return base::fail(ErrorKind::io,
                          path.string() +
                              " is not a plain file of ours (another owner, or a second name): move "
                              "it away or restore it");
    if ((found.st_mode & ALLPERMS) != file_mode && ::fchmod(descriptor, file_mode) != 0)
        return std::unexpected(base::system_error("chmod 0600 " + path.string(), errno));
    return {};
}

// What SQLite will open by itself: in a folder that others could write to, it may be theirs.
base::Result<> check_file_if_there(const Path& path) {
    const Descriptor file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.get() >= 0) return check_file(file.get(), path);
    if (errno == ENOENT) return {};
    return std::unexpected(base::system_error("open " + path.string(), errno));
}

base::Result<int> open_file(const Path& path) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, file_mode));
    if (file.get() < 0) {
        const int code = errno;
        base::Error error = base::system_error("open " + path.string(), code);
        if (code == ELOOP) error.message += " (it is a symbolic link: move it away)";
        if (code == EACCES || code == EROFS || code == EPERM)
            error.message += ": the user that mailramp runs as must be able to write there";
        return std::unexpected(std::move(error));
    }
    if (auto sound = check_file(file.get(), path); !sound) return std::unexpected(sound.error());
    return file.release();
}

std::string holder_of(int lock) {
    char text[32] = {};
    const ssize_t length = ::pread(lock, text, sizeof text - 1, 0);
    const auto pid = base::parse_number(
        base::trim(std::string_view(text, length > 0 ? static_cast<std::size_t>(length) : 0)));
    return pid ? "process " + std::to_string(*pid) : "another process";
}

base::Result<> take_lock(int lock, const Path& directory) {
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return std::unexpected(base::system_error("lock " + directory.string(), errno));
        return base::fail(ErrorKind::conflict, "the queue " + directory.string() + " is in use by " +
                                                   holder_of(lock) +
                                                   ": stop it, or give this instance a folder of its own");
    }
    // For the next one to read; the lock itself is what counts, so an old number does no harm.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) < 0)
        return std::unexpected(base::system_error("write " + (directory / "lock").string(), errno));
    return {};
}

}  // namespace

base::Result<Folder> Folder::open(const Path& directory) {
    if (directory.empty()) return base::fail(ErrorKind::invalid, "the queue needs a folder");
    if (auto made = make_folder(directory); !made) return std::unexpected(made.error());
    const auto closed = check_folder(directory);
    if (!closed) return std::unexpected(closed.error());
    std::error_code failure;
    const Path path = std::filesystem::canonical(directory, failure);
    if (failure) return std::unexpected(base::system_error("resolve " + directory.string(), failure.value()));
    auto lock = open_file(path / "lock");
    if (!lock) return std::unexpected(lock.error());
    Folder folder(path, *lock);
    if (auto taken = take_lock(folder.lock_, path); !taken) return std::unexpected(taken.error());
    if (auto made = make_folder(folder.bodies()); !made) return std::unexpected(made.error());
    const auto closed_bodies = check_folder(folder.bodies());
    if (!closed_bodies) return std::unexpected(closed_bodies.error());
    if (*closed) folder.closed_.push_back(path);
    if (*closed_bodies) folder.closed_.push_back(folder.bodies());
    if (auto sound = check_file_if_there(folder.database().string() + "-wal"); !sound)
        return std::unexpected(sound.error());
    const bool is_new = !std::filesystem::exists(folder.database(), failure);
    const auto database = open_file(folder.database());
    if (!database) return std::unexpected(database.error());
    ::close(*database);
    if (!is_new) return folder;
    if (auto synced = sync_folder(path); !synced) return std::unexpected(synced.error());
    return folder;
}

Folder::Folder(Folder&& other) noexcept
    : path_(std::move(other.path_)),
      closed_(std::move(other.closed_)),
      lock_(std::exchange(other.lock_, -1)) {}

Folder& Folder::operator=(Folder&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(closed_, other.closed_);
    std::swap(lock_, other.lock_);
    return *this;
}

Folder::~Folder() {
    if (lock_ >= 0) ::close(lock_);
}

std::uint64_t disk_free_bytes(const std::filesystem::path& folder) {
    struct statvfs found{};
    if (::statvfs(folder.c_str(), &found) != 0) return std::numeric_limits<std::int64_t>::max();
    return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

}  // namespace mailramp::queue
