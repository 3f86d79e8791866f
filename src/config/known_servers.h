// config/known_servers.h: what is known of servers and mailboxes that people name: whether the provider can
// have them; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/provider/preset.h"

namespace mailramp::config {

// Why something cannot work, and what would.
struct Objection {
    enum class Weight { error, warning };
    Weight weight = Weight::error;
    std::string what;
    std::string allowed;
};

// To a host that is to take a token of this provider.
[[nodiscard]] std::optional<Objection> objection_to_host(std::string_view host,
                                                         const provider::Preset& preset);

// To a port at which STARTTLS is to be asked for.
[[nodiscard]] std::optional<Objection> objection_to_port(std::string_view host, std::uint16_t port,
                                                         const provider::Preset& preset);

// To a mailbox of this provider.
[[nodiscard]] std::optional<Objection> objection_to_address(std::string_view address,
                                                            const provider::Preset& preset);

// To what a token of this provider is asked for, and where.
[[nodiscard]] std::optional<Objection> objection_to_scope(std::string_view scope,
                                                          const provider::Preset& preset);
[[nodiscard]] std::optional<Objection> objection_to_authority(std::string_view authority,
                                                              const provider::Preset& preset);

}  // namespace mailramp::config
