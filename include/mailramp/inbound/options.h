// mailramp/inbound/options.h: the named limits of the side that applications talk to.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/tls.h"
#include "mailramp/route/cidr.h"
#include "mailramp/smtp/server_protocol.h"

namespace mailramp::inbound {

enum class ListenerTls { automatic, none, starttls, implicit };
enum class ListenerAuth { automatic, none, any, users };
// May a password go over a network in the clear? On this machine it always may.
enum class ClearPasswords { refused, allowed };

// How the clients of one address are treated.
struct ListenerOptions {
    io::Endpoint address;
    ListenerTls tls = ListenerTls::automatic;
    io::TlsVersions tls_versions = io::TlsVersions::current;
    ListenerAuth auth = ListenerAuth::automatic;
    smtp::AuthNeed auth_need = smtp::AuthNeed::optional;
    ClearPasswords clear_passwords = ClearPasswords::refused;  // with `users` only
};

struct Options {
    // Where to listen. A missing IPv6 is a warning; any other address that cannot be bound ends the start.
    std::vector<io::Endpoint> listen = {{"127.0.0.1", 25}, {"::1", 25}};
    // Addresses of `listen` about which there is more to say.
    std::vector<ListenerOptions> listeners;
    // Clients beyond loopback that may submit; others get 554 before any command. Loopback is always allowed.
    std::vector<route::Cidr> allow;
    // Our name in the banner, in `Received:` and in Message-IDs that we make. Never empty once configured.
    std::string hostname = "localhost";

    std::filesystem::path certificate;      // PEM; empty: one of our own
    std::filesystem::path certificate_key;  // PEM; empty: it stands in the same file
    std::filesystem::path auth_users_file;  // see password_file.h; empty: there are no users

    std::uint64_t message_bytes_max = 35'000'000;  // Exchange's mailboxes have 35 MB unless told otherwise
    std::size_t header_bytes_max = 256 * 1024;     // Exchange refuses larger ones (552 5.3.4)
    std::size_t recipients_max = 1000;
    std::size_t received_fields_max = 50;       // more of them is a loop (554 5.4.6)
    std::size_t sessions_max = 1000;            // of all clients; beyond it 421 4.7.0
    std::size_t sessions_per_client_max = 500;  // of one address
    int listen_backlog = 1024;
    std::size_t errors_max = 20;        // bad commands in a session, then 421
    std::size_t commands_max = 1000;    // commands without a message, then 421
    std::size_t auth_failures_max = 3;  // refused logins in a session, then 421
    std::size_t auth_waiting_max = 32;  // passwords that wait to be looked at, then 454
    base::Duration auth_failure_delay = std::chrono::seconds(1);         // how long a refusal takes, at least
    base::Duration auth_trouble_log_interval = std::chrono::minutes(1);  // of logins that got 454
    base::Duration tls_timeout = std::chrono::seconds(30);               // for the handshake
    base::Duration tls_end_timeout = std::chrono::seconds(1);            // for the goodbye
    base::Duration command_timeout = std::chrono::minutes(5);            // RFC 5321 §4.5.3.2.7
    base::Duration data_timeout = std::chrono::minutes(3);               // RFC 5321 §4.5.3.2.5
    // A body slower than this on average, after data_timeout, is cut off (421): it holds a session for
    // nothing.
    std::size_t data_bytes_per_second_min = 100;
    base::Duration write_timeout = std::chrono::minutes(1);
    std::size_t read_buffer_bytes = 16 * 1024;
    // Content that sessions hold in memory, all together. When it is tight, headers wait for nobody:
    // 452 4.3.1.
    std::size_t session_bytes_max = 64ull << 20;
};

// What holds for clients that connect to `address`; nothing in it is `automatic` any more. TLS: implicit on
// port 465, STARTTLS beyond loopback, else none. Logins: users beyond loopback where there are any, else any.
[[nodiscard]] ListenerOptions terms_for(const Options& options, const io::Endpoint& address);

}  // namespace mailramp::inbound
