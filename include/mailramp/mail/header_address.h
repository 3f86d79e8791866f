// mailramp/mail/header_address.h: the mailboxes in the value of a field like From or Sender (RFC 5322 §3.4).
//
// Reads what old programs really write: bare words (`From: root`), the name in a comment (`root (Cron
// Daemon)`), several addresses, groups, quotes and brackets that never close. Nothing here refuses a field;
// what is no address is told as such. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mailramp::mail {

// More mailboxes of one field are not looked at.
inline constexpr std::size_t header_mailboxes_max = 1000;

struct HeaderMailbox {
    std::string address;        // one that check_address() takes, with a domain; else empty
    std::string words;          // what stands where the address belongs when it is none: "root"
    std::size_t words_end = 0;  // where they end in the field's value
    std::string phrase;         // the display name in front of the bracket, octets as they came
    std::string comment;        // what the first comment says, without its parentheses and backslashes
};

// In their order. Entries that have neither address nor words are left out.
[[nodiscard]] std::vector<HeaderMailbox> header_mailboxes(std::string_view field_value);

// The first address in it; empty when there is none.
[[nodiscard]] std::string first_header_address(std::string_view field_value);

// Whether the value is one mailbox in the strict sense of RFC 5322 §3.4 and nothing else, so that no two
// readers find different addresses in it: `address` or `[phrase] <address>`. Comments and folds may stand
// around both; a phrase may have 8-bit octets and the obsolete dots. If so, header_mailboxes() has just this
// one.
[[nodiscard]] bool is_one_mailbox(std::string_view field_value);

// A display name as it may stand in front of `<address>`, unfolded, with control octets as '?': as it came if
// it is a proper phrase (RFC 5322 §3.2.5, 8-bit octets and the obsolete dots allowed), else quoted.
[[nodiscard]] std::string as_phrase(std::string_view text);

// A phrase without the quotation marks and backslashes of its quoted strings.
[[nodiscard]] std::string plain_words(std::string_view phrase);

}  // namespace mailramp::mail
