#include "mailramp/app/hardening.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace mailramp::app {
namespace {

constexpr rlim_t open_files_wanted = 8192;

}  // namespace

base::Result<> harden_process() {
    umask(077);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);  // if it were ignored, the status of an alert's command would be lost
    mallopt(M_ARENA_MAX, 2);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = std::min<rlim_t>(files.rlim_max, open_files_wanted);
        setrlimit(RLIMIT_NOFILE, &files);  // if it is refused, the sessions are fitted to what there is
    }
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return std::unexpected(base::system_error("switching core dumps off (RLIMIT_CORE)", errno));
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return std::unexpected(base::system_error("switching core dumps off (PR_SET_DUMPABLE)", errno));
    return {};
}

}  // namespace mailramp::app
