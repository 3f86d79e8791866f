// cli/history_commands.h: the commands that tell what became of mail. They know neither sockets nor the
// command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/mail_filter.h"

namespace mailramp::cli {

struct HistoryOptions {
    std::string id = {};  // empty: all messages
    MailFilter filter = {};
    std::optional<base::WallTime> since = {};
    std::optional<base::WallTime> until = {};
    std::uint64_t recipients_max = 50;  // 0: all
};

// The latest first. JSON: one recipient a line.
[[nodiscard]] ExitStatus history(const Daemon& daemon, const Console& console, const HistoryOptions& options);

// The story of a message by its queue id, or of those with a Message-ID. JSON: one message a line.
[[nodiscard]] ExitStatus trace(const Daemon& daemon, const Console& console, const std::string& name);

}  // namespace mailramp::cli
