// sendmail/pass_through.h: -bs, an SMTP session between the standard streams and the daemon.
#pragma once

#include "mailramp/base/result.h"
#include "sendmail/connection.h"

namespace mailramp::sendmail {

struct PassThroughLimits {
    Duration idle_timeout = std::chrono::minutes(10);  // without an octet from either side
    std::size_t piece_bytes = 16 * 1024;
};

// Carries octets both ways until the daemon ends the session, as it does after QUIT or when `input` ends.
// Files will do as well as pipes and terminals.
[[nodiscard]] base::Result<> pass_through(const Connection& connection, int input, int output,
                                          const PassThroughLimits& limits);

}  // namespace mailramp::sendmail
