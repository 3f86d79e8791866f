// cli/history_text.h: what became of mail, as text, out of the admin API's JSON. Pure.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "cli/view.h"

namespace mailramp::cli {

// One recipient that has ended: a line for it, and what the server said or who deleted it.
[[nodiscard]] std::string history_entry(const boost::json::object& recipient, const View& view);
// The story of one message, from its acceptance on, and how it stands now.
[[nodiscard]] std::string trace_text(const boost::json::object& trace, const View& view);

}  // namespace mailramp::cli
