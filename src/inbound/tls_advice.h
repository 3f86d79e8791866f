// inbound/tls_advice.h: what to do about a client whose TLS handshake failed; pure.
#pragma once

#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/inbound/options.h"

namespace mailramp::inbound {

// For the log: what the client probably is, and which setting, here or there, mends it. `terms` as from
// terms_for().
[[nodiscard]] std::string_view tls_advice(const base::Error& failure, const ListenerOptions& terms);

// For a client that began with TLS where this port begins without.
[[nodiscard]] std::string_view implicit_tls_advice(const ListenerOptions& terms);

}  // namespace mailramp::inbound
