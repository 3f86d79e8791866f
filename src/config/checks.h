// config/checks.h: what no single key can tell: whether the settings make sense together, and are wise.
#pragma once

#include "config/report.h"
#include "mailramp/config/load.h"

namespace mailramp::config {

// Pure: looks at nothing but the settings.
void check_settings(const Settings& settings, Report& report);

// Whether what the settings refer to can be read: secrets, CA file, alias file, group. Blocks for the
// reading of small files.
void check_references(const Settings& settings, Report& report);

}  // namespace mailramp::config
