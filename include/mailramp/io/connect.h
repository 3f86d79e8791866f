// mailramp/io/connect.h: from a host name to a connection, with deadlines that hold even when DNS hangs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/stream.h"

namespace mailramp::io {

enum class Family { any, ipv4, ipv6 };

struct ConnectOptions {
    Family family = Family::any;
    base::Duration resolve_timeout = std::chrono::seconds(10);
    base::Duration address_timeout = std::chrono::seconds(10);  // for each address
    base::Duration total_timeout = std::chrono::minutes(3);     // for one connect(), its lookup included
    std::size_t addresses_max = 16;                             // how many of them are tried
    std::size_t lookups_in_flight_max = 8;                      // hung lookups before new ones are refused
};

// Looks the name up on a disposable thread; a result later than the deadline is dropped, and the thread is
// never joined. Numeric addresses need no thread. ErrorKind::not_found, timeout or unavailable.
[[nodiscard]] Task<base::Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port,
                                                                ConnectOptions options);
// Tries every address in turn, each with its own timeout, until the total timeout. The error names each
// address that was tried and why it failed.
[[nodiscard]] Task<base::Result<Stream>> connect(std::string host, std::uint16_t port,
                                                 ConnectOptions options);
[[nodiscard]] Task<base::Result<Stream>> connect(std::vector<Endpoint> endpoints, ConnectOptions options);

}  // namespace mailramp::io
