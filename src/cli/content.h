// cli/content.h: the commands that show or copy the content of what waits: cat and export.
//
// Content goes through in pieces, so its size does not matter to memory.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <string>

#include "cli/commands.h"
#include "cli/queue_orders.h"

namespace mailramp::cli {

// Asks for a piece of content, as docs/admin-api.md has it.
using Content = std::function<std::expected<std::string, Failure>(const std::string& target)>;

enum class ContentPart { whole, header };

// As it is stored, octet for octet; on a terminal without control characters, which could do harm there.
[[nodiscard]] ExitStatus queue_cat(const Content& content, const Console& console, const std::string& id,
                                   ContentPart part);

// Writes ID.eml and then ID.json (the message as `queue show --json` has it, with the recipients that have
// not ended) for each into the folder, which is made if its parent is there. Files have mode 0600; none is
// ever overwritten, and none that is not whole has its .json.
[[nodiscard]] ExitStatus queue_export(const Daemon& daemon, const Content& content, const Console& console,
                                      const Which& which, const std::filesystem::path& folder);

}  // namespace mailramp::cli
