#include "cli/queue_text.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "cli/reading.h"
#include "cli/words.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t id_columns = 13;     // 11 and the space to the next column
constexpr std::size_t size_columns = 10;   // "1023 KiB"
constexpr std::size_t age_columns = 8;     // "59 min"
constexpr std::size_t state_columns = 11;  // "uncertain"
constexpr std::size_t listed_recipients_max = 5;

std::string spaces(std::size_t count) {
    return std::string(count, ' ');
}

std::string line(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
}

// The null sender has no address, and neither has a bounce.
std::string sender_text(const json::object& message) {
    const std::string sender = text_at(message, "sender");
    return sender.empty() ? "<> (a bounce)" : sender;
}

Tone tone_of(std::string_view state) {
    if (state == "held") return Tone::bad;
    if (state == "uncertain") return Tone::warning;
    if (state == "claimed") return Tone::good;
    return Tone::plain;
}

// What the API calls claimed is being sent, to anybody else.
std::string state_text(std::string_view state) {
    return state == "claimed" ? "sending" : std::string(state);
}

std::string age_text(const json::object& message, const View& view) {
    const auto accepted = time_at(message, "accepted");
    return accepted ? short_span_text(view.now - *accepted) : std::string("?");
}

std::string next_try(const json::object& recipient, const View& view) {
    const auto due = time_at(recipient, "due");
    if (!due || *due <= view.now) return "due now";
    return (number_at(recipient, "attempts") > 0 ? "next try " : "first try ") + clock_text(*due, view);
}

// Without a word for an older daemon's answer, or one that this program does not know.
std::string_view hold_text(std::string_view reason) {
    if (reason == "refused") return ": refused";
    if (reason == "expired") return ": tried for as long as is allowed";
    if (reason == "uncertain") return ": another try might be another copy";
    if (reason == "crashed") return ": mailramp ended while sending it";
    if (reason == "damaged") return ": its content is damaged";
    if (reason == "sender_stopped") return ": its sender is refused";
    if (reason == "operator") return ": an operator holds it";
    return "";
}

// "next try 14:05:10 +01:00, tried 3 times, by alerts"
std::string plan_text(const json::object& recipient, const View& view) {
    const std::string state = text_at(recipient, "state");
    std::string out;
    if (state == "held") {
        out = "waits for you";
        out += hold_text(text_at(recipient, "hold_reason"));
    } else if (state == "claimed") {
        out = "at it now";
    } else if (state == "delivered") {
        out = "taken by the server";
    } else if (state == "failed" || state == "deleted") {
        out = "not sent, and will not be";
    } else {
        out = next_try(recipient, view);
    }
    if (const std::uint64_t attempts = number_at(recipient, "attempts"); attempts > 0) {
        out += ", tried " + (attempts == 1 ? std::string("once") : counted(attempts, "time"));
    }
    if (state == "uncertain" || flag_at(recipient, "maybe_delivered")) out += ", perhaps sent already";
    if (const std::string mailbox = text_at(recipient, "mailbox"); !mailbox.empty()) out += ", by " + mailbox;
    return out;
}

std::string recipient_lines(const json::object& recipient, const View& view) {
    const std::size_t margin = id_columns + state_columns;
    const std::size_t room = view.columns > margin ? view.columns - margin : 1;
    const std::string state = text_at(recipient, "state");
    const std::string plan = plan_text(recipient, view);
    const std::string address = text_at(recipient, "address");
    std::string out =
        spaces(id_columns) + painted(padded(state_text(state), state_columns), tone_of(state), view.colour);
    if (columns_of(address) + 2 + columns_of(plan) <= room) {
        out += address + ": " + plan + "\n";
    } else {
        out += shortened_in_middle(address, room) + "\n";
        out += spaces(margin) + shortened_at_end(plan, room) + "\n";
    }
    if (const std::string answer = answer_text(object_at(recipient, "answer")); !answer.empty()) {
        out += spaces(margin) + painted(shortened_at_end(answer, room), Tone::faint, view.colour) + "\n";
    }
    return out;
}

std::string labelled(std::string_view label, std::string_view text, const View& view) {
    if (text.empty()) return {};
    constexpr std::size_t label_columns = 12;
    return paragraph(padded(label, label_columns), spaces(label_columns), text, view.columns);
}

}  // namespace

std::string list_heading(const View& view) {
    return painted(
               padded("ID", id_columns) + padded("SIZE", size_columns) + padded("AGE", age_columns) + "FROM",
               Tone::faint, view.colour) +
           "\n";
}

std::string list_entry(const json::object& message, const View& view) {
    const std::size_t margin = id_columns + size_columns + age_columns;
    const std::size_t room = view.columns > margin ? view.columns - margin : 1;
    std::string out =
        line(padded(text_at(message, "id"), id_columns) +
             padded(size_text(number_at(message, "size_bytes")), size_columns) +
             padded(age_text(message, view), age_columns) + shortened_in_middle(sender_text(message), room));
    const json::array& recipients = array_at(message, "recipients");
    std::size_t shown = 0;
    for (const json::value& recipient : recipients) {
        if (shown == listed_recipients_max) break;
        if (!recipient.is_object()) continue;
        out += recipient_lines(recipient.get_object(), view);
        ++shown;
    }
    const std::uint64_t total =
        std::max<std::uint64_t>(number_at(message, "recipients_total"), recipients.size());
    if (total > shown) {
        out += spaces(id_columns) + "and " + counted(total - shown, "more recipient") +
               ": mailramp queue show " + text_at(message, "id") + "\n";
    }
    return out;
}

std::string recipient_text(const json::object& recipient, const View& view) {
    constexpr std::size_t margin = 12;
    const std::string state = text_at(recipient, "state");
    const auto detail = [&](std::string_view label, std::string_view text) {
        if (text.empty()) return std::string();
        return paragraph("    " + padded(label, margin - 4), spaces(margin), text, view.columns);
    };
    std::string out = paragraph("  ", "    ", text_at(recipient, "address"), view.columns);
    out += "    " + padded("State", margin - 4) + painted(state_text(state), tone_of(state), view.colour) +
           ": " + plan_text(recipient, view) + "\n";
    const json::object& answer = object_at(recipient, "answer");
    // What mailramp itself has found is no reply of a server.
    out += detail(text_at(answer, "channel") == "local" ? "Found" : "Reply", answer_text(answer));
    out += detail("Receipt", text_at(recipient, "receipt"));
    out += detail("Cause", text_at(recipient, "cause"));
    out += detail("Remedy", text_at(recipient, "remedy"));
    return out;
}

std::string message_text(const json::object& message, const View& view) {
    std::string out = labelled("Message", text_at(message, "id"), view);
    out += labelled("From", sender_text(message), view);
    if (const std::string shown_from = text_at(message, "header_from");
        shown_from != text_at(message, "sender")) {
        out += labelled("From field", shown_from, view);
    }
    out += labelled("Message-ID", text_at(message, "message_id"), view);
    out += labelled("Size", size_text(number_at(message, "size_bytes")), view);
    if (const auto accepted = time_at(message, "accepted")) {
        out += labelled("Accepted",
                        clock_text(*accepted, view) + ", " + span_text(view.now - *accepted) + " ago, from " +
                            text_at(message, "client") + " on " + text_at(message, "listener"),
                        view);
    }
    const json::array& recipients = array_at(message, "recipients");
    out += counted(recipients.size(), "recipient") + ":\n";
    for (const json::value& recipient : recipients) {
        if (recipient.is_object()) out += recipient_text(recipient.get_object(), view);
    }
    return out;
}

}  // namespace mailramp::cli
