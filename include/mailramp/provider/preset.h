// mailramp/provider/preset.h: where each mail provider lives and what it allows. Data; pure.
//
// Hosts and scopes come from Microsoft's documents where those name them; the rows of the national clouds
// marked below rest on third parties. Every value can be overridden in the configuration.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/smtp/client_options.h"

namespace mailramp::provider {

// Whose words a server speaks: decides which rows of the reply catalogue apply.
enum class Dialect {
    exchange_online,
    any,  // only what every SMTP server means by its codes
};

struct Preset {
    std::string_view name{};   // as it stands in the configuration
    std::string_view title{};  // for people
    Dialect dialect = Dialect::any;

    std::string_view host{};
    std::uint16_t port = 587;
    smtp::StartTls starttls = smtp::StartTls::required;
    smtp::Authentication authentication = smtp::Authentication::xoauth2;

    std::string_view authority{};  // token URL: <authority>/<tenant>/oauth2/v2.0/token
    std::string_view scope{};      // for client credentials

    std::size_t connections_max = 2;           // side by side for one mailbox; Exchange refuses the fourth
    std::size_t messages_per_minute_max = 30;  // for one mailbox, in any 60 seconds
    std::size_t recipients_max = 500;          // in one message
    std::uint64_t size_bytes_max =
        35'000'000;  // the largest message a mailbox takes as it is set up by default
    base::Duration idle_timeout = std::chrono::seconds(60);     // of a warm connection; Exchange: about 5 min
    base::Duration session_age_max = std::chrono::minutes(10);  // Exchange cuts at about 20 min
    std::size_t messages_per_session_max = 100;
    base::Duration token_use_margin = std::chrono::minutes(2);  // less than this left: not used for AUTH
};

// All presets; `custom` is the last and names no host.
[[nodiscard]] std::span<const Preset> presets();
// Nothing when there is no such name.
[[nodiscard]] const Preset* find_preset(std::string_view name);

}  // namespace mailramp::provider
