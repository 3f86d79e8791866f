// mailramp/io/port_owner.h: who listens on a TCP port of this machine, for the error that says so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "mailramp/io/listener.h"

namespace mailramp::io {

struct PortOwner {
    int pid = 0;
    std::string program;  // printable
    std::string unit;     // of systemd, as "exim4.service"; empty when it is none's
};

// Whether somebody listens where `endpoint` would: on its address, or on every address.
[[nodiscard]] bool is_taken(const Endpoint& endpoint, const std::filesystem::path& proc = "/proc");

// Reads /proc; nothing when nobody listens or when the owner is another user's and we may not look. Where
// systemd holds a socket for a service that runs, the service's process is told.
// `proc` is another folder in tests.
[[nodiscard]] std::optional<PortOwner> port_owner(std::uint16_t port,
                                                  const std::filesystem::path& proc = "/proc");

// What to tell the administrator whose port is taken: by whom, and both ways out.
[[nodiscard]] std::string port_in_use_advice(std::uint16_t port, const std::optional<PortOwner>& owner);

}  // namespace mailramp::io
