// smtp/server_reply.h: a reply as octets (RFC 5321 §4.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailramp::smtp {

// "250-2.1.0 text\r\n250 2.1.0 more\r\n". Long text is cut into lines of at most 512 octets, at spaces where
// there are some; what is not printable ASCII becomes '?'. `enhanced` may be empty.
[[nodiscard]] std::string format_reply(int code, std::string_view enhanced, std::string_view text);

// A reply whose lines are given, without enhanced codes: the one to EHLO.
[[nodiscard]] std::string format_lines(int code, const std::vector<std::string>& lines);

}  // namespace mailramp::smtp
