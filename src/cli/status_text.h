// cli/status_text.h: the state of the daemon in sentences, out of the admin API's JSON. Pure.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "cli/view.h"

namespace mailramp::cli {

// Everything, as `mailramp status` says it.
[[nodiscard]] std::string status_text(const boost::json::object& status, const View& view);
// Its part about mailboxes, as `mailramp mailbox list` says it.
[[nodiscard]] std::string mailboxes_text(const boost::json::object& status, const View& view);

}  // namespace mailramp::cli
