#include "cli/history_commands.h"

#include <algorithm>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/history_text.h"
#include "cli/reading.h"
#include "cli/words.h"
#include "mailramp/queue/queue_id.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::uint64_t page_recipients = 100;
constexpr std::size_t traced_messages_max = 10;  // with one Message-ID

std::string history_query(const HistoryOptions& options, const View& view) {
    std::string query = options.filter.query(view);
    if (!options.id.empty()) add_field(query, "id", options.id);
    if (options.since) add_field(query, "ended_after", unix_seconds(*options.since));
    if (options.until) add_field(query, "ended_before", unix_seconds(*options.until));
    return query;
}

// Adds the ids of the objects in a list, each once.
void collect(const json::object& page, std::string_view list, std::vector<std::string>& ids) {
    for (const json::value& entry : array_at(page, list)) {
        if (!entry.is_object()) continue;
        const std::string id = text_at(entry.get_object(), "id");
        if (queue::QueueId::parse(id) && std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
    }
}

// Of what waits and of what has ended.
std::expected<std::vector<std::string>, Failure> ids_of(const Daemon& daemon, const std::string& message_id) {
    std::vector<std::string> ids;
    std::string wanted;
    add_field(wanted, "message_id", message_id);
    std::string after;
    do {
        std::string query = wanted;
        if (!after.empty()) add_field(query, "after", after);
        const Reply page = daemon("GET", with_query("/v1/messages", query));
        if (!page) return std::unexpected(page.error());
        collect(*page, "messages", ids);
        const std::string next = text_at(*page, "next");
        after = next == after ? std::string() : next;
    } while (!after.empty() && ids.size() < traced_messages_max);
    std::uint64_t before = 0;
    do {
        std::string query = wanted;
        if (before != 0) add_field(query, "before", std::to_string(before));
        const Reply page = daemon("GET", with_query("/v1/history", query));
        if (!page) return std::unexpected(page.error());
        collect(*page, "recipients", ids);
        const std::uint64_t next = number_at(*page, "next");
        before = next == before ? 0 : next;
    } while (before != 0 && ids.size() < traced_messages_max);
    if (ids.empty())
        return std::unexpected(Failure{
            ExitStatus::data,
            "no message with the Message-ID " + in_quotes(message_id) + " is in the queue or its history"});
    ids.resize(std::min(ids.size(), traced_messages_max));
    return ids;
}

}  // namespace

ExitStatus history(const Daemon& daemon, const Console& console, const HistoryOptions& options) {
    if (!options.id.empty())
        if (const auto bad = bad_id(options.id)) return complain(console, *bad);
    const std::string wanted = history_query(options, console.view);
    std::uint64_t shown = 0;
    std::uint64_t before = 0;
    for (;;) {
        const std::uint64_t limit = options.recipients_max == 0
                                        ? page_recipients
                                        : std::min(page_recipients, options.recipients_max - shown);
        std::string query = "limit=" + std::to_string(limit);
        if (!wanted.empty()) query += "&" + wanted;
        if (before != 0) add_field(query, "before", std::to_string(before));
        const Reply page = daemon("GET", with_query("/v1/history", query));
        if (!page) return complain(console, page.error());
        for (const json::value& entry : array_at(*page, "recipients")) {
            if (!entry.is_object()) continue;
            const json::object& recipient = entry.get_object();
            console.out << (console.format == Format::json ? json::serialize(recipient) + "\n"
                                                           : history_entry(recipient, console.view));
            ++shown;
        }
        const std::uint64_t next = number_at(*page, "next");
        const bool enough = options.recipients_max != 0 && shown >= options.recipients_max;
        // A page that leads to itself would never end.
        if (next == 0 || next == before || enough || !console.out) {
            if (console.format == Format::text && shown == 0)
                console.out << "Nothing in the history matches.\n";
            if (console.format == Format::text && enough && next != 0)
                console.err << "There are more; --limit 0 shows all of them.\n";
            return finished(console, ExitStatus::done);
        }
        before = next;
    }
}

ExitStatus trace(const Daemon& daemon, const Console& console, const std::string& name) {
    std::vector<std::string> ids{name};
    if (!queue::QueueId::parse(name)) {
        if (name.find('@') == std::string::npos) return complain(console, *bad_id(name));
        auto found = ids_of(daemon, name);
        if (!found) return complain(console, found.error());
        ids = std::move(*found);
    }
    bool first = true;
    for (const std::string& id : ids) {
        const Reply trace = daemon("GET", message_target(id) + "/trace");
        if (!trace) return complain(console, trace.error());
        if (console.format == Format::json) {
            console.out << json::serialize(*trace) << '\n';
        } else {
            console.out << (first ? "" : "\n") << trace_text(*trace, console.view);
        }
        first = false;
    }
    return finished(console, ExitStatus::done);
}

}  // namespace mailramp::cli
