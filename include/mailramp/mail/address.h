// mailramp/mail/address.h: mail addresses as they stand in MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3).
//
// The grammar is strict wherever an octet could later be taken for something else: no control character of
// any kind, quoting checked, lengths checked. It is lenient where old programs are sloppy and nothing is at
// stake: SP around the path or inside its brackets, missing brackets, '_' in a host name, an address without
// domain if the caller names the domain to add. Refused all the same: display names (`Bob
// <bob@example.com>`), an empty path without brackets, comments.
//
// A source route (`<@a,@b:c@d>`) is checked and dropped, as RFC 5321 §3.3 asks. Quoted local parts keep their
// octets. The error texts are made for a 501 or 553 reply: one line of ASCII, nothing of the input in it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"

namespace mailramp::mail {

inline constexpr std::size_t local_part_bytes_max = 64;  // RFC 5321 §4.5.3.1.1
inline constexpr std::size_t domain_bytes_max = 255;     // RFC 5321 §4.5.3.1.2
inline constexpr std::size_t address_bytes_max =
    254;  // RFC 5321 §4.5.3.1.3: a path has 256 with its brackets

enum class BareName { refused, kept };  // kept: a forward path without a domain stays as it is
enum class Utf8 { refused, allowed };   // allowed: RFC 6531, when the client asked for SMTPUTF8

struct PathRules {
    Utf8 utf8 = Utf8::refused;
    // Added, with '@', to an address that has no domain, as the "root" of cron. Empty: `bare_name` says what
    // becomes of it.
    std::string_view domain_if_missing = {};
    BareName bare_name = BareName::refused;
};

struct ParsedPath {
    std::string address;  // without angle brackets and source route; empty is the null sender
    std::string_view
        rest;  // what follows the path, leading SP removed: the parameters. Points into the input
};

// The path behind `MAIL FROM:`. `<>` is the null sender.
[[nodiscard]] base::Result<ParsedPath> parse_reverse_path(std::string_view text, const PathRules& rules);
// The path behind `RCPT TO:`. `<postmaster>` needs no domain (RFC 5321 §4.5.1); it then stays as it is.
[[nodiscard]] base::Result<ParsedPath> parse_forward_path(std::string_view text, const PathRules& rules);

// Whether `address` (no brackets, not empty) can be put into a command without changing its meaning. For the
// configuration, and once more at the moment of sending.
[[nodiscard]] base::Result<> check_address(std::string_view address, Utf8 utf8);

// The parts of a checked address; the domain is empty for a lone "postmaster" and for the null sender.
[[nodiscard]] std::string_view local_part_of(std::string_view address);
[[nodiscard]] std::string_view domain_of(std::string_view address);

}  // namespace mailramp::mail
