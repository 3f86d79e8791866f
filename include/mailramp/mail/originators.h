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

struct Originators {
    std::size_t from_fields = 0;
    std::vector<HeaderMailbox> from;    // of all From fields
    std::vector<HeaderMailbox> sender;  // of all Sender fields
    bool has_reply_to = false;

    // Exactly one From field with exactly one address: what every server takes.
    [[nodiscard]] bool proper() const {
        return from_fields == 1 && from.size() == 1 && !from.front().address.empty();
    }
};

[[nodiscard]] Originators originators_of(std::string_view section);

struct OriginatorChange {
    enum class Sender {
        keep,
        remove,
        replace,  // by the address `sender`
    };
    // The address From gets, in one field, under the display name that the first mailbox had; one without a
    // display name gets its comment or its old address as one. What From said stays readable in
    // X-Original-From. Empty: From stays.
    std::string from = {};
    Sender sender_field = Sender::keep;
    std::string sender = {};
    // The address that Reply-To gets, if there is no Reply-To. Empty: none.
    std::string reply_to = {};

    [[nodiscard]] bool nothing() const {
        return from.empty() && sender_field == Sender::keep && reply_to.empty();
    }
};

// The section with the change made, blank line included.
[[nodiscard]] std::string changed_originators(std::string_view section, const OriginatorChange& change);

}  // namespace mailramp::mail
