// cli/recover_command.h: `mailramp queue recover`: mail out of a queue that no daemon can open any more.
#pragma once

#include <filesystem>

#include "cli/commands.h"

namespace mailramp::cli {

// Saves each message as ID.eml with its envelope in ID.json. ExitStatus::data: something of it is lost, and
// the output says what; done: all was saved.
[[nodiscard]] ExitStatus queue_recover(const Console& console, const std::filesystem::path& from,
                                       const std::filesystem::path& to);

}  // namespace mailramp::cli
