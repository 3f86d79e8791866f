#include "mailramp/oauth/secret_reference.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "mailramp/base/text.h"
#include "mailramp/io/private_file.h"

namespace mailramp::oauth {
namespace {

constexpr const char* credentials_directory_variable = "CREDENTIALS_DIRECTORY";  // systemd.exec(5)
constexpr std::size_t name_bytes_shown_max = 256;

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

base::Result<base::Secret> load_file(const std::string& path, const std::string& what) {
    auto content = io::read_private_file(path, what, secret_bytes_max);
    if (content) return trimmed_and_checked(std::move(*content), what);
    base::Error error = std::move(content.error());
    if (error.kind == base::ErrorKind::not_found)
        error.message +=
            "; write the secret's value into it, for the daemon's user only: install -m 600 /dev/stdin " +
            base::shell_word(path);
    if (error.kind == base::ErrorKind::limit) error.message += ": it must hold the secret and nothing else";
    return std::unexpected(std::move(error));
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
    return load_file(std::string(directory) + "/" + name, what);
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
            return load_file(reference.name, what);
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
