// sendmail/server_list.h: where the daemon may be found. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"

namespace mailramp::sendmail {

inline constexpr std::string_view default_servers = "127.0.0.1:25,[::1]:25";
inline constexpr std::size_t servers_max = 8;

struct Server {
    std::string host;  // name or address, without brackets
    std::string port;  // a number

    // "127.0.0.1:25", "[::1]:25"
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Server&, const Server&) = default;
};

// "mailramp", "mailramp:2525", "::1", "[::1]:2525", several of them with commas; port 25 where none is given.
[[nodiscard]] base::Result<std::vector<Server>> read_servers(std::string_view list);

}  // namespace mailramp::sendmail
