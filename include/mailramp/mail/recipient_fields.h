// mailramp/mail/recipient_fields.h: whom a header section says a message is for (RFC 5322 §3.6.3: To, Cc).
#pragma once

#include <string>
#include <string_view>

namespace mailramp::mail {

// The section with "@" and `domain` behind every name in To and Cc that has no domain: `To: root` becomes
// `To: root@contoso.com`. Names in comments, display names and words that cannot be a local part stay, and so
// does a field in which a line would become longer than RFC 5322 §2.1.1 allows. No other octet changes. The
// section is complete: fields with CRLF line ends, then the blank line if the message has one. Pure.
[[nodiscard]] std::string qualified_recipients(std::string_view section, std::string_view domain);

}  // namespace mailramp::mail
