// mailramp/mail/trace.h: the fields that mailramp adds to a message, once, when it accepts it.
//
// `Received:` always (RFC 5321 §4.4), `Date:` and `Message-ID:` when missing (RFC 6409 §8). All are written
// in front of what came, end in CRLF, and fold at 78 octets where that is possible.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/mail/header_section.h"

namespace mailramp::mail {

// RFC 3848, RFC 6531 §4.3: s is TLS, a is a login.
enum class WithProtocol { smtp, esmtp, esmtpa, esmtps, esmtpsa, utf8smtp, utf8smtpa, utf8smtps, utf8smtpsa };

struct Trace {
    std::string_view helo;            // as the client gave it; made harmless here
    std::string_view client_address;  // "127.0.0.1" or "::1", without port; empty: not said
    std::string_view host_name;       // ours
    std::string_view queue_id;        // empty: not said
    WithProtocol with = WithProtocol::esmtp;
    base::WallTime received;
    std::array<std::byte, 16> entropy{};  // makes the Message-ID unique; from the shell's random source
};

// "Received: from …;\r\n\t…\r\n"
[[nodiscard]] std::string received_field(const Trace& trace);
// "Thu, 01 Jan 1970 00:00:00 +0000" (RFC 5322 §3.3), always UTC.
[[nodiscard]] std::string header_date(base::WallTime time);
// "<32 hexadecimal digits@host>"
[[nodiscard]] std::string message_id(const std::array<std::byte, 16>& entropy, std::string_view host_name);

// Everything that goes in front of the rest of the content: the added fields, the section as it came, a blank
// line where the message lacks one, and the octets of the body that the section had to look at.
// The section must be complete and not too large.
[[nodiscard]] std::string head_of(const HeaderSection& section, const Trace& trace);

}  // namespace mailramp::mail
