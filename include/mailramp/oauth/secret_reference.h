// mailramp/oauth/secret_reference.h: where a client secret is kept, and how it is fetched from there.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"

namespace mailramp::oauth {

enum class SecretPlace {
    none,           // not configured
    file,           // a path
    environment,    // the name of an environment variable
    credential,     // the name of a systemd credential: a file in $CREDENTIALS_DIRECTORY
    configuration,  // the configuration file itself
};

struct SecretReference {
    SecretPlace place = SecretPlace::none;
    std::string name;    // path, variable or credential
    base::Secret value;  // of SecretPlace::configuration, and of a variable after take_from_environment()

    [[nodiscard]] SecretReference clone() const { return {place, name, value.clone()}; }
    // "file /etc/mailramp/client_secret", "environment variable CLIENT_SECRET": for logs and errors.
    [[nodiscard]] std::string describe() const;
};

inline constexpr std::size_t secret_bytes_max = 8 * 1024;

// Fetches the secret from its place, anew at each call, so that a changed file takes effect without a
// restart. White space at the end of a file is not part of the secret. Refused, each with the command that
// helps: no such file or variable, not a regular file, larger than secret_bytes_max, readable by group or
// others (a systemd credential excepted: its folder is private, and its access list shows as group bits),
// empty, control characters inside. The error never contains the secret. Blocks for the reading of one small
// file.
[[nodiscard]] base::Result<base::Secret> load_secret(const SecretReference& reference);

// For a process that stays: moves the secrets that stand in environment variables into their references, then
// wipes those variables, so that /proc/PID/environ no longer shows them. Several references may name one
// variable. One that is missing or empty is left for load_secret() to refuse. To be called before other
// threads start, since nothing guards the environment.
void take_from_environment(std::span<SecretReference* const> references);

}  // namespace mailramp::oauth
