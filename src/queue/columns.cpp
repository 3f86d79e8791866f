#include "queue/columns.h"

#include "mailramp/base/text.h"
#include "queue/schema.h"

namespace mailramp::queue {

mail::Answer read_answer(const Query& query, int first) {
    mail::Answer answer;
    answer.channel = mail::channel_from(query.text(first).c_str());
    answer.phase = mail::phase_from(query.text(first + 1).c_str());
    answer.code = static_cast<int>(query.integer(first + 2));
    answer.enhanced = query.text(first + 3);
    answer.text = query.text(first + 4);
    return answer;
}

RecipientRow read_recipient(const Query& query, int first) {
    RecipientRow recipient;
    recipient.row = query.integer(first);
    recipient.address = query.text(first + 1);
    recipient.state = state_from_number(query.integer(first + 2));
    recipient.due = wall_time(query.integer(first + 3));
    recipient.attempts = static_cast<int>(query.integer(first + 4));
    recipient.maybe_delivered = query.integer(first + 5) != 0;
    recipient.mailbox = query.text(first + 6);
    recipient.route = query.text(first + 7);
    recipient.answer = read_answer(query, first + 8);
    return recipient;
}

void read_description(MessageRow& message, const Query& query, int first) {
    message.sender = query.text(first);
    message.header_from = query.text(first + 1);
    message.message_id = query.text(first + 2);
    message.client_address = query.text(first + 3);
    message.listener = query.text(first + 4);
    message.size_bytes = static_cast<std::uint64_t>(query.integer(first + 5));
    message.accepted = wall_time(query.integer(first + 6));
}

const char* ret_word(mail::DsnReturn ret) {
    switch (ret) {
        case mail::DsnReturn::unset:
            return "";
        case mail::DsnReturn::full:
            return "FULL";
        case mail::DsnReturn::headers:
            return "HDRS";
    }
    return "";
}

mail::DsnReturn ret_from_word(std::string_view word) {
    if (word == "FULL") return mail::DsnReturn::full;
    if (word == "HDRS") return mail::DsnReturn::headers;
    return mail::DsnReturn::unset;
}

std::string storable(std::string_view text) {
    return base::printable(text, stored_text_bytes_max);
}

}  // namespace mailramp::queue
