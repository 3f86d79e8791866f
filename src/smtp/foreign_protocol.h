// smtp/foreign_protocol.h: tells SMTP from what a browser or a TLS client sends to an SMTP port.
//
// A port on localhost that asks for no password can be reached by every web page the user opens: the browser
// sends an HTTP request whose body is SMTP. Such a session must end before its first line is over.
#pragma once

#include <string_view>

namespace mailramp::smtp {

// A request line, a header field, or the start of one.
[[nodiscard]] bool looks_like_http(std::string_view line);
// The first two octets of a TLS record with a handshake in it (RFC 8446 §5.1).
[[nodiscard]] bool looks_like_tls(std::string_view octets);

}  // namespace mailramp::smtp
