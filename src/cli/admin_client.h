// cli/admin_client.h: asks the running daemon over its Unix socket.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

#include "cli/daemon.h"
#include "mailramp/base/clock.h"

namespace mailramp::cli {

// Why nobody can be asked on this socket, found out before connecting: no daemon, or no permission. Nothing
// when it may work.
[[nodiscard]] std::optional<Failure> unreachable(const std::filesystem::path& socket);

// What to tell a user who may not write to the socket, which belongs to this group; 0: no group is of help.
[[nodiscard]] Failure not_allowed(const std::filesystem::path& socket, gid_t group_id,
                                  const std::string& user);

inline constexpr base::Duration answer_timeout = std::chrono::seconds(30);

// Blocks until the answer is there, or for `timeout`.
[[nodiscard]] Reply ask_daemon(const std::filesystem::path& socket, const std::string& method,
                               const std::string& target, base::Duration timeout = answer_timeout);

// Content, which is no JSON.
[[nodiscard]] std::expected<std::string, Failure> fetch_content(const std::filesystem::path& socket,
                                                                const std::string& target);

}  // namespace mailramp::cli
