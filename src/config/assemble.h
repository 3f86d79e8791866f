// config/assemble.h: from the parts of a file to settings: the short form expands to the long one, and
// presets, the sections of the top level and a mailbox's or credential's own sections are laid on each other.
#pragma once

#include "config/document.h"
#include "config/report.h"
#include "config/tables.h"

namespace mailramp::config {

// What is missing or does not fit together within one mailbox or credential goes to `report`.
[[nodiscard]] Settings assemble(File file, const Node& root, const Surroundings& surroundings,
                                Report& report);

}  // namespace mailramp::config
