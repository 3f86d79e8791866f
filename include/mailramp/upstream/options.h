// mailramp/upstream/options.h: where a mailbox's mail goes, and every limit on the way.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/connect.h"
#include "mailramp/provider/preset.h"
#include "mailramp/smtp/client_options.h"

namespace mailramp::upstream {

// How long each step may take, from the command to the last octet of its reply (RFC 5321 §4.5.3.2 allows more
// for some; its ten minutes for the final reply stay, since giving up there makes duplicates).
struct Timeouts {
    base::Duration banner_timeout = std::chrono::seconds(60);
    base::Duration ehlo_timeout = std::chrono::seconds(60);
    base::Duration starttls_timeout = std::chrono::seconds(30);
    base::Duration tls_timeout = std::chrono::seconds(30);
    base::Duration auth_timeout = std::chrono::seconds(60);       // Exchange delays a refusal on purpose
    base::Duration envelope_timeout = std::chrono::seconds(120);  // each of MAIL, RCPT and DATA
    base::Duration body_timeout = std::chrono::seconds(180);      // each piece of content
    // Content may go on past the attempt's deadline as long as it is not slower than this on the whole.
    std::uint64_t content_bytes_per_second_min = 8 * 1024;
    // For what is to be durable before the end of data: the disk may hang.
    base::Duration before_end_timeout = std::chrono::seconds(30);
    base::Duration body_end_timeout = std::chrono::seconds(600);  // from the last octet, past any deadline
    base::Duration quit_timeout = std::chrono::seconds(5);
    base::Duration last_words_timeout =
        std::chrono::seconds(1);  // for a reply behind a connection that broke
};

// Warm connections of one mailbox.
struct PoolLimits {
    std::size_t connections_max = 2;
    base::Duration idle_timeout = std::chrono::seconds(60);
    base::Duration session_age_max = std::chrono::minutes(10);
    std::size_t messages_per_session_max = 100;
};

// One mailbox's server. The values come from a preset and the configuration.
struct ServerOptions {
    std::string mailbox;  // the configured name
    std::string user;     // who logs in: the mailbox's address, or auth_user
    std::string host;
    std::uint16_t port = 587;
    smtp::StartTls starttls = smtp::StartTls::required;
    smtp::Authentication authentication = smtp::Authentication::xoauth2;
    provider::Dialect dialect = provider::Dialect::any;
    std::string ehlo_name = "localhost";
    io::ConnectOptions connect;
    Timeouts timeouts;
    PoolLimits pool;
    smtp::ReplyLimits reply;
    std::size_t body_piece_bytes = 64 * 1024;  // of content in memory at a time, for each connection
    std::size_t recipients_max = 1000;         // in one submission
};

// What a server's options may not say, in words: no TLS is for a server on this machine without
// authentication (tests, a local smart host), and nothing else. ErrorKind::invalid.
[[nodiscard]] base::Result<> check(const ServerOptions& options);

// A numeric address of this machine's loopback: 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(std::string_view address);

// Whether a connection to `address` and `port` reaches one of our own listeners: mail would go in circles. A
// listener on every address (0.0.0.0, ::) is reached by every loopback address.
[[nodiscard]] bool is_own_listener(std::string_view address, std::uint16_t port,
                                   const std::vector<io::Endpoint>& own_listeners);

}  // namespace mailramp::upstream
