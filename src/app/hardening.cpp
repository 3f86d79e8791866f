#include "app/hardening.h"

#include <cerrno>
#include <csignal>

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace mailramp::app {

base::Result<> harden_process() {
    umask(077);
    std::signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 2);
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return std::unexpected(base::system_error("switching core dumps off (RLIMIT_CORE)", errno));
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return std::unexpected(base::system_error("switching core dumps off (PR_SET_DUMPABLE)", errno));
    return {};
}

}  // namespace mailramp::app
