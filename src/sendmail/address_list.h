// sendmail/address_list.h: all addresses of a header field or of a word of the command line (RFC 5322 §3.4).
//
// Display names, comments and group names are skipped, quoted local parts keep their octets, source routes
// are dropped, and so is an empty bracket. A bare name ("root") is an address here: the daemon knows what
// becomes of it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailramp::sendmail {

struct AddressList {
    std::vector<std::string> addresses;   // in order, each can stand in RCPT
    std::vector<std::string> unreadable;  // printable: what should be an address and is none
};

// Adds what `text` lists to `list`.
void read_addresses(std::string_view text, AddressList& list);

}  // namespace mailramp::sendmail
