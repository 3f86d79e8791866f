// app/descriptors.h: what a process does to the limits of its settings when files that may be open are few.
#pragma once

#include "mailramp/base/log.h"
#include "mailramp/inbound/options.h"

namespace mailramp::app {

// Leaves descriptors for the queue, the upstream and the admin socket: lowers `sessions_max` to what the
// limit on open files bears, with a warning that names it.
void fit_sessions_to_descriptors(inbound::Options& options, const base::Logger& logger);

}  // namespace mailramp::app
