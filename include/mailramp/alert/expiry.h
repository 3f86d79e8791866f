// mailramp/alert/expiry.h: how near the end of something is that must be replaced in time: a client secret, a
// certificate. Pure.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "mailramp/base/clock.h"

namespace mailramp::alert {

inline constexpr std::chrono::days first_warning(30), second_warning(7), last_warning(1);
// With so much left it is told, each time once.
inline constexpr std::array<std::chrono::days, 3> expiry_thresholds{first_warning, second_warning,
                                                                    last_warning};

struct Expiry {
    int level = 0;  // thresholds passed; one more when it has ended
    bool ended = false;
    std::string words;  // "ends in 6 days, on 2027-03-01", "has ended on 2027-03-01"
};

// Nothing while more is left than the first threshold.
[[nodiscard]] std::optional<Expiry> expiry_of(base::WallTime end, base::WallTime now);

}  // namespace mailramp::alert
