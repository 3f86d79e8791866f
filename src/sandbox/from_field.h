// sandbox/from_field.h: the address in a message's From, read as strictly as a server may (RFC 5322 §3.4,
// §3.6.2).
//
// The simulator judges what the relay writes, so this shares no code with the relay's own reader of addresses
// (mailramp/mail/header_address.h) and goes about it differently: into tokens, then by the grammar. Pure.
#pragma once

#include <string>
#include <string_view>

#include "mailramp/base/result.h"

namespace mailramp::sandbox {

// A longer value of From is refused unread: what Exchange takes as a whole header section.
inline constexpr std::size_t from_bytes_max = 256 * 1024;

// The address of the one mailbox in the one From field. ErrorKind::invalid, with what is wrong in words, when
// there is no From, more than one, or anything in it besides one mailbox with comments.
[[nodiscard]] base::Result<std::string> from_address(std::string_view content);

}  // namespace mailramp::sandbox
