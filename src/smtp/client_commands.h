// smtp/client_commands.h: the command lines of a transaction, safe against what their parts may hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/mail/envelope.h"
#include "mailramp/smtp/client_protocol.h"

namespace mailramp::smtp {

// Whether an address can stand between "<" and ">" without ending the path or the line early. Says nothing
// about whether it is a good address: that was checked when it came in; this is the last look before it goes
// out.
[[nodiscard]] bool is_safe_path(std::string_view address);
// Whether a host name or address literal can stand behind EHLO.
[[nodiscard]] bool is_safe_ehlo_name(std::string_view name);

// The message cannot go to a server without SMTPUTF8 (RFC 6531 §3.4).
[[nodiscard]] bool needs_smtputf8(const mail::Envelope& envelope);

// Complete lines. Parameters stand there only if the server offers them; DSN parameters that could end the
// line early are left out.
[[nodiscard]] std::string mail_command(const OutgoingMessage& message, const Capabilities& capabilities);
[[nodiscard]] std::string rcpt_command(const mail::Recipient& recipient, const Capabilities& capabilities);

}  // namespace mailramp::smtp
