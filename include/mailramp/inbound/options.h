// mailramp/inbound/options.h: the named limits of the side that applications talk to.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/io/listener.h"
#include "mailramp/route/cidr.h"

namespace mailramp::inbound {

struct Options {
    // Where to listen. A missing IPv6 is a warning; any other address that cannot be bound ends the start.
    std::vector<io::Endpoint> listen = {{"127.0.0.1", 25}, {"::1", 25}};
    // Clients beyond loopback that may submit; others get 554 before any command. Loopback is always allowed.
    std::vector<route::Cidr> allow;
    // Our name in the banner, in `Received:` and in Message-IDs that we make. Never empty once configured.
    std::string hostname = "localhost";

    std::uint64_t message_bytes_max = 35'000'000;  // Exchange's mailboxes have 35 MB unless told otherwise
    std::size_t header_bytes_max = 256 * 1024;     // Exchange refuses larger ones (552 5.3.4)
    std::size_t recipients_max = 1000;
    std::size_t received_fields_max = 50;       // more of them is a loop (554 5.4.6)
    std::size_t sessions_max = 1000;            // of all clients; beyond it 421 4.7.0
    std::size_t sessions_per_client_max = 500;  // of one address
    int listen_backlog = 1024;
    std::size_t errors_max = 20;                               // bad commands in a session, then 421
    std::size_t commands_max = 1000;                           // commands without a message, then 421
    base::Duration command_timeout = std::chrono::minutes(5);  // RFC 5321 §4.5.3.2.7
    base::Duration data_timeout = std::chrono::minutes(3);     // RFC 5321 §4.5.3.2.5
    // A body slower than this on average, after data_timeout, is cut off (421): it holds a session for
    // nothing.
    std::size_t data_bytes_per_second_min = 100;
    base::Duration write_timeout = std::chrono::minutes(1);
    std::size_t read_buffer_bytes = 16 * 1024;
    // Content that sessions hold in memory, all together. When it is tight, headers wait for nobody:
    // 452 4.3.1.
    std::size_t session_bytes_max = 64ull << 20;
};

}  // namespace mailramp::inbound
