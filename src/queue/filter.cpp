#include <string_view>

#include "mailramp/base/text.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::queue {
namespace {

constexpr std::string_view null_sender = "<>";

bool is_meant(const std::optional<std::string>& wanted, std::string_view address) {
    if (!wanted) return true;
    if (*wanted == null_sender) return address.empty();
    if (!wanted->starts_with('@')) return base::equals_ignoring_case(*wanted, address);
    return address.size() > wanted->size() &&
           base::equals_ignoring_case(*wanted, address.substr(address.size() - wanted->size()));
}

std::string_view without_brackets(std::string_view message_id) {
    if (message_id.starts_with('<')) message_id.remove_prefix(1);
    if (message_id.ends_with('>')) message_id.remove_suffix(1);
    return message_id;
}

}  // namespace

bool Filter::looks_at_message() const {
    return sender || message_id || accepted_before || accepted_after;
}

bool Filter::all() const {
    return !state && !mailbox && !route && !recipient && !looks_at_message();
}

bool Filter::takes(const RecipientRow& row) const {
    return (!state || row.state == *state) && (!mailbox || row.mailbox == *mailbox) &&
           (!route || row.route == *route) && is_meant(recipient, row.address);
}

bool Filter::takes(const MessageRow& message) const {
    return (!accepted_before || message.accepted < *accepted_before) &&
           (!accepted_after || message.accepted >= *accepted_after) && is_meant(sender, message.sender) &&
           (!message_id || without_brackets(*message_id) == without_brackets(message.message_id));
}

std::string Filter::text() const {
    std::string out;
    const auto add = [&out](std::string_view name, std::string_view value) {
        out.append(out.empty() ? "" : ", ").append(name).append(" ").append(value);
    };
    const auto seconds = [](base::WallTime time) {
        return std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
    };
    if (state) add("state", to_string(*state));
    if (mailbox) add("mailbox", *mailbox);
    if (route) add("route", *route);
    if (sender) add("sender", *sender);
    if (recipient) add("recipient", *recipient);
    if (message_id) add("Message-ID", *message_id);
    if (accepted_before) add("accepted before", seconds(*accepted_before));
    if (accepted_after) add("accepted after", seconds(*accepted_after));
    return out.empty() ? "all" : out;
}

}  // namespace mailramp::queue
