#include "mailramp/cli/command_line.h"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/config_commands.h"
#include "cli/terminal.h"
#include "mailramp/admin/options.h"
#include "mailramp/app/serve.h"
#include "mailramp/base/version.h"

namespace mailramp::cli {
namespace {

// Everything that the command line can say.
struct Arguments {
    std::string config_file = app::ServeOptions{}.config_file.string();
    bool config_given = false;
    std::string socket;
    bool json = false;
    std::string id;
    bool all = false;
    bool yes = false;
    std::string mailbox;
    QueueListFilter filter;
};

using Command = std::function<ExitStatus(const Arguments&)>;

constexpr const char* footer =
    "Exit status: 0 done, 64 wrong command line, 65 no such thing, 69 the daemon does not answer, 70 a bug,\n"
    "73 cannot create, 74 disk or output failed, 75 try again later, 77 no permission, 78 wrong "
    "configuration.";

Console console_for(const Arguments& arguments) {
    return Console{std::cout, std::cerr, view_of_terminal(), arguments.json ? Format::json : Format::text,
                   ask_on_terminal};
}

// --socket, then the file of --config, then the environment, then the usual place.
std::expected<std::filesystem::path, Failure> find_socket(const Arguments& arguments) {
    if (!arguments.socket.empty()) return std::filesystem::path(arguments.socket);
    if (arguments.config_given) return socket_of(arguments.config_file);
    const char* named = std::getenv("MAILRAMP_SOCKET");
    if (named != nullptr && *named != '\0') return std::filesystem::path(named);
    return admin::AdminOptions{}.socket;
}

// Runs `ask` with a daemon to talk to.
ExitStatus with_daemon(const Arguments& arguments,
                       const std::function<ExitStatus(const Daemon&, const Console&)>& ask) {
    const Console console = console_for(arguments);
    const auto socket = find_socket(arguments);
    if (!socket) return complain(console, socket.error());
    const Daemon daemon = [&socket](const std::string& method, const std::string& target) {
        return ask_daemon(*socket, method, target);
    };
    return ask(daemon, console);
}

// The commands that only ask have these three options.
void add_asking_options(CLI::App& command, Arguments& arguments) {
    command.add_option("--socket", arguments.socket, "Admin socket of the daemon (or $MAILRAMP_SOCKET)")
        ->type_name("PATH");
    command
        .add_option_function<std::string>(
            "--config",
            [&arguments](const std::string& file) {
                arguments.config_file = file;
                arguments.config_given = true;
            },
            "Take the admin socket from this configuration")
        ->type_name("FILE");
    command.add_flag("--json", arguments.json, "Answer as JSON (docs/admin-api.md)");
}

CLI::App& add_command(CLI::App& parent, const char* name, const char* description, Command& chosen,
                      Command command) {
    CLI::App* added = parent.add_subcommand(name, description);
    added->callback([&chosen, command = std::move(command)] { chosen = command; });
    return *added;
}

void add_daemon_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& serve =
        add_command(root, "serve", "Run the relay until SIGTERM", chosen, [](const Arguments& given) {
            return static_cast<ExitStatus>(app::serve(app::ServeOptions{given.config_file}));
        });
    serve.add_option("--config", arguments.config_file, "Configuration")
        ->type_name("FILE")
        ->capture_default_str();

    CLI::App& config = *root.add_subcommand("config", "Look at a configuration file");
    config.require_subcommand(1);
    CLI::App& check = add_command(
        config, "check", "Say what is wrong with a configuration, or that it is good", chosen,
        [](const Arguments& given) { return config_check(console_for(given), given.config_file); });
    check.add_option("file", arguments.config_file, "Configuration")
        ->type_name("FILE")
        ->capture_default_str();
    check.add_flag("--json", arguments.json, "Answer as JSON");
    add_command(config, "keys", "Print the manual of all keys", chosen,
                [](const Arguments& given) { return config_keys(console_for(given)); });

    CLI::App& status =
        add_command(root, "status", "Say how the daemon, its queue, mailboxes and tokens are", chosen,
                    [](const Arguments& given) { return with_daemon(given, show_status); });
    add_asking_options(status, arguments);

    add_command(root, "version", "Print the version", chosen, [](const Arguments&) {
        std::cout << "mailramp " << base::version() << '\n' << std::flush;
        return std::cout ? ExitStatus::done : ExitStatus::io_error;
    });
}

ExitStatus retry(const Daemon& daemon, const Console& console, const Arguments& arguments) {
    if (arguments.all == !arguments.id.empty()) {
        return complain(console, {ExitStatus::usage, "queue retry wants one queue id, or --all"});
    }
    return arguments.all ? queue_retry_all(daemon, console) : queue_retry(daemon, console, arguments.id);
}

void add_queue_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& queue = *root.add_subcommand("queue", "Look at the mail that waits, send it now, or delete it");
    queue.require_subcommand(1);

    CLI::App& list = add_command(queue, "list", "List the messages", chosen, [](const Arguments& given) {
        return with_daemon(given, [&given](const Daemon& daemon, const Console& console) {
            return queue_list(daemon, console, given.filter);
        });
    });
    list.add_option("--state", arguments.filter.state, "Only with a recipient in this state")
        ->type_name("STATE")
        ->check(CLI::IsMember({"queued", "sending", "held", "uncertain"}));
    list.add_option("--mailbox", arguments.filter.mailbox, "Only through this mailbox")->type_name("NAME");
    list.add_option("--limit", arguments.filter.messages_max, "At most so many messages; 0: all of them")
        ->type_name("NUMBER")
        ->check(CLI::NonNegativeNumber);
    add_asking_options(list, arguments);

    CLI::App& show =
        add_command(queue, "show", "Tell all about one message", chosen, [](const Arguments& given) {
            return with_daemon(given, [&given](const Daemon& daemon, const Console& console) {
                return queue_show(daemon, console, given.id);
            });
        });
    show.add_option("id", arguments.id, "Queue id")->required()->type_name("ID");
    add_asking_options(show, arguments);

    CLI::App& again = add_command(
        queue, "retry", "Try a message again now, a held one too", chosen, [](const Arguments& given) {
            return with_daemon(given, [&given](const Daemon& daemon, const Console& console) {
                return retry(daemon, console, given);
            });
        });
    again.add_option("id", arguments.id, "Queue id")->type_name("ID");
    again.add_flag("--all", arguments.all, "All messages");
    add_asking_options(again, arguments);

    CLI::App& remove =
        add_command(queue, "delete", "Delete a message unsent", chosen, [](const Arguments& given) {
            return with_daemon(given, [&given](const Daemon& daemon, const Console& console) {
                return queue_delete(daemon, console, given.id, given.yes ? Consent::given : Consent::ask);
            });
        });
    remove.add_option("id", arguments.id, "Queue id")->required()->type_name("ID");
    remove.add_flag("--yes", arguments.yes, "Do not ask");
    add_asking_options(remove, arguments);
}

void add_mailbox_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& mailbox =
        *root.add_subcommand("mailbox", "Look at the mailboxes that submit, or resume a paused one");
    mailbox.require_subcommand(1);
    CLI::App& list = add_command(mailbox, "list", "Say how each mailbox is", chosen,
                                 [](const Arguments& given) { return with_daemon(given, mailbox_list); });
    add_asking_options(list, arguments);
    CLI::App& resume =
        add_command(mailbox, "resume", "Try a paused mailbox again now", chosen, [](const Arguments& given) {
            return with_daemon(given, [&given](const Daemon& daemon, const Console& console) {
                return mailbox_resume(daemon, console, given.mailbox);
            });
        });
    resume.add_option("name", arguments.mailbox, "Name of the mailbox in the configuration")
        ->required()
        ->type_name("NAME");
    add_asking_options(resume, arguments);
}

ExitStatus run_checked(int argc, char** argv) {
    Arguments arguments;
    Command chosen;
    CLI::App root(
        "mailramp: takes plain SMTP from local programs, keeps it safe, and submits it with OAuth 2.0.",
        "mailramp");
    root.set_version_flag("--version", "mailramp " + std::string(base::version()));
    root.require_subcommand(1);
    root.footer(footer);
    add_daemon_commands(root, arguments, chosen);
    add_queue_commands(root, arguments, chosen);
    add_mailbox_commands(root, arguments, chosen);
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // Help and version are "errors" with status 0.
        return root.exit(error, std::cout, std::cerr) == 0 ? ExitStatus::done : ExitStatus::usage;
    }
    return chosen(arguments);
}

}  // namespace

int run(int argc, char** argv) {
    try {
        return static_cast<int>(run_checked(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << "mailramp: an error that nobody expected: " << error.what() << '\n';
        return static_cast<int>(ExitStatus::software);
    }
}

}  // namespace mailramp::cli
