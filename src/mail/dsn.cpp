#include "mailramp/mail/dsn.h"

#include <algorithm>

#include "mailramp/base/text.h"

namespace mailramp::mail {

using base::ErrorKind;

namespace {

constexpr std::string_view hexadecimal = "0123456789ABCDEF";  // RFC 3461 §4: upper case only

bool is_printable_ascii(char c) {
    return c >= ' ' && c <= '~';
}

bool is_xchar(char c) {
    return c >= '!' && c <= '~' && c != '+' && c != '=';
}

// An atom of RFC 5322 §3.2.3, as types of addresses are (RFC 3464 §2.1.2).
bool is_atom(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-/=?^_`{|}~";
    const auto fits = [marks](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, fits);
}

std::string_view word_of(Notice notice) {
    switch (notice) {
        case Notice::success:
            return "SUCCESS";
        case Notice::failure:
            return "FAILURE";
        case Notice::delay:
            return "DELAY";
    }
    return "";
}

bool has_word(std::string_view list, std::string_view word) {
    for (std::string_view rest = list; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        if (rest.substr(0, comma) == word) return true;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

}  // namespace

bool is_xtext(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_xchar(text[i])) continue;
        if (text[i] != '+' || text.size() - i < 3) return false;
        if (hexadecimal.find(text[i + 1]) == std::string_view::npos ||
            hexadecimal.find(text[i + 2]) == std::string_view::npos)
            return false;
        i += 2;
    }
    return true;
}

std::optional<std::string> decoded_xtext(std::string_view text) {
    if (!is_xtext(text)) return {};
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '+') {
            c = static_cast<char>(hexadecimal.find(text[i + 1]) * hexadecimal.size() +
                                  hexadecimal.find(text[i + 2]));
            i += 2;
        }
        if (!is_printable_ascii(c)) return {};
        decoded += c;
    }
    return decoded;
}

std::string encoded_xtext(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        if (is_xchar(c)) {
            encoded += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        encoded += '+';
        encoded += hexadecimal[octet / hexadecimal.size()];
        encoded += hexadecimal[octet % hexadecimal.size()];
    }
    return encoded;
}

base::Result<std::string> parse_notify(std::string_view value) {
    const auto wrong = [] {
        return base::fail(ErrorKind::invalid, "NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY");
    };
    if (base::equals_ignoring_case(value, "NEVER")) return std::string("NEVER");
    std::string list;
    for (std::string_view rest = value;;) {
        const std::size_t comma = rest.find(',');
        const std::string_view given = rest.substr(0, comma);
        std::string_view word;
        for (const Notice notice : {Notice::success, Notice::failure, Notice::delay})
            if (base::equals_ignoring_case(given, word_of(notice))) word = word_of(notice);
        if (word.empty() || has_word(list, word)) return wrong();
        list.append(list.empty() ? "" : ",").append(word);
        if (comma == std::string_view::npos) return list;
        rest.remove_prefix(comma + 1);
    }
}

base::Result<std::string> parse_envid(std::string_view value) {
    if (value.empty() || value.size() > envid_bytes_max || !decoded_xtext(value))
        return base::fail(ErrorKind::invalid, "ENVID takes 1 to " + std::to_string(envid_bytes_max) +
                                                  " octets of xtext for printable ASCII");
    return std::string(value);
}

base::Result<std::string> parse_orcpt(std::string_view value, Utf8 utf8) {
    const std::size_t semicolon = value.find(';');
    const auto wrong = [] {
        return base::fail(ErrorKind::invalid, "ORCPT takes a type and an address in xtext, as rfc822;a@b.c");
    };
    if (value.size() > orcpt_bytes_max || semicolon == std::string_view::npos) return wrong();
    const std::string_view type = value.substr(0, semicolon);
    const std::string_view address = value.substr(semicolon + 1);
    if (address.empty() || !is_atom(type)) return wrong();
    if (utf8 == Utf8::allowed && base::equals_ignoring_case(type, "utf-8")) {
        std::string ascii(address);
        std::erase_if(ascii, [](char c) { return static_cast<unsigned char>(c) > 0x7F; });
        if (!base::is_utf8(address) || !decoded_xtext(ascii)) return wrong();
    } else if (!decoded_xtext(address)) {
        return wrong();
    }
    return std::string(value);
}

bool wants_notice(std::string_view notify, Notice notice) {
    if (notify.empty()) return notice != Notice::success;
    return has_word(notify, word_of(notice));
}

}  // namespace mailramp::mail
