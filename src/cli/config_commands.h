// cli/config_commands.h: what commands do with a configuration file without running it.
#pragma once

#include <expected>
#include <filesystem>

#include "cli/commands.h"
#include "mailramp/config/load.h"

namespace mailramp::cli {

// Says that the configuration is good, with its warnings, or all that is wrong with it. Files that it names
// are looked at if `references` says so; nothing is connected to.
[[nodiscard]] ExitStatus config_check(const Console& console, const config::Source& source,
                                      config::References references);

// The manual of all keys, in Markdown.
[[nodiscard]] ExitStatus config_keys(const Console& console);

// The admin socket that the configuration names.
[[nodiscard]] std::expected<std::filesystem::path, Failure> socket_of(const config::Source& source);

}  // namespace mailramp::cli
