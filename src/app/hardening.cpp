#include "app/hardening.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "mailramp/base/events.h"

namespace mailramp::app {
namespace {

constexpr rlim_t open_files_wanted = 8192;
// Content files, upstream and admin connections, the database, name lookups, and some.
constexpr std::size_t descriptors_reserved = 192;

}  // namespace

base::Result<> harden_process() {
    umask(077);
    std::signal(SIGPIPE, SIG_IGN);
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

void fit_sessions_to_descriptors(inbound::Options& options, const base::Logger& logger) {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    const std::size_t limit = static_cast<std::size_t>(files.rlim_cur);
    const std::size_t bearable = limit > 2 * descriptors_reserved ? limit - descriptors_reserved : limit / 2;
    if (options.sessions_max <= bearable) return;
    logger.warning(base::events::config_warning,
                   "only " + std::to_string(bearable) + " of " + std::to_string(options.sessions_max) +
                       " sessions (sessions_max): this process may have " + std::to_string(limit) +
                       " files open; raise that (ulimit -n, or LimitNOFILE in the unit)");
    options.sessions_max = bearable;
}

}  // namespace mailramp::app
