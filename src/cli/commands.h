// cli/commands.h: the commands that ask the running daemon. They know neither sockets nor the command line.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include "cli/daemon.h"
#include "cli/exit_status.h"
#include "cli/mail_filter.h"
#include "cli/view.h"

namespace mailramp::cli {

enum class Format { text, json };

// Where a command speaks.
struct Console {
    std::ostream& out;  // results
    std::ostream& err;  // talk
    View view;
    Format format = Format::text;
    // Asks the human a question that wants yes or no; nothing when there is no human to ask.
    std::function<std::optional<bool>(const std::string& question)> ask;
};

// JSON: one message a line. `messages_max` 0: all.
[[nodiscard]] ExitStatus queue_list(const Daemon& daemon, const Console& console, const MailFilter& filter,
                                    std::uint64_t messages_max);
[[nodiscard]] ExitStatus queue_show(const Daemon& daemon, const Console& console, const std::string& id);
[[nodiscard]] ExitStatus mailbox_list(const Daemon& daemon, const Console& console);
[[nodiscard]] ExitStatus mailbox_pause(const Daemon& daemon, const Console& console, const std::string& name,
                                       const std::string& reason);
[[nodiscard]] ExitStatus mailbox_resume(const Daemon& daemon, const Console& console,
                                        const std::string& name);
// Hands a test alert to everybody who is told of trouble. ExitStatus::unavailable: one did not take it.
[[nodiscard]] ExitStatus alert_test(const Daemon& daemon, const Console& console);
[[nodiscard]] ExitStatus show_status(const Daemon& daemon, const Console& console);
// For container engines: one line, and ExitStatus::done while new mail is taken, else ExitStatus::unhealthy.
// Mailboxes, tokens and what waits are not asked for: no restart mends what is wrong in the cloud, and mail
// is safe in the queue meanwhile.
[[nodiscard]] ExitStatus healthcheck(const Daemon& daemon, const Console& console);

// The status, if all output could be written; what could not was not done, and a script must know (a full
// disk, a closed pipe).
[[nodiscard]] ExitStatus finished(const Console& console, ExitStatus status);

// Why this is no queue id; nothing: it may be one.
[[nodiscard]] std::optional<Failure> bad_id(const std::string& id);
[[nodiscard]] std::string message_target(const std::string& id);
// The object as JSON, or the text.
[[nodiscard]] ExitStatus print(const Console& console, const boost::json::object& object,
                               const std::string& text);

// "mailramp: …" to standard error.
ExitStatus complain(const Console& console, const Failure& failure);

}  // namespace mailramp::cli
