#include "cli/commands.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/queue_text.h"
#include "cli/reading.h"
#include "cli/status_text.h"
#include "cli/words.h"
#include "mailramp/base/percent.h"
#include "mailramp/base/text.h"
#include "mailramp/queue/queue_id.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::uint64_t page_messages = 100;

ExitStatus print(const Console& console, const json::object& object, const std::string& text) {
    if (console.format == Format::json) {
        console.out << json::serialize(object) << '\n';
    } else {
        console.out << text;
    }
    return finished(console, ExitStatus::done);
}

std::optional<Failure> bad_id(const std::string& id) {
    if (queue::QueueId::parse(id)) return {};
    return Failure{ExitStatus::data,
                   in_quotes(id) +
                       " is not a queue id. They have 11 characters, as in the reply \"queued as "
                       "...\" and in: mailramp queue list"};
}

std::string message_target(const std::string& id) {
    return "/v1/messages/" + base::percent_encode(id);
}

std::string list_target(const QueueListFilter& filter, std::uint64_t limit, const std::string& after) {
    std::string target = "/v1/messages?limit=" + std::to_string(limit);
    // What the API calls claimed is being sent, to anybody else.
    const std::string state = filter.state == "sending" ? "claimed" : filter.state;
    if (!state.empty()) target += "&state=" + base::percent_encode(state);
    if (!filter.mailbox.empty()) target += "&mailbox=" + base::percent_encode(filter.mailbox);
    if (!after.empty()) target += "&after=" + base::percent_encode(after);
    return target;
}

// What a list has shown so far.
struct Shown {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
};

void print_page(const Console& console, const json::object& page, Shown& shown) {
    for (const json::value& entry : array_at(page, "messages")) {
        if (!entry.is_object()) continue;
        const json::object& message = entry.get_object();
        if (console.format == Format::json) {
            console.out << json::serialize(message) << '\n';
        } else {
            if (shown.messages == 0) console.out << list_heading(console.view);
            console.out << list_entry(message, console.view);
        }
        ++shown.messages;
        shown.bytes += number_at(message, "size_bytes");
    }
}

// Under a list in text, what it comes to.
void print_sum(const Console& console, const QueueListFilter& filter, const Shown& shown, bool more) {
    if (console.format == Format::json) return;
    const bool filtered = !filter.state.empty() || !filter.mailbox.empty();
    if (shown.messages == 0) {
        console.out << (filtered ? "No message in the queue matches.\n" : "The queue is empty.\n");
        return;
    }
    console.out << counted(shown.messages, "message") << ", " << size_text(shown.bytes) << ".\n";
    if (more) console.err << "There are more; --limit 0 shows all of them.\n";
}

std::string paused_text(const json::object& reply) {
    std::string out;
    for (const json::value& name : array_at(reply, "paused_mailboxes")) {
        if (!name.is_string()) continue;
        const std::string shown = base::printable(std::string(name.get_string()), shown_word_bytes_max);
        out += "Mailbox " + shown +
               " is paused, and what goes through it still waits. mailramp status says why; " +
               "mailramp mailbox resume " + shown + " tries it now.\n";
    }
    return out;
}

std::string retry_text(const json::object& reply, const std::string& none) {
    const std::uint64_t recipients = number_at(reply, "recipients");
    if (recipients == 0) return none;
    return counted(recipients, "recipient") + (recipients == 1 ? " is" : " are") + " due now.\n" +
           paused_text(reply);
}

// Nothing: go on. What the human is asked names the message, since ids look alike.
std::optional<ExitStatus> ask_to_delete(const Daemon& daemon, const Console& console, const std::string& id) {
    const Reply message = daemon("GET", message_target(id));
    if (!message) return complain(console, message.error());
    const std::string sender = text_at(*message, "sender");
    const std::string question =
        "Delete message " + text_at(*message, "id") + " from " + (sender.empty() ? "<>" : sender) + " to " +
        counted(number_at(*message, "recipients_total"), "recipient") + " (" +
        size_text(number_at(*message, "size_bytes")) + ")? It will not be sent. [y/N] ";
    const std::optional<bool> consent = console.ask(question);
    if (!consent) {
        return complain(
            console, {ExitStatus::usage, "nobody is there to be asked; to delete without asking, add --yes"});
    }
    if (*consent) return {};
    console.err << "Nothing was deleted.\n";
    return ExitStatus::done;
}

}  // namespace

ExitStatus complain(const Console& console, const Failure& failure) {
    console.err << painted("mailramp: ", Tone::bad, console.view.colour) << failure.message << '\n';
    return failure.status;
}

ExitStatus finished(const Console& console, ExitStatus status) {
    console.out.flush();
    if (console.out) return status;
    return complain(console, {ExitStatus::io_error, "the output could not be written"});
}

ExitStatus queue_list(const Daemon& daemon, const Console& console, const QueueListFilter& filter) {
    Shown shown;
    std::string after;
    for (;;) {
        const std::uint64_t limit = filter.messages_max == 0
                                        ? page_messages
                                        : std::min(page_messages, filter.messages_max - shown.messages);
        const Reply page = daemon("GET", list_target(filter, limit, after));
        if (!page) return complain(console, page.error());
        print_page(console, *page, shown);
        const std::string next = text_at(*page, "next");
        const bool enough = filter.messages_max != 0 && shown.messages >= filter.messages_max;
        // A page that leads to itself would never end.
        if (next.empty() || enough || next == after || !console.out) {
            print_sum(console, filter, shown, enough && !next.empty());
            return finished(console, ExitStatus::done);
        }
        after = next;
    }
}

ExitStatus queue_show(const Daemon& daemon, const Console& console, const std::string& id) {
    if (const auto bad = bad_id(id)) return complain(console, *bad);
    const Reply message = daemon("GET", message_target(id));
    if (!message) return complain(console, message.error());
    return print(console, *message, message_text(*message, console.view));
}

ExitStatus queue_retry(const Daemon& daemon, const Console& console, const std::string& id) {
    if (const auto bad = bad_id(id)) return complain(console, *bad);
    const Reply reply = daemon("POST", message_target(id) + "/retry");
    if (!reply) return complain(console, reply.error());
    return print(console, *reply, retry_text(*reply, "It is being sent at this moment.\n"));
}

ExitStatus queue_retry_all(const Daemon& daemon, const Console& console) {
    const Reply reply = daemon("POST", "/v1/messages/retry");
    if (!reply) return complain(console, reply.error());
    return print(console, *reply, retry_text(*reply, "Nothing waits in the queue.\n"));
}

ExitStatus queue_delete(const Daemon& daemon, const Console& console, const std::string& id,
                        Consent consent) {
    if (const auto bad = bad_id(id)) return complain(console, *bad);
    if (consent == Consent::ask) {
        if (const auto end = ask_to_delete(daemon, console, id)) return *end;
    }
    const Reply reply = daemon("DELETE", message_target(id));
    if (!reply) return complain(console, reply.error());
    return print(console, *reply,
                 "Message " + text_at(*reply, "id") + " was deleted; " +
                     counted(number_at(*reply, "recipients"), "recipient") + " will not get it.\n");
}

ExitStatus mailbox_list(const Daemon& daemon, const Console& console) {
    const Reply status = daemon("GET", "/v1/status");
    if (!status) return complain(console, status.error());
    if (console.format == Format::json) {
        const json::object mailboxes{{"mailboxes", array_at(*status, "mailboxes")}};
        return print(console, mailboxes, {});
    }
    return print(console, *status, mailboxes_text(*status, console.view));
}

ExitStatus mailbox_resume(const Daemon& daemon, const Console& console, const std::string& name) {
    const Reply reply = daemon("POST", "/v1/mailboxes/" + base::percent_encode(name) + "/resume");
    if (!reply) return complain(console, reply.error());
    return print(console, *reply,
                 "Mailbox " + text_at(*reply, "mailbox") +
                     " is tried again now. If the cause is still there, it will be paused again.\n");
}

ExitStatus alert_test(const Daemon& daemon, const Console& console) {
    const Reply reply = daemon("POST", "/v1/alerts/test");
    if (!reply) return complain(console, reply.error());
    std::string text;
    bool all_taken = true;
    for (const json::value& entry : array_at(*reply, "targets")) {
        if (!entry.is_object()) continue;
        const json::object& target = entry.get_object();
        const bool taken = flag_at(target, "taken");
        all_taken = all_taken && taken;
        text += painted(taken ? "✓ " : "✗ ", taken ? Tone::good : Tone::bad, console.view.colour) +
                text_at(target, "target") + (taken ? " took it: " : " did not take it: ") +
                text_at(target, "words") + "\n";
    }
    const ExitStatus printed = print(console, *reply, text);
    return all_taken || printed != ExitStatus::done ? printed : ExitStatus::unavailable;
}

ExitStatus show_status(const Daemon& daemon, const Console& console) {
    const Reply status = daemon("GET", "/v1/status");
    if (!status) return complain(console, status.error());
    return print(console, *status, status_text(*status, console.view));
}

ExitStatus healthcheck(const Daemon& daemon, const Console& console) {
    const Reply health = daemon("GET", "/healthz");
    // What helps a human who typed the command stands in further lines.
    const std::string reason =
        health ? "" : health.error().message.substr(0, health.error().message.find('\n'));
    const ExitStatus printed =
        print(console, json::object{{"healthy", health.has_value()}, {"reason", reason}},
              health ? "healthy: mail is taken\n" : "unhealthy: " + reason + "\n");
    return health && printed == ExitStatus::done ? ExitStatus::done : ExitStatus::unhealthy;
}

}  // namespace mailramp::cli
