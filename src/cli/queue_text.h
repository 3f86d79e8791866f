// cli/queue_text.h: messages of the queue as text, out of the admin API's JSON. Pure.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "cli/view.h"

namespace mailramp::cli {

// The line above the list.
[[nodiscard]] std::string list_heading(const View& view);
// One message of the list: a line for the message, one for each of its first recipients, one for what the
// server said last. No line is wider than the view.
[[nodiscard]] std::string list_entry(const boost::json::object& message, const View& view);
// One recipient, with cause and remedy.
[[nodiscard]] std::string recipient_text(const boost::json::object& recipient, const View& view);
// All there is to know about one message, with causes and remedies.
[[nodiscard]] std::string message_text(const boost::json::object& message, const View& view);

}  // namespace mailramp::cli
