#include "app/descriptors.h"

#include <string>

#include <sys/resource.h>

#include "mailramp/base/events.h"

namespace mailramp::app {
namespace {

// Content files, upstream and admin connections, the database, name lookups, and some.
constexpr std::size_t descriptors_reserved = 192;

}  // namespace

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
