// check/machine.h: what this machine must have right, from what was seen to a finding. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/check/finding.h"
#include "mailramp/config/load.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/port_owner.h"
#include "mailramp/oauth/secret_reference.h"

namespace mailramp::check {

// `errors` without those of secrets, which have a step of their own.
[[nodiscard]] Finding judge_configuration(const std::string& source,
                                          const std::vector<config::ConfigError>& errors,
                                          const std::vector<config::ConfigWarning>& warnings);
[[nodiscard]] bool is_about_a_secret(const config::ConfigError& error);

// `loaded` is the failure to load it, or nothing.
[[nodiscard]] Finding judge_secret(const std::string& credential, const oauth::SecretReference& reference,
                                   const std::optional<base::Error>& failure);

// An address that is to be listened on.
struct PortFacts {
    io::Endpoint endpoint;
    bool taken = false;
    std::optional<io::PortOwner> owner;  // where it could be seen
    std::string greeting;                // printable; of an owner that could not be seen
};
[[nodiscard]] Finding judge_port(const PortFacts& facts);

struct ClockFacts {
    std::string host;
    std::string date;    // the field as it came; empty: there was none
    base::WallTime now;  // by this machine's clock, when it came
    base::Duration tolerance{};
};
[[nodiscard]] Finding judge_clock(const ClockFacts& facts);
[[nodiscard]] std::vector<Advice> set_the_clock();

// The step is not taken, since the time for all of them is over.
[[nodiscard]] Finding judge_lateness(Step step, const std::string& subject, base::Duration total_timeout);

// "127.0.0.1:25", "[::1]:25".
[[nodiscard]] std::string name_of(const io::Endpoint& endpoint);
// "40 s", "17 min", "3 h", "12 days": rounded down.
[[nodiscard]] std::string rough_span(base::Duration span);

}  // namespace mailramp::check
