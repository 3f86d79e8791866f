// mailramp/alert/options.h: who is told, and every limit of telling, by name.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/oauth/secret_reference.h"

namespace mailramp::alert {

enum class WebhookFormat {
    json,   // the fields of docs/alerts.md; `text` is what Slack and Mattermost show
    teams,  // an Adaptive Card, which is all that a workflow of Teams takes
};

// When something counts as wrong.
struct Thresholds {
    base::Duration queue_age_max = std::chrono::hours(4);  // of the oldest message; 0: never told
    std::uint64_t disk_free_bytes_min = 1ull << 30;        // on the queue's disk; 0: never told
    base::Duration token_delay =
        std::chrono::minutes(5);  // transient failures last so long before they are told
};

// When what is wrong is told.
struct MonitorOptions {
    base::Duration repeat_interval = std::chrono::hours(12);  // told again while it lasts
    std::size_t per_hour_max = 20;                            // alerts in any hour; the others wait
    std::size_t conditions_max = 1000;                        // that are known at the same time
};

// What becomes of alerts that a target does not take.
struct OutboxOptions {
    std::size_t waiting_max = 100;                          // for one target; beyond it the oldest is lost
    std::size_t attempts_max = 20;                          // for one alert
    base::Duration retry_delay = std::chrono::seconds(10);  // after the first failure; doubling
    base::Duration retry_delay_max = std::chrono::minutes(10);
};

struct Options {
    oauth::SecretReference webhook;  // its URL: who knows it may post there. SecretPlace::none: no webhook
    WebhookFormat webhook_format = WebhookFormat::json;
    std::string proxy;                                  // "http://proxy:3128", to the webhook; empty: none
    std::vector<std::string> exec;                      // an absolute path and arguments; empty: no command
    base::Duration timeout = std::chrono::seconds(10);  // one request, or one run of the command
    std::size_t response_bytes_max = 64 * 1024;         // of a webhook's answer
    base::Duration trial_timeout = std::chrono::seconds(25);  // all of `mailramp alert test`
    Thresholds thresholds;
    MonitorOptions monitor;
    OutboxOptions outbox;
};

}  // namespace mailramp::alert
