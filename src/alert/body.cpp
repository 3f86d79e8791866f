#include "alert/body.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "alert/time_text.h"
#include "mailramp/base/text.h"

namespace mailramp::alert {
namespace {

namespace json = boost::json;

std::string shown(std::string_view text) {
    return base::printable(text, text_field_bytes_max);
}

json::value shown_or_null(std::string_view text) {
    if (text.empty()) return nullptr;
    return json::value(shown(text));
}

std::string headline(const Alert& alert, std::string_view host) {
    const std::string tone =
        alert.kind == Alert::Kind::resolved ? "resolved" : std::string(to_string(alert.condition.severity));
    return "[" + tone + "] mailramp on " + shown(host) + ": " + shown(summary_of(alert));
}

// What follows the headline: nothing once it is over.
std::string explanation(const Alert& alert) {
    if (alert.kind == Alert::Kind::resolved) return {};
    std::string text = shown(alert.condition.detail);
    if (!alert.condition.remedy.empty()) {
        if (!text.empty()) text += '\n';
        text += "Remedy: " + shown(alert.condition.remedy);
    }
    return text;
}

// Slack: "Escaping text"; without it a server's words could address a whole channel.
std::string escaped_for_slack(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string in_one_text(const Alert& alert, std::string_view host) {
    std::string text = headline(alert, host);
    if (const std::string more = explanation(alert); !more.empty()) text += "\n" + more;
    return text;
}

json::object fields(const Alert& alert, std::string_view host) {
    const Condition& condition = alert.condition;
    return {{"event", to_string(condition.event)},
            {"subject", shown(condition.subject)},
            {"resolved", alert.kind == Alert::Kind::resolved},
            {"severity", to_string(condition.severity)},
            {"time", time_text(alert.time)},
            {"since", time_text(alert.since)},
            {"host", shown(host)},
            {"mailbox", shown_or_null(condition.mailbox)},
            {"credential", shown_or_null(condition.credential)},
            {"summary", shown(summary_of(alert))},
            {"detail", shown(condition.detail)},
            {"remedy", shown(condition.remedy)},
            {"repeats", alert.repeats},
            {"suppressed", alert.suppressed},
            {"text", escaped_for_slack(in_one_text(alert, host))}};
}

json::object text_block(const std::string& text) {
    return {{"type", "TextBlock"}, {"text", text}, {"wrap", true}};
}

// Adaptive Cards 1.4, as "Post to a channel when a webhook request is received" takes them.
json::object teams_message(const Alert& alert, std::string_view host) {
    json::object head = text_block(headline(alert, host));
    head["weight"] = "Bolder";
    json::array blocks{std::move(head)};
    if (alert.kind == Alert::Kind::problem) {
        blocks.push_back(text_block(shown(alert.condition.detail)));
        if (!alert.condition.remedy.empty())
            blocks.push_back(text_block("Remedy: " + shown(alert.condition.remedy)));
    }
    json::object card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                      {"type", "AdaptiveCard"},
                      {"version", "1.4"},
                      {"body", std::move(blocks)}};
    json::object attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                            {"contentUrl", nullptr},
                            {"content", std::move(card)}};
    return {{"type", "message"}, {"attachments", json::array{std::move(attachment)}}};
}

}  // namespace

const std::string& summary_of(const Alert& alert) {
    return alert.kind == Alert::Kind::resolved ? alert.condition.relief : alert.condition.summary;
}

std::string json_body(const Alert& alert, std::string_view host) {
    return json::serialize(fields(alert, host));
}

std::string webhook_body(const Alert& alert, std::string_view host, WebhookFormat format) {
    switch (format) {
        case WebhookFormat::json:
            return json_body(alert, host);
        case WebhookFormat::teams:
            return json::serialize(teams_message(alert, host));
    }
    return {};
}

}  // namespace mailramp::alert
