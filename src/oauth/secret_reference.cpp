#include "mailramp/oauth/secret_reference.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailramp/base/text.h"

namespace mailramp::oauth {
namespace {

constexpr const char* credentials_directory_variable = "CREDENTIALS_DIRECTORY";  // systemd.exec(5)
constexpr std::size_t name_bytes_shown_max = 256;

// Who must own and who may read the file: a plain file only its owner. A systemd credential is private by its
// folder, and the access list that opens it for the service's user shows as permissions of the group.
enum class Permissions { owner_only, of_the_folder };

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return number_; }

  private:
    int number_;
};

// For a command line that people copy: quoted when a shell would read it differently.
std::string shell_word(const std::string& path) {
    const auto harmless = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/._-+:@,").find(c) != std::string_view::npos;
    };
    std::string clean = base::printable(path, name_bytes_shown_max);
    if (!clean.empty() && std::ranges::all_of(clean, harmless)) return clean;
    std::string quoted = "'";
    for (const char c : clean)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

// RFC 6749 appendix A.2: a client secret is made of VSCHAR, the printable ASCII characters.
bool is_vschar(char c) {
    return c >= 0x20 && c <= 0x7E;
}

// `what` names the place, for the error.
base::Result<base::Secret> checked(base::Secret secret, const std::string& what) {
    if (secret.empty()) return base::fail(base::ErrorKind::invalid, what + " is empty");
    if (secret.reveal().size() > secret_bytes_max)
        return base::fail(
            base::ErrorKind::limit,
            what + " is longer than " + std::to_string(secret_bytes_max) + " octets: no client secret is");
    if (!std::ranges::all_of(secret.reveal(), is_vschar))
        return base::fail(
            base::ErrorKind::invalid,
            what +
                " has a character in it that no secret has (a line end, a control character, a byte order "
                "mark or a letter beyond ASCII): it must hold the secret and nothing else");
    return secret;
}

base::Result<base::Secret> trimmed_and_checked(base::Secret content, const std::string& what) {
    return checked(base::Secret(std::string(base::trim(content.reveal()))), what);
}

base::Result<> check_file(const struct stat& status, const std::string& path, Permissions permissions,
                          const std::string& what) {
    if (!S_ISREG(status.st_mode))
        return base::fail(base::ErrorKind::invalid, what + " is not a regular file");
    if (permissions == Permissions::owner_only && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return base::fail(base::ErrorKind::invalid,
                          what + " is open to other users: chmod 600 " + shell_word(path));
    if (status.st_size > static_cast<off_t>(secret_bytes_max))
        return base::fail(base::ErrorKind::limit, what + " is larger than " +
                                                      std::to_string(secret_bytes_max) +
                                                      " octets: it must hold the secret and nothing else");
    return {};
}

base::Error cannot_open(int error, const std::string& path, const std::string& what) {
    base::Error result = base::system_error(what, error);
    if (error == ENOENT) {
        result.kind = base::ErrorKind::not_found;
        result.message +=
            "; write the secret's value into it, for the daemon's user only: install -m 600 /dev/stdin " +
            shell_word(path);
    }
    if (error == EACCES)
        result.message += ": the daemon runs as user id " + std::to_string(::geteuid()) + ": chown " +
                          std::to_string(::geteuid()) + " " + shell_word(path);
    return result;
}

base::Result<base::Secret> load_file(const std::string& path, Permissions permissions,
                                     const std::string& what) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer. Symbolic links are followed on purpose:
    // Kubernetes mounts secrets as links.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0) return std::unexpected(cannot_open(errno, path, what));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return std::unexpected(base::system_error(what, errno));
    if (auto good = check_file(status, path, permissions, what); !good) return std::unexpected(good.error());

    // One octet more than allowed, so that a file that has grown since fstat() is noticed. Never reallocated:
    // no copy of the secret stays behind.
    std::string content(secret_bytes_max + 1, '\0');
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t got = ::read(file.get(), content.data() + filled, content.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int error = errno;
            base::wipe(content);
            return std::unexpected(base::system_error(what, error));
        }
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    content.resize(filled);
    return trimmed_and_checked(base::Secret(std::move(content)), what);
}

base::Result<base::Secret> load_variable(const SecretReference& reference, const std::string& what) {
    if (!reference.value.empty()) return trimmed_and_checked(reference.value.clone(), what);
    const char* value = std::getenv(reference.name.c_str());
    if (value == nullptr) return base::fail(base::ErrorKind::not_found, what + " is not set");
    return trimmed_and_checked(base::Secret(value), what);
}

base::Result<base::Secret> load_credential(const std::string& name, const std::string& what) {
    const char* directory = std::getenv(credentials_directory_variable);
    if (directory == nullptr || *directory == '\0')
        return base::fail(base::ErrorKind::not_found,
                          what + ": " + credentials_directory_variable +
                              " is not set: start the daemon by systemd, with LoadCredential=" +
                              base::printable(name, name_bytes_shown_max) + ":<path> in its unit");
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return base::fail(base::ErrorKind::invalid,
                          what + ": a credential's name is a file name without a path");
    return load_file(std::string(directory) + "/" + name, Permissions::of_the_folder, what);
}

}  // namespace

std::string SecretReference::describe() const {
    const std::string shown = base::printable(name, name_bytes_shown_max);
    switch (place) {
        case SecretPlace::none:
            return "no secret";
        case SecretPlace::file:
            return "secret file " + shown;
        case SecretPlace::environment:
            return "environment variable " + shown;
        case SecretPlace::credential:
            return "systemd credential " + shown;
        case SecretPlace::configuration:
            return "the secret in the configuration";
    }
    return {};
}

base::Result<base::Secret> load_secret(const SecretReference& reference) {
    const std::string what = reference.describe();
    switch (reference.place) {
        case SecretPlace::none:
            return base::fail(base::ErrorKind::not_found, "no client secret is configured");
        case SecretPlace::file:
            return load_file(reference.name, Permissions::owner_only, what);
        case SecretPlace::environment:
            return load_variable(reference, what);
        case SecretPlace::credential:
            return load_credential(reference.name, what);
        case SecretPlace::configuration:
            return checked(reference.value.clone(), what);
    }
    return base::fail(base::ErrorKind::internal, "no such place for a secret");
}

void take_from_environment(std::span<SecretReference* const> references) {
    const auto is_variable = [](const SecretReference* reference) {
        return reference->place == SecretPlace::environment;
    };
    for (SecretReference* reference : references) {
        if (!is_variable(reference)) continue;
        if (const char* value = std::getenv(reference->name.c_str())) reference->value = base::Secret(value);
    }
    for (const SecretReference* reference : references) {
        if (!is_variable(reference)) continue;
        // The octets that the kernel shows are these, where they were put when the program began.
        if (char* value = std::getenv(reference->name.c_str()); value != nullptr)
            ::explicit_bzero(value, std::strlen(value));
        ::unsetenv(reference->name.c_str());
    }
}

}  // namespace mailramp::oauth
