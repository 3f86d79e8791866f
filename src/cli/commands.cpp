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

std::string list_target(const std::string& filter, std::uint64_t limit, const std::string& after) {
    std::string query = "limit=" + std::to_string(limit);
    if (!filter.empty()) query += "&" + filter;
    if (!after.empty()) add_field(query, "after", after);
    return with_query("/v1/messages", query);
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
void print_sum(const Console& console, const MailFilter& filter, const Shown& shown, bool more) {
    if (console.format == Format::json) return;
    if (shown.messages == 0) {
        console.out << (!filter.all() ? "No message in the queue matches.\n" : "The queue is empty.\n");
        return;
    }
    console.out << counted(shown.messages, "message") << ", " << size_text(shown.bytes) << ".\n";
    if (more) console.err << "There are more; --limit 0 shows all of them.\n";
}

}  // namespace

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

ExitStatus complain(const Console& console, const Failure& failure) {
    console.err << painted("mailramp: ", Tone::bad, console.view.colour) << failure.message << '\n';
    return failure.status;
}

ExitStatus finished(const Console& console, ExitStatus status) {
    console.out.flush();
    if (console.out) return status;
    return complain(console, {ExitStatus::io_error, "the output could not be written"});
}

ExitStatus queue_list(const Daemon& daemon, const Console& console, const MailFilter& filter,
                      std::uint64_t messages_max) {
    Shown shown;
    std::string after;
    const std::string query = filter.query(console.view);
    for (;;) {
        const std::uint64_t limit =
            messages_max == 0 ? page_messages : std::min(page_messages, messages_max - shown.messages);
        const Reply page = daemon("GET", list_target(query, limit, after));
        if (!page) return complain(console, page.error());
        print_page(console, *page, shown);
        const std::string next = text_at(*page, "next");
        const bool enough = messages_max != 0 && shown.messages >= messages_max;
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

ExitStatus mailbox_list(const Daemon& daemon, const Console& console) {
    const Reply status = daemon("GET", "/v1/status");
    if (!status) return complain(console, status.error());
    if (console.format == Format::json) {
        const json::object mailboxes{{"mailboxes", array_at(*status, "mailboxes")}};
        return print(console, mailboxes, {});
    }
    return print(console, *status, mailboxes_text(*status, console.view));
}

ExitStatus mailbox_pause(const Daemon& daemon, const Console& console, const std::string& name,
                         const std::string& reason) {
    std::string query;
    if (!reason.empty()) add_field(query, "reason", reason);
    const std::string path = "/v1/mailboxes/" + base::percent_encode(name) + "/pause";
    const Reply reply = daemon("POST", with_query(path, query));
    if (!reply) return complain(console, reply.error());
    const std::string shown = text_at(*reply, "mailbox");
    return print(console, *reply,
                 "Mailbox " + shown +
                     " is paused. Its mail is kept and does not grow old, until: mailramp mailbox resume " +
                     base::shell_word(shown) + "\n");
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
