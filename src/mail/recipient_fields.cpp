#include "mailramp/mail/recipient_fields.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "mail/header_fields.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/mail/header_address.h"

namespace mailramp::mail {
namespace {

constexpr std::size_t line_bytes_max = 998;  // RFC 5322 §2.1.1, without the line end

bool names_recipients(const HeaderField& field) {
    return base::equals_ignoring_case(field.name, "To") || base::equals_ignoring_case(field.name, "Cc");
}

// The places in a field's value behind names that need a domain, in order.
std::vector<std::size_t> places_for(std::string_view value, const std::string& at_domain) {
    std::vector<std::size_t> places;
    for (const HeaderMailbox& mailbox : header_mailboxes(value)) {
        const std::string& words = mailbox.words;
        // In one piece, with no comment or line end in it.
        const bool stands_there = !words.empty() && words.size() <= mailbox.words_end &&
                                  value.substr(mailbox.words_end - words.size(), words.size()) == words;
        if (stands_there && !words.contains('@') && check_address(words + at_domain, Utf8::refused))
            places.push_back(mailbox.words_end);
    }
    return places;
}

bool has_long_line(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find("\r\n"), text.size());
        if (end > line_bytes_max) return true;
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return false;
}

std::string qualified(const HeaderField& field, const std::string& at_domain) {
    const auto value_begin = static_cast<std::size_t>(field.value.data() - field.octets.data());
    std::string out;
    std::size_t used = 0;
    for (const std::size_t place : places_for(field.value, at_domain)) {
        out.append(field.octets.substr(used, value_begin + place - used)).append(at_domain);
        used = value_begin + place;
    }
    return out.append(field.octets.substr(used));
}

}  // namespace

std::string qualified_recipients(std::string_view section, std::string_view domain) {
    const std::string at_domain = "@" + std::string(domain);
    std::string out;
    std::size_t used = 0;
    for (const HeaderField& field : fields_of(section)) {
        used += field.octets.size();
        const std::string changed = names_recipients(field) ? qualified(field, at_domain) : std::string();
        if (changed.empty() || has_long_line(changed))
            out += field.octets;
        else
            out += changed;
    }
    return out += section.substr(used);
}

}  // namespace mailramp::mail
