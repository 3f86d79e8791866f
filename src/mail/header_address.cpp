// first_header_address() of address.h: a grammar of its own (RFC 5322 §3.4), much looser than that of a path.
#include <algorithm>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::mail {
namespace {

// The end of the comment that starts at `at`, behind its ')'. Comments nest, hence the count.
std::size_t behind_comment(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '(') {
            ++depth;
        } else if (text[at] == ')' && --depth == 0) {
            return at + 1;
        }
    }
    return text.size();
}

// The end of the quoted string that starts at `at`, behind its closing '"'.
std::size_t behind_quotes(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return text.size();
}

}  // namespace

std::string first_header_address(std::string_view field_value) {
    // `words` is what stands outside comments and brackets since the last separator: an address if the sender
    // wrote no brackets, else the display name.
    std::string words;
    std::string found;
    const auto keep_if_address = [&found](std::string_view candidate) {
        candidate = base::trim(candidate);
        if (!candidate.empty() && check_address(candidate, Utf8::allowed) && !domain_of(candidate).empty())
            found = candidate;
    };
    std::size_t at = 0;
    while (at < field_value.size() && found.empty()) {
        const char c = field_value[at];
        if (c == '(') {
            at = behind_comment(field_value, at);
        } else if (c == '"') {
            const std::size_t end = std::min(behind_quotes(field_value, at), field_value.size());
            words += field_value.substr(at, end - at);
            at = end;
        } else if (c == '<') {
            const std::size_t end = std::min(field_value.find('>', at), field_value.size());
            keep_if_address(field_value.substr(at + 1, end - at - 1));
            words.clear();
            at = end + 1;
        } else if (c == ',' || c == ';') {
            keep_if_address(words);
            words.clear();
            ++at;
        } else if (c == ':' && words.find('[') == std::string::npos) {
            words.clear();  // the name of a group
            ++at;
        } else {
            words += c;
            ++at;
        }
    }
    if (found.empty()) keep_if_address(words);
    return found;
}

}  // namespace mailramp::mail
