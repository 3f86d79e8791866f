// cli/mail_filter.h: the options that say which mail a command means, as query fields of the admin API. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/view.h"
#include "mailramp/base/clock.h"

namespace mailramp::cli {

// "90s", "10min" (or "10m"), "2h", "3d", "2w". Nothing for any other text.
[[nodiscard]] std::optional<base::Duration> parse_age(std::string_view text);
// So long ago; or a day or a time of day of it, "2026-11-24", "2026-11-24 14:05", "2026-11-24 14:05:10", in
// the reader's zone or, with a Z behind, in UTC. Nothing for any other text.
[[nodiscard]] std::optional<base::WallTime> parse_moment(std::string_view text, const View& view);

// As typed; what is empty was not given. Ages have been checked with parse_age().
struct MailFilter {
    std::string state = {};
    std::string mailbox = {};
    std::string route = {};
    std::string sender = {};
    std::string recipient = {};
    std::string message_id = {};
    std::string older_than = {};
    std::string newer_than = {};

    [[nodiscard]] bool all() const;
    // "state=held&mailbox=alerts", encoded.
    [[nodiscard]] std::string query(const View& view) const;
};

// Both may be empty.
[[nodiscard]] std::string with_query(std::string path, std::string_view query);
void add_field(std::string& query, std::string_view name, std::string_view value);
[[nodiscard]] std::string unix_seconds(base::WallTime time);

}  // namespace mailramp::cli
