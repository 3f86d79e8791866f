// cli/terminal.h: what the process's own standard streams are like.
#pragma once

#include <optional>
#include <string>

#include "cli/view.h"

namespace mailramp::cli {

// Now, this machine's zone, the width of the terminal within 60 and 100 columns, and colours when standard
// output is a terminal and NO_COLOR (no-color.org) is not set.
[[nodiscard]] View view_of_terminal();

// Asks on standard error, reads from standard input. Nothing when either is not a terminal.
[[nodiscard]] std::optional<bool> ask_on_terminal(const std::string& question);

}  // namespace mailramp::cli
