// mailramp/app/hardening.h: what a process that holds secrets does to itself first.
#pragma once

#include "mailramp/base/result.h"

namespace mailramp::app {

// No core dumps and no ptrace by the same user (PR_SET_DUMPABLE, RLIMIT_CORE), files of ours private (umask
// 077), SIGPIPE ignored, few malloc arenas (each thread's own would cost memory and return none), as many
// file descriptors as the hard limit allows.
[[nodiscard]] base::Result<> harden_process();

}  // namespace mailramp::app
