#include "cli/history_text.h"

#include <cstdint>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "cli/queue_text.h"
#include "cli/reading.h"
#include "cli/words.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t detail_columns = 4;

std::string when_text(const json::object& object, std::string_view key, const View& view) {
    const auto time = time_at(object, key);
    return time ? clock_text(*time, view) : std::string("?");
}

std::string below(std::string_view text, const View& view) {
    if (text.empty()) return {};
    const std::string margin(detail_columns, ' ');
    return paragraph(margin, margin, text, view.columns);
}

std::string below(std::string_view label, const std::string& text, const View& view) {
    return text.empty() ? std::string() : below(std::string(label) + text, view);
}

// What Microsoft's support asks for, out of the receipt.
std::string receipt_text(const json::object& ended) {
    const std::string id = text_at(ended, "internal_id");
    const std::string host = text_at(ended, "hostname");
    std::string out;
    if (!id.empty()) out += "InternalId " + id;
    if (!host.empty()) out += (out.empty() ? "Hostname " : ", Hostname ") + host;
    return out;
}

std::string whom(const json::object& event) {
    const std::string address = text_at(event, "address");
    const std::uint64_t recipients = number_at(event, "recipients");
    if (address.empty()) return counted(recipients, "recipient");
    if (recipients <= 1) return address;
    return address + " and " + counted(recipients - 1, "more recipient");
}

std::string by_mailbox(const json::object& event) {
    const std::string mailbox = text_at(event, "mailbox");
    return mailbox.empty() ? "" : " by " + mailbox;
}

std::string became(const json::object& event, const View& view) {
    const std::string state = text_at(event, "state");
    const auto due = time_at(event, "due");
    std::string out = state == "uncertain" ? "perhaps sent: no reply came"
                      : state == "held"    ? "held"
                                           : "put off";
    if (due) out += ", next try " + clock_text(*due, view);
    return out;
}

std::string accepted_line(const json::object& event) {
    const std::string sender = text_at(event, "sender");
    return "accepted from " + text_at(event, "client") + " on " + text_at(event, "listener") + ": " +
           (sender.empty() ? "<> (a bounce)" : sender) + " to " +
           counted(number_at(event, "recipients"), "recipient") + ", " +
           size_text(number_at(event, "size_bytes"));
}

std::string ordered_line(const json::object& event) {
    const std::string scope = text_at(event, "scope");
    std::string out = text_at(event, "verb") + " ordered by " + text_at(event, "by");
    // It is not known of each message whether it was among them.
    if (!scope.empty())
        out += " for many (" + scope + "; " + counted(number_at(event, "recipients"), "recipient") + ")";
    return out;
}

std::string event_line(const json::object& event, const View& view) {
    const std::string kind = text_at(event, "kind");
    if (kind == "accepted") return accepted_line(event);
    if (kind == "ordered") return ordered_line(event);
    if (kind == "tried")
        return "tried" + by_mailbox(event) + " for " + whom(event) + ": " + became(event, view);
    if (kind == "interrupted")
        return "mailramp had stopped while sending to " + whom(event) + ": " + became(event, view);
    return kind + by_mailbox(event) + ": " + text_at(event, "address");
}

std::string event_text(const json::object& event, const View& view) {
    const std::string margin(detail_columns, ' ');
    std::string out =
        paragraph(when_text(event, "at", view) + "  ", margin, event_line(event, view), view.columns);
    const json::object& answer = object_at(event, "answer");
    out += below(text_at(answer, "channel") == "local" ? "Found: " : "Reply: ", answer_text(answer), view);
    out += below("Receipt: ", text_at(event, "receipt"), view);
    out += below(receipt_text(event), view);
    out += below("Cause: ", text_at(event, "cause"), view);
    out += below("Remedy: ", text_at(event, "remedy"), view);
    return out;
}

// Why what waits is not tried, although it may be due.
std::string standing_text(const json::object& mailbox, const View& view) {
    const std::string how = flag_at(mailbox, "paused") ? " is paused: " : " rests: ";
    return paragraph("", std::string(detail_columns, ' '),
                     "Mailbox " + text_at(mailbox, "name") + how + text_at(mailbox, "cause"), view.columns) +
           below("Remedy: ", text_at(mailbox, "remedy"), view);
}

bool is_over(std::string_view state) {
    return state == "delivered" || state == "failed" || state == "deleted";
}

}  // namespace

std::string history_entry(const json::object& recipient, const View& view) {
    const std::string state = text_at(recipient, "state");
    const std::string sender = text_at(recipient, "sender");
    const Tone tone = state == "delivered" ? Tone::good : Tone::bad;
    std::string out = when_text(recipient, "ended", view) + "  " + text_at(recipient, "id") + "  " +
                      painted(state, tone, view.colour) + "  " + text_at(recipient, "address") + "\n";
    std::string how = "from " + (sender.empty() ? "<>" : sender) + by_mailbox(recipient);
    if (const std::uint64_t attempts = number_at(recipient, "attempts"); attempts > 1)
        how += ", tried " + counted(attempts, "time");
    if (flag_at(recipient, "maybe_delivered")) how += ", perhaps more than once";
    out += below(how, view);
    const std::string receipt = receipt_text(recipient);
    if (!receipt.empty()) return out + below(receipt, view);
    const std::string said = text_at(recipient, "receipt");
    return out + below(said.empty() ? answer_text(object_at(recipient, "answer")) : said, view);
}

std::string trace_text(const json::object& trace, const View& view) {
    std::string out = "Message " + text_at(trace, "id");
    if (const std::string message_id = text_at(trace, "message_id"); !message_id.empty())
        out += "  " + message_id;
    out += "\n";
    for (const json::value& event : array_at(trace, "events"))
        if (event.is_object()) out += event_text(event.get_object(), view);
    std::string now;
    for (const json::value& recipient : array_at(trace, "recipients")) {
        if (!recipient.is_object() || is_over(text_at(recipient.get_object(), "state"))) continue;
        now += recipient_text(recipient.get_object(), view);
    }
    if (now.empty()) return out;
    out += "Now:\n" + now;
    for (const json::value& mailbox : array_at(trace, "standing_mailboxes"))
        if (mailbox.is_object()) out += standing_text(mailbox.get_object(), view);
    return out;
}

}  // namespace mailramp::cli
