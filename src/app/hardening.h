// app/hardening.h: what a process that holds secrets and mail does to itself first.
#pragma once

#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/inbound/options.h"

namespace mailramp::app {

// No core dumps and no ptrace by the same user (PR_SET_DUMPABLE, RLIMIT_CORE), files of ours private (umask
// 077), SIGPIPE ignored, few malloc arenas (each thread's own would cost memory and return none), as many
// file descriptors as the hard limit allows.
[[nodiscard]] base::Result<> harden_process();

// Leaves descriptors for the queue, the upstream and the admin socket: lowers `sessions_max` to what the
// limit on open files bears, with a warning that names it.
void fit_sessions_to_descriptors(inbound::Options& options, const base::Logger& logger);

}  // namespace mailramp::app
