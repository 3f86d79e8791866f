// sandbox/http_server.h: just enough of an HTTPS server for a token endpoint and a control interface.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "mailramp/io/async.h"
#include "mailramp/io/stream.h"
#include "sandbox/token_service.h"

namespace mailramp::sandbox {

struct HttpCall {
    std::string method;  // "GET"
    std::string target;  // path and query
    std::string body;
};

struct HttpServerOptions {
    base::Duration request_timeout = std::chrono::seconds(30);
    base::Duration clock_offset{};                        // of the Date field, from this machine's clock
    base::Duration hang_time = std::chrono::minutes(10);  // how long a call that is not answered is kept
    std::size_t header_bytes_max = 16 * 1024;
    std::size_t body_bytes_max = 64 * 1024;
};

// Must not throw.
using HttpHandler = std::function<HttpAnswer(const HttpCall&)>;

// Serves requests on one connection, one after the other, until the client goes. `handler` must outlive it.
io::Task<> serve_https(io::Stream stream, io::TlsServer tls, const HttpHandler& handler,
                       HttpServerOptions options);

}  // namespace mailramp::sandbox
