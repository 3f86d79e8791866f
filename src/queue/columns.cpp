#include "queue/columns.h"

#include "mailramp/base/text.h"

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
