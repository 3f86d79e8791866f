// app/service_manager.h: what the service manager is told: ready, how it stands, still alive, stopping.
//
// The protocol of sd_notify(3) and sd_watchdog_enabled(3). The watchdog is fed by the event loop alone: a
// loop that hangs is a bug that only a new process mends, while a disk that hangs would hang the new one too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/io/async.h"
#include "mailramp/io/notify_socket.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::app {

// What the manager wants to hear.
struct ManagerTerms {
    std::string socket;               // $NOTIFY_SOCKET; empty: nothing
    base::Duration watchdog_pause{};  // between two signs of life; zero: none are expected
};

// Of the variables' values, null where one is not set. A watchdog meant for another process is ignored. Pure.
[[nodiscard]] ManagerTerms read_manager_terms(const char* socket, const char* watchdog_usec,
                                              const char* watchdog_pid, pid_t own_pid);

// Of this process's environment; the variables are removed, so that no child speaks for us. To be called
// before other threads start.
[[nodiscard]] ManagerTerms take_manager_terms();

enum class Notice {
    status,    // only how it stands
    ready,     // queue and configuration are good, clients are served
    stopping,  // a signal asked for the end
};

// "READY=1\n"; empty for a status alone. Pure.
[[nodiscard]] std::string_view line_of(Notice notice);

// One datagram: these lines, and the status made printable and cut to one line in the manager's display.
// Pure.
[[nodiscard]] std::string notification(std::string_view lines, std::string_view status);

// How a running daemon stands.
struct Standing {
    std::string trouble;                       // why mail is not accepted; empty: it is
    std::optional<queue::QueueCounts> counts;  // nothing: not known yet
    std::vector<std::string> paused;           // names of mailboxes
};

// "taking mail; 12 messages queued; paused: alerts (see mailramp status)". Pure.
[[nodiscard]] std::string describe(const Standing& standing);

// Lives on the event loop. Without a manager it does nothing.
class ServiceManager {
  public:
    ServiceManager(const ManagerTerms& terms, base::Logger logger);

    // Says so unless exactly this was said last. What the manager could not take goes along with the next
    // call, so that it learns of READY=1 however busy it was; whoever tells has to come back with the status.
    void tell(Notice notice, std::string_view status);
    // Ends at once where no watchdog is, else never: it lives as long as the loop.
    io::Task<> feed_watchdog();

  private:
    [[nodiscard]] bool send(std::string_view datagram);

    base::Duration watchdog_pause_{};
    base::Logger logger_;
    std::optional<io::NotifySocket> socket_;
    std::string last_;     // what it has heard
    std::string unheard_;  // lines that it has not; each Notice once at most
    bool failing_ = false;
};

}  // namespace mailramp::app
