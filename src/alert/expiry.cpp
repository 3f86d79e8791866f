#include "mailramp/alert/expiry.h"

#include <algorithm>

#include "alert/time_text.h"

namespace mailramp::alert {
namespace {

// As people count: by the calendar.
std::string left_in_words(base::WallTime end, base::WallTime now) {
    const auto days =
        (std::chrono::floor<std::chrono::days>(end) - std::chrono::floor<std::chrono::days>(now)).count();
    if (days == 0) return "today";
    return days == 1 ? "tomorrow" : "in " + std::to_string(days) + " days";
}

}  // namespace

std::optional<Expiry> expiry_of(base::WallTime end, base::WallTime now) {
    const auto passed = std::ranges::count_if(
        expiry_thresholds, [end, now](std::chrono::days threshold) { return now >= end - threshold; });
    if (passed == 0) return {};
    Expiry expiry;
    expiry.level = static_cast<int>(passed);
    expiry.ended = now >= end;
    if (expiry.ended) {
        ++expiry.level;
        expiry.words = "has ended on " + date_text(end);
    } else {
        expiry.words = "ends " + left_in_words(end, now) + ", on " + date_text(end);
    }
    return expiry;
}

}  // namespace mailramp::alert
