// alert/time_text.h: times as alerts show them; pure.
#pragma once

#include <string>

#include "mailramp/base/clock.h"

namespace mailramp::alert {

// RFC 3339 in UTC: "2027-03-01T04:05:06Z".
[[nodiscard]] std::string time_text(base::WallTime time);
// "2027-03-01"
[[nodiscard]] std::string date_text(base::WallTime time);

}  // namespace mailramp::alert
