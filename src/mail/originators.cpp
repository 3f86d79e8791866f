#include "mailramp/mail/originators.h"

#include <algorithm>
#include <utility>

#include "mail/header_fields.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::mail {
namespace {

enum class Kind { from, sender, reply_to, other };

Kind kind_of(const HeaderField& field) {
    if (base::equals_ignoring_case(field.name, "From")) return Kind::from;
    if (base::equals_ignoring_case(field.name, "Sender")) return Kind::sender;
    if (base::equals_ignoring_case(field.name, "Reply-To")) return Kind::reply_to;
    return Kind::other;
}

void add_field(OriginatorFields& to, std::string_view value) {
    ++to.count;
    to.strict = to.strict && is_one_mailbox(value);
    if (to.mailboxes.size() < header_mailboxes_max)
        std::ranges::move(header_mailboxes(value), std::back_inserter(to.mailboxes));
}

bool is_utf8_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// At most display_name_bytes_max octets of `name`, without a part of a UTF-8 character or of an encoded word
// (RFC 2047 §2) at the end: readers would show both as they are.
std::string_view cut(std::string_view name) {
    if (name.size() <= display_name_bytes_max) return name;
    constexpr std::size_t continuations_max = 3;
    std::size_t end = display_name_bytes_max;
    while (end > display_name_bytes_max - continuations_max && is_utf8_continuation(name[end]))
        --end;
    std::size_t word = end;
    while (word > 0 && !is_blank(name[word - 1]))
        --word;
    const bool within_word = !is_blank(name[end]);
    return name.substr(0, within_word && name.substr(word).starts_with("=?") ? word : end);
}

// An '@' in a display name makes it an address to the eye, which looks like fraud to filters.
std::string without_at(std::string_view text) {
    std::string name(base::trim(text));
    if (check_address(name, Utf8::allowed) && !domain_of(name).empty())
        name = std::string(local_part_of(name)).append(" (").append(domain_of(name)).append(")");
    std::string out;
    for (const char c : name) {
        if (c == '@')
            out += " at ";
        else
            out += c;
    }
    return out;
}

std::string unfolded(std::string_view text) {
    std::string out(text);
    std::erase_if(out, [](char c) { return c == '\r' || c == '\n'; });
    return out;
}

std::string fitting(std::string_view name) {
    return as_phrase(cut(without_at(name)));
}

// What a reader sees in place of the address that is gone: the phrase, else the comment, else that address.
std::string display_name(const HeaderMailbox& mailbox) {
    if (mailbox.phrase.empty() && !mailbox.comment.empty()) return fitting(unfolded(mailbox.comment));
    if (mailbox.phrase.empty() && !mailbox.address.empty()) return fitting(mailbox.address);
    const std::string name = unfolded(mailbox.phrase.empty() ? mailbox.words : mailbox.phrase);
    const bool fits = !name.contains('@') && name.size() <= display_name_bytes_max;
    return fits ? as_phrase(name) : fitting(plain_words(name));
}

std::string from_field(const Originators& before, const std::string& address) {
    const auto& mailboxes = before.from.mailboxes;
    const std::string name = mailboxes.empty() ? std::string() : display_name(mailboxes.front());
    return name.empty() ? folded("From:", "<" + address + ">") : folded("From:", name + " <" + address + ">");
}

// The field under its new name. That is longer than "From", so a line that was as long as one may be (RFC
// 5322 §2.1.1) goes on a line of its own.
std::string original_from(std::string_view value) {
    constexpr std::size_t line_bytes_max = 998;
    std::string out = "X-Original-From:";
    const std::size_t first_line = std::min(value.find("\r\n"), value.size());
    if (out.size() + first_line > line_bytes_max) {
        out += "\r\n";
        if (!is_blank(value.front())) out += ' ';
    }
    return out.append(value).append("\r\n");
}

}  // namespace

std::string_view OriginatorFields::address() const {
    const auto first = std::ranges::find_if(mailboxes, [](const auto& one) { return !one.address.empty(); });
    return first == mailboxes.end() ? std::string_view() : std::string_view(first->address);
}

Originators originators_of(std::string_view section) {
    Originators found;
    for (const HeaderField& field : fields_of(section)) {
        switch (kind_of(field)) {
            case Kind::from:
                add_field(found.from, field.value);
                break;
            case Kind::sender:
                add_field(found.sender, field.value);
                break;
            case Kind::reply_to:
                found.has_reply_to = true;
                break;
            case Kind::other:
                break;
        }
    }
    return found;
}

std::string changed_originators(std::string_view section, const Originators& before,
                                const OriginatorChange& change) {
    std::string added;  // where the first From stands, or behind the last field
    if (!change.from.empty()) added += from_field(before, change.from);
    if (!change.reply_to.empty() && !before.has_reply_to)
        added += folded("Reply-To:", "<" + change.reply_to + ">");

    std::string out;
    bool sender_written = false;
    std::size_t used = 0;  // octets of fields; the blank line is what is left
    for (const HeaderField& field : fields_of(section)) {
        used += field.octets.size();
        switch (kind_of(field)) {
            case Kind::from:
                if (change.from.empty()) {
                    out += field.octets;
                    out += std::exchange(added, {});
                } else {
                    out += std::exchange(added, {});
                    out += original_from(field.value);
                }
                break;
            case Kind::sender:
                if (change.sender_field == OriginatorChange::Sender::keep) out += field.octets;
                if (change.sender_field == OriginatorChange::Sender::replace &&
                    !std::exchange(sender_written, true))
                    out += folded("Sender:", "<" + change.sender + ">");
                break;
            case Kind::reply_to:
            case Kind::other:
                out += field.octets;
        }
    }
    if (!added.empty() && !out.empty() && !out.ends_with("\r\n")) out += "\r\n";
    out += added;
    return out += section.substr(used);
}

}  // namespace mailramp::mail
