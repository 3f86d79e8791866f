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

void add_mailboxes(std::vector<HeaderMailbox>& to, std::string_view value) {
    std::ranges::move(header_mailboxes(value), std::back_inserter(to));
}

// What a reader sees in place of the address that is gone. No '@': an address in a display name looks like
// fraud to filters.
std::string display_name(const HeaderMailbox& mailbox) {
    if (!mailbox.phrase.empty()) return as_phrase(mailbox.phrase);
    if (!mailbox.comment.empty()) return as_phrase(mailbox.comment);
    if (mailbox.address.empty()) return as_phrase(mailbox.words);
    return as_phrase(std::string(local_part_of(mailbox.address)) + " (" +
                     std::string(domain_of(mailbox.address)) + ")");
}

std::string from_field(const Originators& before, const std::string& address) {
    const std::string name = before.from.empty() ? std::string() : display_name(before.from.front());
    return name.empty() ? folded("From:", "<" + address + ">") : folded("From:", name + " <" + address + ">");
}

}  // namespace

Originators originators_of(std::string_view section) {
    Originators found;
    for (const HeaderField& field : fields_of(section)) {
        switch (kind_of(field)) {
            case Kind::from:
                ++found.from_fields;
                add_mailboxes(found.from, field.value);
                break;
            case Kind::sender:
                add_mailboxes(found.sender, field.value);
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

std::string changed_originators(std::string_view section, const OriginatorChange& change) {
    const Originators before = originators_of(section);
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
                    out.append("X-Original-From:").append(field.value).append("\r\n");
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
