// The daemon's answers as tests need them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "cli/view.h"

namespace mailramp::cli {

inline boost::json::object object_of(std::string_view text) {
    return boost::json::parse(text).as_object();
}

// 12:06:40 at +01:00.
inline View sample_view() {
    View view;
    view.now = parse_time("2026-11-18T11:06:40.000Z").value();
    view.zone = [](base::WallTime) { return std::chrono::seconds(3600); };
    return view;
}

inline boost::json::object sample_message() {
    return object_of(R"({
        "id": "0A1B2C3D4E5", "sender": "cron@web1.example", "header_from": "cron@web1.example",
        "message_id": "<1@web1.example>", "client": "127.0.0.1", "listener": "127.0.0.1:25", "size_bytes": 4200,
        "accepted": "2026-11-18T11:04:40.000Z", "recipients_total": 1,
        "recipients": [{"address": "ops@contoso.example", "state": "queued", "due": "2026-11-18T11:07:40.000Z",
            "attempts": 3, "maybe_delivered": false, "mailbox": "alerts", "route": "default",
            "answer": {"channel": "smtp", "phase": "body_end", "code": 451, "enhanced": "4.7.500",
                       "text": "Server busy. Please try again later"},
            "cause": "The server is busy.", "remedy": "Nothing: it is tried again."}]})");
}

inline boost::json::object sample_status() {
    return object_of(R"({
        "version": "0.1.0", "pid": 4711, "now": "2026-11-18T11:06:40.000Z", "started": "2026-11-18T09:01:40.000Z",
        "uptime_seconds": 7500, "listeners": ["127.0.0.1:25", "[::1]:25"],
        "queue": {"state": "open", "reason": "", "messages": 12, "bytes": 49152,
                  "oldest_accepted": "2026-11-18T11:06:00.000Z",
                  "recipients": {"queued": 11, "claimed": 1, "held": 0, "uncertain": 0}},
        "mailboxes": [{"name": "alerts", "paused": false, "paused_since": null, "next_probe": null,
                       "resting_until": null, "cause": "", "remedy": "", "answer": null, "in_flight": 1,
                       "concurrency": 2, "budget": {"messages": 5, "messages_max": 30, "connections": 1,
                       "connections_max": 2}}],
        "tokens": [{"credential": "contoso", "usable": true, "expires_in_seconds": 3120, "fetches": 1,
                    "failures": 0, "last_failure": null}],
        "counters": {}})");
}

}  // namespace mailramp::cli
