#include "app/service_manager.h"

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <tuple>
#include <utility>

#include <unistd.h>

#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/io/timer.h"

namespace mailramp::app {
namespace {

constexpr std::size_t status_bytes_max = 512;
constexpr std::size_t paused_shown_max = 3;
// sd_watchdog_enabled(3): half the time that the manager waits, so that one sign of life may come late.
constexpr std::uint64_t signs_per_watchdog = 2;

std::string_view or_empty(const char* value) {
    return value != nullptr ? std::string_view(value) : std::string_view();
}

std::string counted(std::uint64_t number, std::string_view noun) {
    return std::to_string(number).append(" ").append(noun).append(number == 1 ? "" : "s");
}

std::string names_of(const std::vector<std::string>& mailboxes) {
    std::string names;
    for (std::size_t index = 0; index < mailboxes.size() && index < paused_shown_max; ++index)
        names.append(index > 0 ? ", " : "").append(mailboxes[index]);
    if (mailboxes.size() > paused_shown_max)
        names += " and " + std::to_string(mailboxes.size() - paused_shown_max) + " more";
    return names;
}

}  // namespace

ManagerTerms read_manager_terms(const char* socket, const char* watchdog_usec, const char* watchdog_pid,
                                pid_t own_pid) {
    ManagerTerms terms{.socket = std::string(or_empty(socket)), .watchdog_pause = {}};
    const auto period = base::parse_number(or_empty(watchdog_usec));
    if (terms.socket.empty() || !period) return terms;
    const auto pid = base::parse_number(or_empty(watchdog_pid));
    if (watchdog_pid != nullptr && pid != static_cast<std::uint64_t>(own_pid)) return terms;
    constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<base::Duration::rep>::max());
    if (*period <= longest)
        terms.watchdog_pause = base::Duration(static_cast<base::Duration::rep>(*period / signs_per_watchdog));
    return terms;
}

ManagerTerms take_manager_terms() {
    ManagerTerms terms = read_manager_terms(std::getenv("NOTIFY_SOCKET"), std::getenv("WATCHDOG_USEC"),
                                            std::getenv("WATCHDOG_PID"), getpid());
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
        unsetenv(name);
    return terms;
}

std::string_view line_of(Notice notice) {
    switch (notice) {
        case Notice::status:
            break;
        case Notice::ready:
            return "READY=1\n";
        case Notice::stopping:
            return "STOPPING=1\n";
    }
    return {};
}

std::string notification(std::string_view lines, std::string_view status) {
    return std::string(lines)
        .append("STATUS=")
        .append(base::printable(status, status_bytes_max))
        .append("\n");
}

std::string describe(const Standing& standing) {
    std::string text = standing.trouble.empty() ? "taking mail" : "NOT READY: " + standing.trouble;
    if (standing.counts) {
        text += "; " + counted(standing.counts->messages, "message") + " queued";
        if (standing.counts->held > 0)
            text += "; " + counted(standing.counts->held, "recipient") +
                    " held for you (see mailramp queue list --state held)";
    }
    if (!standing.paused.empty()) text += "; paused: " + names_of(standing.paused) + " (see mailramp status)";
    return text;
}

ServiceManager::ServiceManager(const ManagerTerms& terms, base::Logger logger) : logger_(std::move(logger)) {
    if (terms.socket.empty()) return;
    auto opened = io::NotifySocket::open(terms.socket);
    if (!opened) {
        logger_.warning(base::events::notify_failed,
                        "NOTIFY_SOCKET: " + opened.error().message + "; nobody is told how it goes");
        return;
    }
    socket_ = *std::move(opened);
    watchdog_pause_ = terms.watchdog_pause;
}

void ServiceManager::tell(Notice notice, std::string_view status) {
    if (!socket_) return;
    const std::string_view line = line_of(notice);
    if (!unheard_.ends_with(line)) unheard_ += line;
    std::string datagram = notification(unheard_, status);
    if (datagram == last_ || !send(datagram)) return;
    unheard_.clear();
    last_ = std::move(datagram);
}

io::Task<> ServiceManager::feed_watchdog() {
    while (socket_ && watchdog_pause_ > base::Duration::zero()) {
        std::ignore = send("WATCHDOG=1\n");
        co_await io::sleep_for(watchdog_pause_);
    }
}

// Mail goes on without a manager. It may be too busy to listen: our socket does not wait for it.
bool ServiceManager::send(std::string_view datagram) {
    const auto sent = socket_->send(datagram);
    if (!sent && !failing_)
        logger_.warning(base::events::notify_failed, sent.error().message + "; mail goes on");
    failing_ = !sent.has_value();
    return !failing_;
}

}  // namespace mailramp::app
