#include "cli/status_text.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "cli/reading.h"
#include "cli/words.h"
#include "mailramp/alert/expiry.h"
#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view indent = "  ";
constexpr std::size_t listener_bytes_max = 200;

// One sentence, wrapped, in its tone from beginning to end.
std::string sentence(std::string_view text, Tone tone, const View& view) {
    std::string out;
    for (const std::string& line : wrapped(text, view.columns))
        out += painted(line, tone, view.colour) + "\n";
    return out;
}

std::string detail(std::string_view label, std::string_view text, const View& view) {
    if (text.empty()) return {};
    return paragraph(std::string(indent).append(label).append(": "), "    ", text, view.columns);
}

std::string daemon_text(const json::object& status, const View& view) {
    std::string text = "mailramp " + text_at(status, "version") + " has been running for " +
                       span_text(std::chrono::seconds(number_at(status, "uptime_seconds")));
    if (const auto started = time_at(status, "started")) text += ", since " + clock_text(*started, view);
    text += ", as process " + std::to_string(number_at(status, "pid")) + ".";
    return sentence(text, Tone::plain, view);
}

std::string accepting_text(const json::object& status, const View& view) {
    const json::object& queue = object_at(status, "queue");
    const std::string state = text_at(queue, "state");
    const std::string reason = text_at(queue, "reason");
    if (state == "full") return sentence("New mail is refused for now (452): " + reason, Tone::bad, view);
    if (state == "failed") return sentence("New mail is refused for now (451): " + reason, Tone::bad, view);
    if (state == "stalled") return sentence("New mail has to wait: " + reason, Tone::bad, view);
    std::vector<std::string> listeners;
    for (const json::value& listener : array_at(status, "listeners")) {
        if (listener.is_string())
            listeners.push_back(base::printable(std::string(listener.get_string()), listener_bytes_max));
    }
    if (listeners.empty()) return sentence("It takes no mail: no address is open.", Tone::warning, view);
    return sentence("It takes mail on " + joined(listeners) + ".", Tone::plain, view);
}

std::string queue_text(const json::object& queue, const View& view) {
    const std::uint64_t messages = number_at(queue, "messages");
    if (messages == 0 && !flag_at(queue, "counting"))
        return sentence("The queue is empty.", Tone::plain, view);
    std::string text = counted(messages, "message") + " (" + size_text(number_at(queue, "bytes")) +
                       (messages == 1 ? ") is" : ") are") + " in the queue";
    if (const auto oldest = time_at(queue, "oldest_accepted")) {
        text += (messages == 1 ? ", for " : ", the oldest for ") + span_text(view.now - *oldest);
    }
    const json::object& recipients = object_at(queue, "recipients");
    const std::uint64_t held = number_at(recipients, "held");
    std::vector<std::string> parts;
    const auto add = [&parts](std::uint64_t number, std::string_view what) {
        if (number > 0)
            parts.push_back(
                (parts.empty() ? counted(number, "recipient") : std::to_string(number)).append(what));
    };
    add(number_at(recipients, "queued"), " to send");
    add(number_at(recipients, "claimed"), " being sent");
    add(number_at(recipients, "uncertain"), " perhaps sent already");
    add(held, " held for you");
    if (!parts.empty()) text += ": " + joined(parts);
    text += flag_at(queue, "counting") ? "; it is still being counted." : ".";
    std::string out = sentence(text, Tone::plain, view);
    if (held > 0) out += sentence("See why with: mailramp queue list --state held", Tone::warning, view);
    return out;
}

std::string budget_text(const json::object& mailbox) {
    const json::object& budget = object_at(mailbox, "budget");
    const std::uint64_t most = number_at(budget, "messages_max");
    std::string text = counted(number_at(mailbox, "in_flight"), "message") + " on the way";
    if (most > 0) {
        text += ", " + std::to_string(number_at(budget, "messages")) + " of " + std::to_string(most) +
                " used of what it may send at this moment";
    }
    return text;
}

// Where else the reason for missing tokens is told, so that nobody reads it twice in different words.
enum class TokenFailures { told_below, told_here };

// Why a mailbox does not send.
std::string reason_text(const json::object& mailbox, TokenFailures tokens, const View& view) {
    const json::object& answer = object_at(mailbox, "answer");
    if (tokens == TokenFailures::told_below && text_at(answer, "phase") == "token")
        return detail("Cause", "it has no token; the reason is below.", view);
    return detail("Cause", text_at(mailbox, "cause"), view) + detail("Reply", answer_text(answer), view) +
           detail("Remedy", text_at(mailbox, "remedy"), view);
}

std::string mailbox_text(const json::object& mailbox, TokenFailures tokens, const View& view) {
    const std::string name = text_at(mailbox, "name");
    const bool paused = flag_at(mailbox, "paused");
    const auto resting = time_at(mailbox, "resting_until");
    if (!paused && !resting) {
        return sentence("Mailbox " + name + " works: " + budget_text(mailbox) + ".", Tone::plain, view);
    }
    std::string text = "Mailbox " + name;
    if (paused) {
        text += " is paused";
        if (const auto since = time_at(mailbox, "paused_since")) text += " since " + clock_text(*since, view);
        text += "; its mail is kept and waits.";
    } else if (*resting <= view.now) {
        text += " had trouble on the way; it tries again with the next message that is due.";
    } else {
        text += " rests until " + clock_text(*resting, view) + " after trouble on the way.";
    }
    std::string out = sentence(text, paused ? Tone::bad : Tone::warning, view);
    out += reason_text(mailbox, tokens, view);
    if (!paused) return out;
    std::string again = "with: mailramp mailbox resume " + name;
    if (const auto probe = time_at(mailbox, "next_probe")) {
        again = "by itself " + (*probe <= view.now ? std::string("now") : "at " + clock_text(*probe, view)) +
                ", or at once " + again;
    }
    return out + detail("Tried again", again, view);
}

std::string token_text(const json::object& token, const View& view) {
    const std::string credential = text_at(token, "credential");
    const json::object& failure = object_at(token, "last_failure");
    const bool usable = flag_at(token, "usable");
    std::string text = "The token of credential " + credential;
    const std::string left = span_text(std::chrono::seconds(number_at(token, "expires_in_seconds")));
    if (usable && failure.empty()) return sentence(text + " is good for " + left + ".", Tone::plain, view);
    if (failure.empty()) return sentence(text + " has not been asked for yet.", Tone::plain, view);
    text += usable ? " is good for " + left + ", but a new one could not be had." : " could not be had.";
    std::string out = sentence(text, usable ? Tone::warning : Tone::bad, view);
    out += detail("Cause", text_at(failure, "cause"), view);
    out += detail("Answer", text_at(failure, "message"), view);
    out += detail("Remedy", text_at(failure, "remedy"), view);
    return out;
}

// Only when it is near: the day itself stands in the configuration.
std::string secret_text(const json::object& token, const View& view) {
    const auto end = time_at(token, "secret_expires");
    if (!end) return {};
    const auto expiry = alert::expiry_of(*end, view.now);
    if (!expiry) return {};
    return sentence("The client secret of credential " + text_at(token, "credential") + " " + expiry->words +
                        ": make a new one in time (docs/alerts.md).",
                    expiry->ended ? Tone::bad : Tone::warning, view);
}

std::string certificate_text(const json::object& certificate, const View& view) {
    const auto end = time_at(certificate, "ends");
    if (!end) return {};
    const auto expiry = alert::expiry_of(*end, view.now);
    if (!expiry) return {};
    return sentence(
        "The certificate that clients are shown " + expiry->words + ": " + text_at(certificate, "file") + ".",
        expiry->ended ? Tone::bad : Tone::warning, view);
}

std::string alert_target_text(const json::object& target, const View& view) {
    const std::string trouble = text_at(target, "trouble");
    if (trouble.empty()) return {};
    return sentence("Alerts do not arrive: " + text_at(target, "target") + ".", Tone::warning, view) +
           detail("Cause", trouble, view);
}

std::string all_mailboxes_text(const json::object& status, TokenFailures tokens, const View& view) {
    std::string out;
    for (const json::value& mailbox : array_at(status, "mailboxes")) {
        if (mailbox.is_object()) out += mailbox_text(mailbox.get_object(), tokens, view);
    }
    return out.empty() ? sentence("No mailbox is configured.", Tone::warning, view) : out;
}

bool has_failed(const json::value& token) {
    return token.is_object() && !object_at(token.get_object(), "last_failure").empty();
}

}  // namespace

std::string status_text(const json::object& status, const View& view) {
    std::string out = daemon_text(status, view);
    out += accepting_text(status, view);
    out += queue_text(object_at(status, "queue"), view);
    const json::array& tokens = array_at(status, "tokens");
    const bool told = std::ranges::any_of(tokens, has_failed);
    out += all_mailboxes_text(status, told ? TokenFailures::told_below : TokenFailures::told_here, view);
    for (const json::value& token : tokens) {
        if (!token.is_object()) continue;
        out += token_text(token.get_object(), view);
        out += secret_text(token.get_object(), view);
    }
    for (const json::value& certificate : array_at(status, "certificates")) {
        if (certificate.is_object()) out += certificate_text(certificate.get_object(), view);
    }
    for (const json::value& target : array_at(status, "alert_targets")) {
        if (target.is_object()) out += alert_target_text(target.get_object(), view);
    }
    return out;
}

std::string mailboxes_text(const json::object& status, const View& view) {
    return all_mailboxes_text(status, TokenFailures::told_here, view);
}

}  // namespace mailramp::cli
