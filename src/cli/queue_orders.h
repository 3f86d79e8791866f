// cli/queue_orders.h: the commands that change what waits: retry, hold, release, delete. They know neither
// sockets nor the command line.
#pragma once

#include <string>

#include "cli/commands.h"
#include "cli/mail_filter.h"

namespace mailramp::cli {

enum class OrderVerb { retry, hold, release, remove };
enum class Consent { ask, given };

// Which mail is meant: one message, or all that match.
struct Which {
    std::string id = {};
    bool all = false;  // said so: an empty filter alone is no order
    MailFilter filter = {};
};

// ExitStatus::usage: neither or too much of it was said.
[[nodiscard]] ExitStatus queue_order(const Daemon& daemon, const Console& console, OrderVerb verb,
                                     const Which& which, Consent consent = Consent::ask);

// Why the words do not say clearly what is meant; nothing: they do.
[[nodiscard]] std::optional<Failure> unclear(const std::string& command, const Which& which);

}  // namespace mailramp::cli
