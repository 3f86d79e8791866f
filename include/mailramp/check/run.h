// mailramp/check/run.h: tries, from the configuration to a message, all that mail needs on its way out.
//
// Safe beside a running daemon: it makes connections of its own (one at a time) and never touches the queue.
// No secret and no token is ever part of a finding.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/check/finding.h"
#include "mailramp/config/load.h"

namespace mailramp::check {

struct Limits {
    // What the clock may differ from the token server's: Entra forgives five minutes.
    base::Duration clock_tolerance = std::chrono::minutes(5);
    base::Duration resolve_timeout = std::chrono::seconds(10);
    base::Duration connect_timeout = std::chrono::seconds(10);  // for each address
    base::Duration connect_total_timeout = std::chrono::seconds(30);
    base::Duration https_timeout = std::chrono::seconds(30);  // for each call of the token server
    base::Duration tls_timeout = std::chrono::seconds(15);
    base::Duration reply_timeout = std::chrono::seconds(30);    // Exchange delays a refused login by 5 s
    base::Duration message_timeout = std::chrono::seconds(60);  // from the last octet to the final reply
    base::Duration greeting_timeout = std::chrono::seconds(3);  // of whoever has our port
    base::Duration total_timeout = std::chrono::minutes(5);     // later steps are then skipped
    std::size_t greeting_bytes_max = 512;
};

struct Options {
    config::Source source;
    std::string mailbox;  // its name or address; empty: all
    std::string send_to;  // who gets a message of each mailbox; empty: no message is sent
    Limits limits;
};

// Told each finding as soon as there is one.
using Report = std::function<void(const Finding&)>;

enum class Verdict { good, misconfigured, failed };  // misconfigured: the configuration file or a secret

// Runs an event loop of its own on the calling thread until all is tried. ErrorKind::not_found: no mailbox of
// that name; ErrorKind::invalid: `send_to` is no address. Both before anything is connected to.
[[nodiscard]] base::Result<Verdict> run(const Options& options, const Report& report);

}  // namespace mailramp::check
