// cli/daemon.h: the seam to the running daemon, and what its answers mean to a command. Pure.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "cli/exit_status.h"

namespace mailramp::cli {

// Why there is no answer, for a human, with the next thing to type.
struct Failure {
    ExitStatus status = ExitStatus::software;
    std::string message;
};

using Reply = std::expected<boost::json::object, Failure>;

// Sends one request of docs/admin-api.md and waits for its answer.
using Daemon = std::function<Reply(const std::string& method, const std::string& target)>;

// The object that came with a 2xx, or the API's error.
[[nodiscard]] Reply read_reply(int http_status, std::string_view body);

}  // namespace mailramp::cli
