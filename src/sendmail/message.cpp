#include "sendmail/message.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/mail/header_section.h"

namespace mailramp::sendmail {
namespace {

constexpr std::size_t name_bytes_max = 256;  // of a display name; a longer one is cut

enum class Role { other, recipients, resent_recipients, hidden, resent_hidden };

Role role_of(std::string_view name) {
    name = base::trim(name);
    if (base::equals_ignoring_case(name, "To") || base::equals_ignoring_case(name, "Cc"))
        return Role::recipients;
    if (base::equals_ignoring_case(name, "Bcc")) return Role::hidden;
    if (base::equals_ignoring_case(name, "Resent-To") || base::equals_ignoring_case(name, "Resent-Cc"))
        return Role::resent_recipients;
    if (base::equals_ignoring_case(name, "Resent-Bcc")) return Role::resent_hidden;
    return Role::other;
}

// The first field of the section with its continuation lines; all of it is removed from `section`.
std::string_view take_field(std::string_view& section) {
    std::size_t end = 0;
    do {
        const std::size_t line_end = section.find("\r\n", end);
        end = line_end == std::string_view::npos ? section.size() : line_end + 2;
    } while (end < section.size() && (section[end] == ' ' || section[end] == '\t'));
    const std::string_view field = section.substr(0, end);
    section.remove_prefix(end);
    return field;
}

struct Fields {
    std::string kept;
    AddressList recipients;
    AddressList resent_recipients;
    bool resent = false;
};

Fields sort_out(std::string_view section) {
    Fields fields;
    while (!section.empty()) {
        const std::string_view field = take_field(section);
        const std::size_t colon = std::min(field.find(':'), field.size());
        const std::string_view value = field.substr(std::min(colon + 1, field.size()));
        const Role role = role_of(field.substr(0, colon));
        if (role == Role::recipients || role == Role::hidden) read_addresses(value, fields.recipients);
        if (role == Role::resent_recipients || role == Role::resent_hidden) {
            fields.resent = true;
            read_addresses(value, fields.resent_recipients);
        }
        if (role != Role::hidden && role != Role::resent_hidden) fields.kept += field;
    }
    return fields;
}

bool is_atom(std::string_view word) {
    return std::ranges::all_of(word, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ' ||
               std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
    });
}

std::string quoted_string(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

// RFC 2047 §2: encoded words of at most 75 octets, none of which ends within a character.
std::string encoded(std::string_view name) {
    constexpr std::size_t octets_max = 45;  // 60 in base64, and 12 around them
    std::string out;
    while (!name.empty()) {
        std::size_t length = std::min(octets_max, name.size());
        while (length < name.size() && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80)
            --length;
        out.append(out.empty() ? "" : "\r\n ").append("=?UTF-8?B?");
        out.append(base::base64_encode(name.substr(0, length))).append("?=");
        name.remove_prefix(length);
    }
    return out;
}

std::string display_name(std::string_view name) {
    const std::string clean = base::printable(base::trim(name), name_bytes_max);
    if (!base::is_utf8(name)) return {};
    if (!base::is_ascii(clean)) return encoded(clean);
    return is_atom(clean) ? clean : quoted_string(clean);
}

// A CR with anything but CRs between it and the line end. CR CR LF, from programs that end their lines twice,
// hides nothing.
bool has_bare_cr(std::string_view octets) {
    for (std::size_t at = octets.find('\r'); at != std::string_view::npos; at = octets.find('\r', at)) {
        at = octets.find_first_not_of('\r', at);
        if (at == std::string_view::npos || octets[at] != '\n') return true;
    }
    return false;
}

bool eight_bit_in(std::string_view octets) {
    return !base::is_ascii(octets);
}

}  // namespace

std::string from_field(const Author& author) {
    const std::string name = display_name(author.name);
    if (name.empty()) return "From: " + author.address + "\r\n";
    return "From: " + name + " <" + author.address + ">\r\n";
}

base::Result<Message> Message::from(std::string content, const Author& author) {
    using State = mail::HeaderSection::State;
    mail::HeaderSection section({.header_bytes_max = header_bytes_max, .fields_max = header_fields_max});
    Message message;
    message.content_ = std::move(content);
    message.body_begin_ = section.feed(message.content_);
    section.finish();
    if (section.state() == State::too_large)
        return base::fail(base::ErrorKind::limit, "the header section is larger than " +
                                                      std::to_string(header_bytes_max) + " octets or " +
                                                      std::to_string(header_fields_max) + " fields");

    std::string_view octets = section.octets();
    if (section.state() == State::blank_line) octets.remove_suffix(2);
    message.has_bare_cr_in_header_ = has_bare_cr(octets);
    Fields fields = sort_out(octets);
    message.recipients_ = std::move(fields.resent ? fields.resent_recipients : fields.recipients);
    if (section.facts().from_count == 0) message.head_ = from_field(author);
    message.head_ += fields.kept;
    message.head_ += "\r\n";
    message.head_ += section.body_start();
    return message;
}

bool Message::has_eight_bit() const {
    return eight_bit_in(head_) || eight_bit_in(body());
}

}  // namespace mailramp::sendmail
