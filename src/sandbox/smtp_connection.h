// sandbox/smtp_connection.h: drives one ExchangeSession over a socket.
#pragma once

#include <map>
#include <string>

#include "mailramp/io/async.h"
#include "mailramp/io/stream.h"
#include "mailramp/io/tls.h"
#include "sandbox/exchange_session.h"
#include "sandbox/recorder.h"

namespace mailramp::sandbox {

struct SmtpConnectionOptions {
    SessionOptions session;
    base::Duration idle_timeout;
    base::Duration session_age_max;
    base::Duration slow_delay;
    base::Duration clock_offset;  // of what the server takes for the time of day
};

// What all connections share; it must outlive them.
struct SmtpWorld {
    SmtpConnectionOptions options;
    SessionWorld session;
    Recorder& recorder;
    std::map<std::string, io::TlsServer, std::less<>> certificates;  // by fault; "" is the good one
};

// Runs the session to its end.
io::Task<> serve_smtp(io::Stream stream, const SmtpWorld& world, std::uint64_t number);

}  // namespace mailramp::sandbox
