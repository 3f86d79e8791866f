#include "config/tables.h"

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t command_words_max = 100;

}  // namespace

Table<alert::Options> alert_table() {
    using alert::WebhookFormat;
    using O = alert::Options;
    Table<O> rows;
    rows.secret("webhook", &O::webhook, "a URL, as https://hooks.slack.com/services/…",
                "Where alerts are posted as JSON, with a `text` that Slack and Mattermost show. Who knows "
                "the URL "
                "can post there, so keep it as the client secret. https only; http for this machine itself.")
        .value(
            "webhook_format", &O::webhook_format,
            choice<WebhookFormat>({{"json", WebhookFormat::json}, {"teams", WebhookFormat::teams}}),
            "json: the fields of docs/alerts.md. teams: an Adaptive Card, for a workflow of Microsoft Teams.")
        .value("proxy", &O::proxy, http_proxy(), "The proxy on the way to the webhook; empty: none.")
        .list(
            "exec", &O::exec, command_word(), command_words_max,
            "A command that is run for each alert, with the alert as JSON on its standard input: an absolute "
            "path and arguments. No shell reads them.")
        .value("timeout", &O::timeout, duration(1s, 20s),
               "One request to the webhook, or one run of the command, which is killed then.")
        .value(
            "repeat_interval", [](auto& o) -> auto& { return o.monitor.repeat_interval; },
            duration(1min, 365 * day), "What lasts is told again at this interval.")
        .value(
            "per_hour_max", [](auto& o) -> auto& { return o.monitor.per_hour_max; }, integer(1, 1000),
            "Alerts in any hour; the others wait, and what is over meanwhile is only counted.")
        .value(
            "attempts_max", [](auto& o) -> auto& { return o.outbox.attempts_max; }, integer(1, 1000),
            "Attempts to hand over one alert.")
        .value(
            "retry_delay", [](auto& o) -> auto& { return o.outbox.retry_delay; }, duration(1s, 1h),
            "After the first failed attempt; it doubles each time.")
        .value(
            "retry_delay_max", [](auto& o) -> auto& { return o.outbox.retry_delay_max; },
            duration(1s, 1 * day), "The longest such delay.")
        .value(
            "waiting_max", [](auto& o) -> auto& { return o.outbox.waiting_max; }, integer(1, 10'000),
            "Alerts that wait for a webhook or command that does not take them; beyond it the oldest is "
            "lost.")
        .value(
            "queue_age", [](auto& o) -> auto& { return o.thresholds.queue_age_max; }, duration(0s, 365 * day),
            "It is told when a message has waited in the queue for longer, held ones included; 0s: never.")
        .value(
            "disk_free_min", [](auto& o) -> auto& { return o.thresholds.disk_free_bytes_min; },
            size(0, 1 * tib),
            "It is told when less is free on the queue's disk; 0B: never. Below queue.disk_free_min new mail "
            "is "
            "refused.")
        .value(
            "token_delay", [](auto& o) -> auto& { return o.thresholds.token_delay; }, duration(0s, 1 * day),
            "Trouble with a token that may pass by itself (network, a busy endpoint) is told when it has "
            "lasted "
            "so long; what a human must repair, at once.");
    return rows;
}

}  // namespace mailramp::config
