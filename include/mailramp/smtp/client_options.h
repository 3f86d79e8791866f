// mailramp/smtp/client_options.h: how a client session is to be held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "mailramp/smtp/reply.h"

namespace mailramp::smtp {

enum class StartTls {
    required,  // no TLS, no mail
    none,      // only for a server on this machine, and only without authentication
};

enum class Authentication {
    xoauth2,  // XOAUTH2, or OAUTHBEARER where only that is offered
    none,
};

struct ClientOptions {
    std::string ehlo_name = "localhost";
    StartTls starttls = StartTls::required;
    Authentication authentication = Authentication::xoauth2;
    std::string host;  // as configured: OAUTHBEARER names it
    std::uint16_t port = 587;
    ReplyLimits reply;
    std::size_t recipients_max = 1000;            // in one submission; a larger one is a mistake of ours
    std::size_t pipelined_bytes_max = 16 * 1024;  // of commands whose replies are still awaited
    std::size_t auth_mechanisms_max = 32;         // of the server's EHLO that are looked at
    // Told of every change of state by name, for the debug log and tests. May be empty.
    std::function<void(std::string_view from, std::string_view to)> trace;
};

}  // namespace mailramp::smtp
