// app/log_line.h: what a line of the log says, without its time; pure. docs/log-events.md describes both
// forms.
#pragma once

#include <string>

#include "mailramp/base/log.h"

namespace mailramp::app {

// The members of a JSON object, without its braces: the sink puts the time in front of them. An event whose
// name says all has no "message".
[[nodiscard]] std::string json_fields(const base::LogRecord& record);

// "event: message key=value key=\"two words\"".
[[nodiscard]] std::string text_line(const base::LogRecord& record);

}  // namespace mailramp::app
