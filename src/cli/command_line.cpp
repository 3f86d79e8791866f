#include "mailramp/cli/command_line.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "cli/admin_client.h"
#include "cli/check_command.h"
#include "cli/commands.h"
#include "cli/config_commands.h"
#include "cli/content.h"
#include "cli/history_commands.h"
#include "cli/queue_orders.h"
#include "cli/recover_command.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "mailramp/admin/options.h"
#include "mailramp/app/serve.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/text.h"
#include "mailramp/base/version.h"
#include "mailramp/config/load.h"
#include "mailramp/config/suggest.h"

namespace mailramp::cli {
namespace {

// Everything that the command line can say.
struct Arguments {
    std::string config_file = app::ServeOptions{}.config_file.string();
    bool config_given = false;
    std::string socket;
    bool file_only = false;
    bool json = false;
    std::string id;
    bool all = false;
    bool yes = false;
    std::string mailbox;
    std::string send_to;
    std::string reason;
    std::string folder;
    std::string from;
    std::string since;
    std::string until;
    bool headers = false;
    bool hold = false;
    MailFilter filter;
    std::uint64_t limit = 0;  // 0: none
    std::uint64_t history_limit = HistoryOptions{}.recipients_max;
};

using Command = std::function<ExitStatus(const Arguments&)>;

constexpr const char* footer =
    "Exit status: 0 done, 1 unhealthy (healthcheck), 64 wrong command line, 65 no such thing, 69 the daemon\n"
    "does not answer, an address cannot be bound, a step of check failed or an alert was not taken,\n"
    "70 a bug, 71 the system refused, 73 queue folder or admin socket not usable, 74 disk or output failed,\n"
    "75 try again later, 77 no permission, 78 wrong configuration.";

constexpr std::uint64_t listed_messages_max = 1'000'000'000;

Console console_for(const Arguments& arguments) {
    return Console{std::cout, std::cerr, view_of_terminal(), arguments.json ? Format::json : Format::text,
                   ask_on_terminal};
}

// The file that was named, which must be there then, or the usual one; and the environment.
config::Source source_of(const Arguments& arguments, config::Environment environment) {
    const auto need = arguments.config_given ? config::FileNeed::required : config::FileNeed::optional;
    return {arguments.config_file, need, environment};
}

// --socket, then the file of --config, then the environment, then the usual place.
std::expected<std::filesystem::path, Failure> find_socket(const Arguments& arguments) {
    if (!arguments.socket.empty()) return std::filesystem::path(arguments.socket);
    const auto environment = config::process_environment();
    if (arguments.config_given) return socket_of(source_of(arguments, environment));
    // The second one is the daemon's own, where it is configured by its environment: in a container.
    for (const char* variable : {"MAILRAMP_SOCKET", "MAILRAMP_ADMIN__SOCKET"}) {
        const char* named = std::getenv(variable);
        if (named != nullptr && *named != '\0') return std::filesystem::path(named);
    }
    return admin::AdminOptions{}.socket;
}

// The answer comes from the event loop alone: one that takes longer serves nobody.
constexpr base::Duration health_timeout = std::chrono::seconds(5);

// Its daemon may be one that nobody can ask, which is an answer here.
ExitStatus check_health(const Arguments& arguments) {
    const auto socket = find_socket(arguments);
    const Daemon daemon = [&socket](const std::string& method, const std::string& target) -> Reply {
        if (!socket) return std::unexpected(socket.error());
        return ask_daemon(*socket, method, target, health_timeout);
    };
    return healthcheck(daemon, console_for(arguments));
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

// For an option or argument that names the configuration file.
std::function<void(const std::string&)> naming_a_file(Arguments& arguments) {
    return [&arguments](const std::string& file) {
        arguments.config_file = file;
        arguments.config_given = true;
    };
}

// Which daemon.
void add_daemon_options(CLI::App& command, Arguments& arguments) {
    command.add_option("--socket", arguments.socket, "Admin socket of the daemon (or $MAILRAMP_SOCKET)")
        ->type_name("PATH");
    command
        .add_option_function<std::string>("--config", naming_a_file(arguments),
                                          "Take the admin socket from this configuration")
        ->type_name("FILE");
}

// The commands that ask have these three options.
void add_asking_options(CLI::App& command, Arguments& arguments) {
    add_daemon_options(command, arguments);
    command.add_flag("--json", arguments.json, "Answer as JSON (docs/admin-api.md)");
}

CLI::App& add_command(CLI::App& parent, const char* name, const char* description, Command& chosen,
                      Command command) {
    CLI::App* added = parent.add_subcommand(name, description);
    added->callback([&chosen, command = std::move(command)] { chosen = command; });
    return *added;
}

void add_check_command(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& check = add_command(
        root, "check", "Try all that mail needs on its way out, and say what to do about what fails", chosen,
        [](const Arguments& given) {
            const auto environment = config::process_environment();
            check::Options options;
            options.source = source_of(given, environment);
            options.mailbox = given.mailbox;
            options.send_to = given.send_to;
            return check_command(console_for(given), options);
        });
    check.add_option_function<std::string>("--config", naming_a_file(arguments), "Configuration")
        ->type_name("FILE")
        ->default_str(arguments.config_file);
    check.add_option("--mailbox", arguments.mailbox, "Only this mailbox (its name or address)")
        ->type_name("NAME");
    check.add_option("--send-to", arguments.send_to, "Send a test message there, through each mailbox")
        ->type_name("ADDRESS");
    check.add_flag("--json", arguments.json, "Answer as JSON (docs/check.md)");
}

void add_daemon_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& serve =
        add_command(root, "serve", "Run the relay until SIGTERM", chosen, [](const Arguments& given) {
            const config::Source source = source_of(given, {});
            return static_cast<ExitStatus>(
                app::serve(app::ServeOptions{source.file, source.need, given.hold}));
        });
    serve.add_flag("--hold", arguments.hold,
                   "Hold all mail that is in the queue, as after a restore from a backup");
    serve.add_option_function<std::string>("--config", naming_a_file(arguments), "Configuration")
        ->type_name("FILE")
        ->default_str(arguments.config_file);

    CLI::App& config = *root.add_subcommand("config", "Look at a configuration file");
    config.require_subcommand(1);
    CLI::App& check = add_command(
        config, "check", "Say what is wrong with a configuration, or that it is good", chosen,
        [](const Arguments& given) {
            const auto environment = config::process_environment();
            return config_check(console_for(given), source_of(given, environment),
                                given.file_only ? config::References::ignore : config::References::check);
        });
    check.add_option_function<std::string>("file", naming_a_file(arguments), "Configuration")
        ->type_name("FILE")
        ->default_str(arguments.config_file);
    check.add_flag(
        "--file-only", arguments.file_only,
        "Do not look at the secrets, CA file and group that it names: for a file of another machine");
    check.add_flag("--json", arguments.json, "Answer as JSON");
    add_command(config, "keys", "Print the manual of all keys", chosen,
                [](const Arguments& given) { return config_keys(console_for(given)); });

    CLI::App& status =
        add_command(root, "status", "Say how the daemon, its queue, mailboxes and tokens are", chosen,
                    [](const Arguments& given) { return with_daemon(given, show_status); });
    add_asking_options(status, arguments);

    CLI::App& health = add_command(root, "healthcheck",
                                   "Say whether the daemon takes mail, by exit status 0 or 1: for containers",
                                   chosen, check_health);
    add_asking_options(health, arguments);

    add_command(root, "version", "Print the version", chosen, [](const Arguments& given) {
        std::cout << "mailramp " << base::version() << '\n';
        return finished(console_for(given), ExitStatus::done);
    });
}

using AskDaemon = std::function<ExitStatus(const Daemon&, const Console&, const Arguments&)>;

Command asking(AskDaemon ask) {
    return [ask = std::move(ask)](const Arguments& given) {
        return with_daemon(given, [&given, &ask](const Daemon& daemon, const Console& console) {
            return ask(daemon, console, given);
        });
    };
}

// Runs `ask` with a daemon whose content can be read.
using AskContent = std::function<ExitStatus(const Daemon&, const Content&, const Console&, const Arguments&)>;

Command reading(AskContent ask) {
    return [ask = std::move(ask)](const Arguments& given) {
        return with_daemon(given, [&given, &ask](const Daemon& daemon, const Console& console) {
            const auto socket = find_socket(given);
            if (!socket) return complain(console, socket.error());
            const Content content = [&socket](const std::string& target) {
                return fetch_content(*socket, target);
            };
            return ask(daemon, content, console, given);
        });
    };
}

enum class Whereabouts { queue, history };

// Which mail is meant, the same for every command.
void add_filter_options(CLI::App& command, Arguments& arguments, Whereabouts where) {
    MailFilter& filter = arguments.filter;
    const std::vector<std::string> states =
        where == Whereabouts::queue ? std::vector<std::string>{"queued", "sending", "held", "uncertain"}
                                    : std::vector<std::string>{"delivered", "failed", "deleted"};
    const auto is_age = [](const std::string& text) {
        if (parse_age(text)) return std::string();
        return in_quotes(text) + " is not an age such as 90s, 10min, 2h or 3d";
    };
    // An empty value, of a script's unset variable as a rule, must not mean everything.
    const auto is_there = [](const std::string& text) {
        return text.empty() ? std::string("it is empty") : std::string();
    };
    command.add_option("--state", filter.state, "Only recipients in this state")
        ->type_name("STATE")
        ->check(CLI::IsMember(states));
    command.add_option("--mailbox", filter.mailbox, "Only through this mailbox")
        ->type_name("NAME")
        ->check(is_there);
    command.add_option("--route", filter.route, "Only by this route")->type_name("NAME")->check(is_there);
    command.add_option("--sender", filter.sender, "Only from this address, @domain, or <> for bounces")
        ->type_name("ADDRESS")
        ->check(is_there);
    command.add_option("--recipient", filter.recipient, "Only to this address or @domain")
        ->type_name("ADDRESS")
        ->check(is_there);
    command.add_option("--message-id", filter.message_id, "Only with this Message-ID")
        ->type_name("ID")
        ->check(is_there);
    command
        .add_option("--older-than", filter.older_than,
                    "Only what was accepted longer ago: 90s, 10min, 2h, 3d")
        ->type_name("AGE")
        ->check(is_age);
    command
        .add_option("--newer-than", filter.newer_than,
                    "Only what was accepted since then: 90s, 10min, 2h, 3d")
        ->type_name("AGE")
        ->check(is_age);
}

void add_limit_option(CLI::App& command, std::uint64_t& limit, const char* description) {
    command.add_option("--limit", limit, description)
        ->type_name("NUMBER")
        ->check([](const std::string& text) {
            const auto number = base::parse_number(text);
            if (number && *number <= listed_messages_max) return std::string();
            return in_quotes(text) + " is not a number of 0 to " + std::to_string(listed_messages_max);
        });
}

// The options of commands that mean one message, or many.
void add_which_options(CLI::App& command, Arguments& arguments) {
    command.add_option("id", arguments.id, "Queue id")->type_name("ID");
    command.add_flag("--all", arguments.all, "All messages");
    add_filter_options(command, arguments, Whereabouts::queue);
}

Which which_of(const Arguments& arguments) {
    return {arguments.id, arguments.all, arguments.filter};
}

void add_order_commands(CLI::App& queue, Arguments& arguments, Command& chosen) {
    struct Described {
        const char* name;
        const char* description;
        OrderVerb verb;
    };
    for (const Described& order :
         {Described{"retry", "Try mail again now, held mail too", OrderVerb::retry},
          Described{"hold", "Let mail wait until it is released", OrderVerb::hold},
          Described{"release", "Send what hold lets wait", OrderVerb::release},
          Described{"delete", "Delete mail unsent, into the history", OrderVerb::remove}}) {
        CLI::App& command = add_command(
            queue, order.name, order.description, chosen,
            asking([verb = order.verb](const Daemon& daemon, const Console& console, const Arguments& given) {
                return queue_order(daemon, console, verb, which_of(given),
                                   given.yes ? Consent::given : Consent::ask);
            }));
        add_which_options(command, arguments);
        if (order.verb == OrderVerb::remove) command.add_flag("--yes", arguments.yes, "Do not ask");
        add_asking_options(command, arguments);
    }
}

void add_content_commands(CLI::App& queue, Arguments& arguments, Command& chosen) {
    CLI::App& cat = add_command(
        queue, "cat", "Print the content of a message as it is stored", chosen,
        reading([](const Daemon&, const Content& content, const Console& console, const Arguments& given) {
            return queue_cat(content, console, given.id,
                             given.headers ? ContentPart::header : ContentPart::whole);
        }));
    cat.add_option("id", arguments.id, "Queue id")->required()->type_name("ID");
    cat.add_flag("--headers", arguments.headers, "Only the header section");
    add_daemon_options(cat, arguments);

    CLI::App& copy =
        add_command(queue, "export", "Copy mail into a folder, each message with its envelope", chosen,
                    reading([](const Daemon& daemon, const Content& content, const Console& console,
                               const Arguments& given) {
                        return queue_export(daemon, content, console, which_of(given), given.folder);
                    }));
    add_which_options(copy, arguments);
    copy.add_option("--to", arguments.folder, "Folder; made if it is not there")
        ->required()
        ->type_name("FOLDER");
    add_asking_options(copy, arguments);
}

// Without a daemon: none can open what this is for.
void add_recover_command(CLI::App& queue, Arguments& arguments, Command& chosen) {
    CLI::App& recover = add_command(
        queue, "recover", "Save what can be read of a damaged queue, with no daemon running", chosen,
        [](const Arguments& given) { return queue_recover(console_for(given), given.from, given.folder); });
    recover.add_option("--from", arguments.from, "The queue's folder; nothing is written into it")
        ->required()
        ->type_name("FOLDER");
    recover.add_option("--to", arguments.folder, "Where mail and envelopes go; made if it is not there")
        ->required()
        ->type_name("FOLDER");
    recover.add_flag("--json", arguments.json, "Answer as JSON");
}

void add_queue_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& queue =
        *root.add_subcommand("queue", "Look at the mail that waits, send it now, hold or delete it");
    queue.require_subcommand(1);

    CLI::App& list =
        add_command(queue, "list", "List the messages", chosen,
                    asking([](const Daemon& daemon, const Console& console, const Arguments& given) {
                        return queue_list(daemon, console, given.filter, given.limit);
                    }));
    add_filter_options(list, arguments, Whereabouts::queue);
    add_limit_option(list, arguments.limit, "At most so many messages; 0: all of them");
    add_asking_options(list, arguments);

    CLI::App& show =
        add_command(queue, "show", "Tell all about one message", chosen,
                    asking([](const Daemon& daemon, const Console& console, const Arguments& given) {
                        return queue_show(daemon, console, given.id);
                    }));
    show.add_option("id", arguments.id, "Queue id")->required()->type_name("ID");
    add_asking_options(show, arguments);

    add_order_commands(queue, arguments, chosen);
    add_content_commands(queue, arguments, chosen);
    add_recover_command(queue, arguments, chosen);
}

// A time that was given must be one.
std::expected<std::optional<base::WallTime>, Failure> moment_of(const char* option, const std::string& text,
                                                                const View& view) {
    if (text.empty()) return std::nullopt;
    if (const auto moment = parse_moment(text, view)) return moment;
    return std::unexpected(Failure{
        ExitStatus::usage, std::string(option) + ": " + in_quotes(text) +
                               " is not a time such as 2h (ago), 2026-11-24 or \"2026-11-24 14:05\""});
}

ExitStatus ask_history(const Daemon& daemon, const Console& console, const Arguments& given) {
    HistoryOptions options;
    options.id = given.id;
    options.filter = given.filter;
    options.recipients_max = given.history_limit;
    const auto since = moment_of("--since", given.since, console.view);
    if (!since) return complain(console, since.error());
    const auto until = moment_of("--until", given.until, console.view);
    if (!until) return complain(console, until.error());
    options.since = *since;
    options.until = *until;
    return history(daemon, console, options);
}

void add_history_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& past = add_command(root, "history", "Tell what became of mail, the latest first", chosen,
                                 asking(ask_history));
    past.add_option("id", arguments.id, "Queue id; without one, all messages")->type_name("ID");
    add_filter_options(past, arguments, Whereabouts::history);
    past.add_option("--since", arguments.since,
                    "Only what ended since then: 2h (ago), 2026-11-24, \"2026-11-24 14:05\"")
        ->type_name("TIME");
    past.add_option("--until", arguments.until, "Only what ended before")->type_name("TIME");
    add_limit_option(past, arguments.history_limit, "At most so many recipients (50); 0: all of them");
    add_asking_options(past, arguments);

    CLI::App& story =
        add_command(root, "trace", "Tell the story of one message, from the client to the provider's reply",
                    chosen, asking([](const Daemon& daemon, const Console& console, const Arguments& given) {
                        return trace(daemon, console, given.id);
                    }));
    story.add_option("id", arguments.id, "Queue id, or Message-ID")->required()->type_name("ID");
    add_asking_options(story, arguments);
}

void add_mailbox_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& mailbox =
        *root.add_subcommand("mailbox", "Look at the mailboxes that submit, pause or resume one");
    mailbox.require_subcommand(1);
    CLI::App& list = add_command(mailbox, "list", "Say how each mailbox is", chosen,
                                 [](const Arguments& given) { return with_daemon(given, mailbox_list); });
    add_asking_options(list, arguments);
    CLI::App& pause =
        add_command(mailbox, "pause", "Let a mailbox stand still until it is resumed", chosen,
                    asking([](const Daemon& daemon, const Console& console, const Arguments& given) {
                        return mailbox_pause(daemon, console, given.mailbox, given.reason);
                    }));
    pause.add_option("name", arguments.mailbox, "Name of the mailbox in the configuration")
        ->required()
        ->type_name("NAME");
    pause.add_option("--reason", arguments.reason, "Told by status and alerts")->type_name("TEXT");
    add_asking_options(pause, arguments);
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

void add_alert_commands(CLI::App& root, Arguments& arguments, Command& chosen) {
    CLI::App& alert = *root.add_subcommand("alert", "Try who is told when mail does not go");
    alert.require_subcommand(1);
    CLI::App& test = add_command(alert, "test", "Send a test alert now, and say what became of it", chosen,
                                 [](const Arguments& given) { return with_daemon(given, alert_test); });
    add_asking_options(test, arguments);
}

std::string full_name(const CLI::App& command) {
    const CLI::App* const parent = command.get_parent();
    return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const std::string meant = config::suggest(word, known);
    return meant.empty() ? std::string() : "; did you mean " + meant + "?";
}

std::vector<std::string> commands_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(command->get_name());
    return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames())
            names.push_back("--" + name);
    return names;
}

// What is wrong with a command line that could not be read, and how far it could be.
struct WrongUsage {
    const CLI::App* command = nullptr;
    std::string what;
};

// Looks for the first word that nobody knows: CLI11 only says that some word was not expected.
WrongUsage find_wrong_word(const CLI::App& root, int argc, char** argv, const CLI::ParseError& error) {
    const CLI::App* command = &root;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const std::string name = word.substr(0, word.find('='));
        if (word.starts_with('-') && word.size() > 1) {
            const CLI::Option* option = command->get_option_no_throw(name);
            if (option == nullptr)
                return {command, full_name(*command) + " has no option " + in_quotes(name) +
                                     did_you_mean(name, options_of(*command))};
            if (option->get_items_expected_max() > 0 && name == word) ++i;  // its value
            continue;
        }
        const std::vector<std::string> commands = commands_of(*command);
        if (commands.empty()) continue;  // an argument of its own
        if (std::ranges::find(commands, word) == commands.end())
            return {command, full_name(*command) + " has no command " + in_quotes(word) +
                                 did_you_mean(word, commands)};
        command = command->get_subcommand_ptr(word).get();
    }
    if (const std::vector<std::string> commands = commands_of(*command); !commands.empty())
        return {command, full_name(*command) + " wants one of these commands: " + joined(commands)};
    return {command, base::printable(error.what(), shown_word_bytes_max)};
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
    add_check_command(root, arguments, chosen);
    add_queue_commands(root, arguments, chosen);
    add_history_commands(root, arguments, chosen);
    add_mailbox_commands(root, arguments, chosen);
    add_alert_commands(root, arguments, chosen);
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // Help and version are "errors" with status 0.
        if (error.get_exit_code() == 0) {
            root.exit(error, std::cout, std::cerr);
            return finished(console_for(arguments), ExitStatus::done);
        }
        const WrongUsage wrong = find_wrong_word(root, argc, argv, error);
        return complain(console_for(arguments),
                        {ExitStatus::usage, wrong.what + "\nSee: " + full_name(*wrong.command) + " --help"});
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
