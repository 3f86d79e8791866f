// cli/view.h: how things look to whoever reads them: now, the zone of their clock, colours, the width. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"

namespace mailramp::cli {

enum class Colour { off, on };
enum class Tone { plain, good, warning, bad, faint };

// Seconds east of Greenwich at a time.
using Zone = std::function<std::chrono::seconds(base::WallTime)>;

struct View {
    base::WallTime now;
    Zone zone;
    Colour colour = Colour::off;
    std::size_t columns = 100;
    bool terminal = false;  // whoever reads is a terminal, which obeys control characters
};

// "14:05:10 +01:00" on the reader's present day, "2026-11-24 14:05:10 +01:00" on any other.
[[nodiscard]] std::string clock_text(base::WallTime time, const View& view);
// The API's form: "2026-11-24T13:05:10.250Z". Nothing for any other text.
[[nodiscard]] std::optional<base::WallTime> parse_time(std::string_view text);
// In the terminal's colour for this tone, or as it is.
[[nodiscard]] std::string painted(std::string_view text, Tone tone, Colour colour);

}  // namespace mailramp::cli
