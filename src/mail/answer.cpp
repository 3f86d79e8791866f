#include "mailramp/mail/answer.h"

#include <cstring>

namespace mailramp::mail {

const char* to_string(Channel channel) {
    switch (channel) {
        case Channel::none:
            return "none";
        case Channel::smtp:
            return "smtp";
        case Channel::http:
            return "http";
        case Channel::local:
            return "local";
    }
    return "none";
}

const char* to_string(Phase phase) {
    switch (phase) {
        case Phase::none:
            return "none";
        case Phase::resolve:
            return "resolve";
        case Phase::connect:
            return "connect";
        case Phase::banner:
            return "banner";
        case Phase::ehlo:
            return "ehlo";
        case Phase::starttls:
            return "starttls";
        case Phase::tls:
            return "tls";
        case Phase::token:
            return "token";
        case Phase::auth:
            return "auth";
        case Phase::mail:
            return "mail";
        case Phase::rcpt:
            return "rcpt";
        case Phase::data:
            return "data";
        case Phase::body:
            return "body";
        case Phase::body_end:
            return "body_end";
        case Phase::quit:
            return "quit";
    }
    return "none";
}

std::string to_string(const Answer& answer) {
    std::string out;
    if (answer.code != 0) out += std::to_string(answer.code) + " ";
    if (!answer.enhanced.empty()) out += answer.enhanced + " ";
    out += answer.text;
    if (answer.phase != Phase::none) out += std::string(" (") + to_string(answer.phase) + ")";
    return out;
}

Channel channel_from(const char* word) {
    for (const Channel channel : {Channel::smtp, Channel::http, Channel::local})
        if (std::strcmp(word, to_string(channel)) == 0) return channel;
    return Channel::none;
}

Phase phase_from(const char* word) {
    for (int i = 0; i <= static_cast<int>(Phase::quit); ++i)
        if (std::strcmp(word, to_string(static_cast<Phase>(i))) == 0) return static_cast<Phase>(i);
    return Phase::none;
}

}  // namespace mailramp::mail
