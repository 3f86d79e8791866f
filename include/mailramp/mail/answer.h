// mailramp/mail/answer.h: what the other side said about a recipient or a session, as a value.
#pragma once

#include <cstddef>
#include <string>

namespace mailramp::mail {

enum class Channel {
    none,   // nobody has said anything yet
    smtp,   // the provider's submission server
    http,   // the token endpoint (later: Graph)
    local,  // mailramp itself: a limit, an expiry, a missing capability
};

// Where in an attempt the answer came.
enum class Phase {
    none,
    resolve,   // looking the host name up
    connect,   // TCP
    banner,    // 220
    ehlo,      // EHLO, before or after TLS
    starttls,  // the STARTTLS command
    tls,       // handshake and certificate check
    token,     // asking for an access token
    auth,
    mail,
    rcpt,
    data,      // the DATA command, up to 354
    body,      // while octets of the message flow
    body_end,  // the reply after CRLF.CRLF
    quit,
};

inline constexpr std::size_t answer_text_bytes_max = 512;

struct Answer {
    Channel channel = Channel::none;
    Phase phase = Phase::none;
    int code = 0;          // 250, 535, HTTP status; 0: none was given
    std::string enhanced;  // "5.7.139", or empty
    std::string text;      // printable, at most answer_text_bytes_max octets

    friend bool operator==(const Answer&, const Answer&) = default;
};

[[nodiscard]] const char* to_string(Channel channel);
[[nodiscard]] const char* to_string(Phase phase);
// "535 5.7.3 Authentication unsuccessful (auth)": for logs and for people.
[[nodiscard]] std::string to_string(const Answer& answer);
// The reverse of the first two, for what was stored; `none` for a word nobody knows.
[[nodiscard]] Channel channel_from(const char* word);
[[nodiscard]] Phase phase_from(const char* word);

}  // namespace mailramp::mail
