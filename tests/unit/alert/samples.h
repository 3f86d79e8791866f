// tests/unit/alert/samples.h: conditions and times that tests of alerts begin with.
#pragma once

#include <chrono>
#include <string>

#include "alert/monitor.h"
#include "mailramp/alert/condition.h"

namespace mailramp::alert {

inline constexpr base::WallTime wall_start = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
inline constexpr base::SteadyTime steady_start{std::chrono::hours(1000)};

// So long after the beginning.
inline Moment at(base::Duration passed) {
    return {wall_start + passed, steady_start + passed};
}

inline Condition paused(const std::string& mailbox) {
    Condition condition;
    condition.event = Event::mailbox_paused;
    condition.subject = mailbox;
    condition.mailbox = mailbox;
    condition.summary = "mailbox " + mailbox + " is paused";
    condition.detail = "the server said <no> & meant it";
    condition.remedy = "type this";
    condition.relief = "mailbox " + mailbox + " sends again";
    return condition;
}

inline Alert problem(const std::string& mailbox) {
    Alert alert;
    alert.condition = paused(mailbox);
    alert.time = wall_start + std::chrono::hours(1);
    alert.since = wall_start;
    return alert;
}

}  // namespace mailramp::alert
