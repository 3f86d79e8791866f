#include "mailramp/mail/address.h"

#include <algorithm>
#include <array>
#include <optional>

#include <arpa/inet.h>

#include "mailramp/base/text.h"

namespace mailramp::mail {
namespace {

using base::ErrorKind;
using base::fail;
using base::Result;

unsigned char octet(char c) {
    return static_cast<unsigned char>(c);
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_eight_bit(char c) {
    return octet(c) >= 0x80;
}

// RFC 5322 §3.2.3, and RFC 6532 §3.2 for the octets above 127 (well-formedness is checked for the whole).
bool is_atext(char c) {
    constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
    return is_alnum(c) || is_eight_bit(c) || others.find(c) != std::string_view::npos;
}

// Reads a grammar from the front of a text. A function that fails leaves the cursor anywhere.
struct Cursor {
    std::string_view text;
    std::size_t at = 0;

    [[nodiscard]] bool done() const { return at == text.size(); }
    [[nodiscard]] char peek() const { return done() ? '\0' : text[at]; }
    bool take(char c) {
        if (done() || text[at] != c) return false;
        ++at;
        return true;
    }
    void skip_spaces() {
        while (take(' ')) {
        }
    }
    template <class Predicate>
    bool take_some(Predicate wanted) {
        const std::size_t start = at;
        while (!done() && wanted(text[at]))
            ++at;
        return at > start;
    }
};

// Octets that no part of a command may have: they end lines, or end them for somebody else.
Result<> check_octets(std::string_view text) {
    if (std::ranges::any_of(text, [](char c) { return octet(c) < 0x20 || octet(c) == 0x7F; }))
        return fail(ErrorKind::invalid, "the address has a control character");
    if (!base::is_utf8(text)) return fail(ErrorKind::invalid, "the address has octets that are not UTF-8");
    // U+0080…U+009F: control characters as well.
    for (std::size_t i = 0; i + 1 < text.size(); ++i)
        if (octet(text[i]) == 0xC2 && octet(text[i + 1]) < 0xA0)
            return fail(ErrorKind::invalid, "the address has a control character");
    return {};
}

bool take_dot_string(Cursor& in) {
    do {
        if (!in.take_some(is_atext)) return false;
    } while (in.take('.'));
    return true;
}

// RFC 5321 §4.1.2 Quoted-string.
bool take_quoted_string(Cursor& in) {
    if (!in.take('"')) return false;
    while (!in.done() && in.peek() != '"') {
        if (in.take('\\') && (in.done() || is_eight_bit(in.peek()))) return false;
        ++in.at;
    }
    return in.take('"');
}

bool is_address_literal(std::string_view inside) {
    constexpr std::string_view tag = "IPv6:";
    std::array<unsigned char, sizeof(in6_addr)> binary{};
    if (base::starts_with_ignoring_case(inside, tag))
        return ::inet_pton(AF_INET6, std::string(inside.substr(tag.size())).c_str(), binary.data()) == 1;
    return ::inet_pton(AF_INET, std::string(inside).c_str(), binary.data()) == 1;
}

// Labels of letters, digits, '-' and, because Windows hosts are called so, '_'.
bool take_domain(Cursor& in) {
    if (in.take('[')) {
        const std::size_t end = in.text.find(']', in.at);
        if (end == std::string_view::npos || !is_address_literal(in.text.substr(in.at, end - in.at)))
            return false;
        in.at = end + 1;
        return true;
    }
    constexpr std::size_t label_bytes_max = 63;  // RFC 1035 §2.3.4
    do {
        const std::size_t start = in.at;
        if (!in.take_some([](char c) { return is_alnum(c) || is_eight_bit(c) || c == '-' || c == '_'; }))
            return false;
        const std::string_view label = in.text.substr(start, in.at - start);
        if (label.size() > label_bytes_max || label.front() == '-' || label.back() == '-') return false;
    } while (in.take('.'));
    return true;
}

// `@one.example,@two.example:` in front of an address; nothing but a check, the route is not used.
Result<> skip_source_route(Cursor& in) {
    if (in.peek() != '@') return {};
    do {
        if (!in.take('@') || !take_domain(in))
            return fail(ErrorKind::invalid, "the source route is malformed");
    } while (in.take(','));
    if (!in.take(':')) return fail(ErrorKind::invalid, "the source route is malformed");
    return {};
}

Result<> check_lengths(std::string_view local, std::string_view domain) {
    if (local.size() > local_part_bytes_max)
        return fail(ErrorKind::invalid, "the part in front of the @ is longer than 64 octets");
    if (domain.size() > domain_bytes_max || local.size() + 1 + domain.size() > address_bytes_max)
        return fail(ErrorKind::invalid, "the address is longer than 254 octets");
    return {};
}

// An address at the cursor. Its domain may be missing: the caller decides what that means.
struct AddressParts {
    std::string_view local;
    std::string_view domain;
};

Result<AddressParts> take_address(Cursor& in) {
    const std::size_t start = in.at;
    const bool local_good = in.peek() == '"' ? take_quoted_string(in) : take_dot_string(in);
    if (!local_good)
        return fail(ErrorKind::invalid, "the part in front of the @ is malformed; send user@example.com");
    AddressParts parts;
    parts.local = in.text.substr(start, in.at - start);
    if (in.take('@')) {
        const std::size_t domain_start = in.at;
        if (!take_domain(in)) return fail(ErrorKind::invalid, "the domain behind the @ is malformed");
        parts.domain = in.text.substr(domain_start, in.at - domain_start);
    }
    return parts;
}

enum class Direction { reverse, forward };

Result<std::string> complete(const AddressParts& parts, Direction direction, const PathRules& rules) {
    std::string_view domain = parts.domain;
    if (domain.empty()) {
        const bool postmaster =
            direction == Direction::forward && base::equals_ignoring_case(parts.local, "postmaster");
        const bool kept = postmaster || (direction == Direction::forward && rules.domain_if_missing.empty() &&
                                         rules.bare_name == BareName::kept);
        if (kept) {
            if (const auto lengths = check_lengths(parts.local, {}); !lengths)
                return std::unexpected(lengths.error());
            return std::string(parts.local);
        }
        if (rules.domain_if_missing.empty())
            return fail(ErrorKind::invalid, "the address has no domain; send user@example.com");
        domain = rules.domain_if_missing;
    }
    if (const auto lengths = check_lengths(parts.local, domain); !lengths)
        return std::unexpected(lengths.error());
    return std::string(parts.local).append("@").append(domain);
}

// What stands between the brackets, or in their place.
Result<std::string> take_inside(Cursor& in, Direction direction, const PathRules& rules) {
    const std::size_t start = in.at;
    if (const auto route = skip_source_route(in); !route) return std::unexpected(route.error());
    const auto parts = take_address(in);
    if (!parts) return std::unexpected(parts.error());
    const std::string_view taken = in.text.substr(start, in.at - start);
    if (const auto octets = check_octets(taken); !octets) return std::unexpected(octets.error());
    if (rules.utf8 == Utf8::refused && !base::is_ascii(taken))
        return fail(ErrorKind::invalid, "the address is not ASCII, which needs SMTPUTF8");
    return complete(*parts, direction, rules);
}

Result<ParsedPath> parse_path(std::string_view text, Direction direction, const PathRules& rules) {
    Cursor in{text};
    in.skip_spaces();
    const bool bracket = in.take('<');
    if (bracket) in.skip_spaces();
    ParsedPath path;
    const bool null_sender = bracket && direction == Direction::reverse && in.peek() == '>';
    if (!null_sender) {
        auto address = take_inside(in, direction, rules);
        if (!address) return std::unexpected(address.error());
        path.address = *std::move(address);
        if (bracket) in.skip_spaces();
    }
    const bool closed = !bracket || in.take('>');
    if (!closed || (!in.done() && in.peek() != ' '))
        return fail(ErrorKind::invalid, "the address is malformed; send <user@example.com>");
    in.skip_spaces();
    path.rest = text.substr(in.at);
    return path;
}

}  // namespace

Result<ParsedPath> parse_reverse_path(std::string_view text, const PathRules& rules) {
    return parse_path(text, Direction::reverse, rules);
}

Result<ParsedPath> parse_forward_path(std::string_view text, const PathRules& rules) {
    return parse_path(text, Direction::forward, rules);
}

Result<> check_address(std::string_view address, Utf8 utf8) {
    if (const auto octets = check_octets(address); !octets) return octets;
    if (utf8 == Utf8::refused && !base::is_ascii(address))
        return fail(ErrorKind::invalid, "the address is not ASCII, which needs SMTPUTF8");
    Cursor in{address};
    const auto parts = take_address(in);
    if (!parts) return std::unexpected(parts.error());
    if (!in.done()) return fail(ErrorKind::invalid, "the address is malformed; write user@example.com");
    const auto complete_address = complete(*parts, Direction::forward, PathRules{utf8, {}});
    if (!complete_address) return std::unexpected(complete_address.error());
    return {};
}

std::string_view local_part_of(std::string_view address) {
    const std::string_view domain = domain_of(address);
    return domain.empty() ? address : address.substr(0, address.size() - domain.size() - 1);
}

std::string_view domain_of(std::string_view address) {
    // No domain has an '@' in it, a quoted local part may.
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos || address.ends_with('"')) return {};
    return address.substr(at + 1);
}

}  // namespace mailramp::mail
