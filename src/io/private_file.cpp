#include "mailramp/io/private_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/net.h"
#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

constexpr const char* credentials_directory_variable = "CREDENTIALS_DIRECTORY";  // systemd.exec(5)

bool is_systemd_credential(const std::filesystem::path& path) {
    const char* directory = std::getenv(credentials_directory_variable);
    return directory != nullptr && *directory != '\0' &&
           path.parent_path().lexically_normal() == std::filesystem::path(directory).lexically_normal();
}

// The folder where Docker, Compose, Podman and Swarm mount secrets; for Kubernetes its user says where.
constexpr std::string_view secrets_folder = "/run/secrets";

bool is_below_secrets_folder(const std::filesystem::path& path) {
    const std::filesystem::path folder = secrets_folder;
    return std::ranges::mismatch(folder, path).in1 == folder.end();
}

// What an engine mounts for a container is open to everybody in there (mode 0444 or 0644, of root), or to the
// group that the container runs with. There is nobody else in the container, and how the file is kept outside
// of it is the engine's affair. Nothing that a link in there leads to elsewhere is meant.
bool is_container_secret(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(path, error);
    return !error && is_below_secrets_folder(real);
}

std::string how_to_close(int file, const std::filesystem::path& path) {
    struct statvfs where{};
    // So Kubernetes mounts its secrets, wherever that is.
    if (::fstatvfs(file, &where) == 0 && (where.f_flag & ST_RDONLY) != 0)
        return "its file system is read-only; in a container, mount it below " + std::string(secrets_folder) +
               ", where it may be open";
    return "chmod 600 " + base::shell_word(path.native());
}

base::Result<> check_private(int file, const struct stat& status, const std::filesystem::path& path,
                             const std::string& what, std::size_t size_bytes_max) {
    if (!S_ISREG(status.st_mode))
        return base::fail(base::ErrorKind::invalid, what + " is not a regular file");
    const bool open_to_others = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (open_to_others && !is_systemd_credential(path) && !is_container_secret(path))
        return base::fail(base::ErrorKind::invalid,
                          what + " is open to other users: " + how_to_close(file, path));
    if (status.st_size > static_cast<off_t>(size_bytes_max))
        return base::fail(base::ErrorKind::limit,
                          what + " is larger than " + std::to_string(size_bytes_max) + " octets");
    return {};
}

base::Error cannot_open(int error, const std::filesystem::path& path, const std::string& what) {
    base::Error result = base::system_error(what, error);
    if (error == ENOENT) result.kind = base::ErrorKind::not_found;
    if (error == EACCES) {
        const std::string user = std::to_string(::geteuid());
        result.message += ": the daemon runs as user id " + user + ": ";
        // Who mounts it decides; in the container nobody can.
        result.message += is_below_secrets_folder(path)
                              ? "where the secret comes from, chown it to this user"
                              : "chown " + user + " " + base::shell_word(path.native());
    }
    return result;
}

}  // namespace

base::Result<base::Secret> read_private_file(const std::filesystem::path& path, std::string_view what,
                                             std::size_t size_bytes_max) {
    const std::string name(what);
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0) return std::unexpected(cannot_open(errno, path, name));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return std::unexpected(base::system_error(name, errno));
    if (auto good = check_private(file.get(), status, path, name, size_bytes_max); !good)
        return std::unexpected(good.error());

    // One octet more than fits, so that a file which grows meanwhile is noticed. Never reallocated: no copy
    // of the content stays behind.
    std::string content(static_cast<std::size_t>(status.st_size) + 1, '\0');
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t got = ::read(file.get(), content.data() + filled, content.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int error = errno;
            base::wipe(content);
            return std::unexpected(base::system_error(name, error));
        }
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    if (filled == content.size()) {
        base::wipe(content);
        return base::fail(base::ErrorKind::unavailable, name + " is being written; try again");
    }
    content.resize(filled);
    return base::Secret(std::move(content));
}

}  // namespace mailramp::io
