// app/listeners.h: the sockets that clients connect to: inherited from a service manager, or bound by us.
#pragma once

#include <string>
#include <vector>

#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/inbound/options.h"
#include "mailramp/io/async.h"
#include "mailramp/io/listener.h"

namespace mailramp::app {

struct OpenListener {
    io::Listener listener;
    inbound::ListenerOptions terms;  // as from inbound::terms_for()
};

// Sockets passed by the protocol of sd_listen_fds(3) ($LISTEN_PID, $LISTEN_FDS) are used instead of
// `options.listen`; the variables are removed, so that no child takes them for its own. An IPv6 address on a
// machine without IPv6 is a warning as long as another address works; every other failure is an error that
// names the address, the cause (with the program that has the port) and the remedy.
[[nodiscard]] base::Result<std::vector<OpenListener>> open_listeners(const inbound::Options& options,
                                                                     const io::Executor& executor,
                                                                     const base::Logger& logger);

// What `status` says of one: "127.0.0.1:25", "192.168.1.5:587 (STARTTLS, users)".
[[nodiscard]] std::string describe(const OpenListener& open);

}  // namespace mailramp::app
