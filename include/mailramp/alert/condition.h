// mailramp/alert/condition.h: something that is wrong now, and that a human should hear of.
//
// Whoever knows how the daemon stands describes all that is wrong, again and again; alert/monitor.h finds out
// what of it is new, what is over, and what is to be told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"

namespace mailramp::alert {

// The names are stable: docs/alerts.md lists them.
enum class Event {
    mailbox_paused,
    sender_stopped,
    token_failing,
    secret_expires,
    certificate_expires,
    queue_old,
    queue_full,
    queue_failed,
    disk_low,
    test,
};

enum class Severity {
    warning,  // mail still goes, or soon goes again by itself
    error,    // mail waits, or is refused
};

enum class Reminders {
    yes,  // told again while it lasts
    no,   // told once, until it becomes worse
};

// No secret may stand in its texts.
struct Condition {
    Event event = Event::test;
    std::string subject;  // of which mailbox, credential or folder; with `event` its identity
    Severity severity = Severity::error;
    int level = 0;           // told again at once when it rises
    base::Duration delay{};  // it must have lasted so long before it is told
    Reminders reminders = Reminders::yes;
    std::string summary;     // one line: what is wrong
    std::string detail;      // why, with the numbers
    std::string remedy;      // what to do
    std::string relief;      // one line, for the day when it is over
    std::string mailbox;     // empty: it concerns none in particular
    std::string credential;  // likewise
};

// One message to a human.
struct Alert {
    enum class Kind { problem, resolved };

    Kind kind = Kind::problem;
    Condition condition;
    base::WallTime time;           // of this alert
    base::WallTime since;          // when the trouble was first seen
    std::uint64_t repeats = 0;     // so often it has been told before
    std::uint64_t suppressed = 0;  // alerts that were never told since the one before this, for want of room
};

// "mailbox_paused"
[[nodiscard]] std::string_view to_string(Event event);
// "warning", "error"
[[nodiscard]] std::string_view to_string(Severity severity);

}  // namespace mailramp::alert
