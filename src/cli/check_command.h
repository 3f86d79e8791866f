// cli/check_command.h: `mailramp check`: runs the steps and shows what they find.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"
#include "mailramp/check/finding.h"
#include "mailramp/check/run.h"

namespace mailramp::cli {

// Findings appear one by one; JSON is one object at the end (docs/check.md).
[[nodiscard]] ExitStatus check_command(const Console& console, const check::Options& options);

// One finding as lines for a human, wrapped. Pure.
[[nodiscard]] std::string finding_text(const check::Finding& finding, const View& view);
// All of them as one JSON object. Pure.
[[nodiscard]] std::string findings_json(const std::string& config_file,
                                        const std::vector<check::Finding>& findings);

}  // namespace mailramp::cli
