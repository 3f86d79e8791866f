// mailramp/mail/originators.h: who a header section says a message is from, and how that is changed (RFC 5322
// §3.6.2: From, Sender, Reply-To).
//
// A header section here is complete: fields with CRLF line ends, then the blank line if the message has one.
// Only the fields that are asked for change; every other octet stays where it was. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/mail/header_address.h"

namespace mailramp::mail {

// The longest display name that a new From carries, before it is quoted: no line of From can pass 998 octets.
inline constexpr std::size_t display_name_bytes_max = 256;

// What the fields of one name, From or Sender, say.
struct OriginatorFields {
    std::size_t count = 0;
    std::vector<HeaderMailbox> mailboxes;  // of all of them, up to about header_mailboxes_max
    bool strict = true;                    // each is_one_mailbox()

    // Exactly one field with exactly one address, in which every server finds the same: what all of them
    // take.
    [[nodiscard]] bool proper() const { return count == 1 && strict; }
    // The first address; empty when there is none.
    [[nodiscard]] std::string_view address() const;
};

struct Originators {
    OriginatorFields from;
    OriginatorFields sender;
    bool has_reply_to = false;
};

[[nodiscard]] Originators originators_of(std::string_view section);

struct OriginatorChange {
    enum class Sender {
        keep,
        remove,
        replace,  // by the address `sender`
    };
    // The address From gets, in one field, under the display name that the first mailbox had; one without a
    // display name gets its comment or its old address as one. The name has no '@' and is cut at
    // display_name_bytes_max. What From said stays readable in X-Original-From. Empty: From stays.
    std::string from = {};
    Sender sender_field = Sender::keep;
    std::string sender = {};
    // The address that Reply-To gets, if there is no Reply-To. Empty: none.
    std::string reply_to = {};

    [[nodiscard]] bool nothing() const {
        return from.empty() && sender_field == Sender::keep && reply_to.empty();
    }
};

// The section with the change made, blank line included. `before` is what originators_of(section) said.
[[nodiscard]] std::string changed_originators(std::string_view section, const Originators& before,
                                              const OriginatorChange& change);

}  // namespace mailramp::mail
