// mailramp/smtp/reply.h: what an SMTP server said, taken apart (RFC 5321 §4.2, RFC 3463).
//
// A server's words are hostile input: every line, every reply and every count is capped, and control octets
// are replaced before anybody sees the text. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/mail/answer.h"

namespace mailramp::smtp {

struct ReplyLimits {
    std::size_t line_bytes_max =
        4096;                     // without the line end; RFC 5321 says 512, Exchange writes up to 2,000
    std::size_t lines_max = 100;  // in one reply
};

// One complete reply. The lines are printable; the enhanced status code is taken off each of them.
struct Reply {
    int code = 0;          // 200 to 599
    std::string enhanced;  // "5.7.139" of the first line that has one, or empty
    std::vector<std::string> lines;

    [[nodiscard]] bool positive() const { return code / 100 == 2; }
    [[nodiscard]] bool transient() const { return code / 100 == 4; }
    [[nodiscard]] bool permanent() const { return code / 100 == 5; }
    // The lines joined with single spaces, cut at `bytes_max`.
    [[nodiscard]] std::string text(std::size_t bytes_max = mail::answer_text_bytes_max) const;

    friend bool operator==(const Reply&, const Reply&) = default;
};

// Takes a status code of RFC 3463 ("5.7.139 ") off the front of `text` and returns it; empty when there is
// none.
[[nodiscard]] std::string split_enhanced_code(std::string_view& text);

// What the server said, as a value for reports and for the queue.
[[nodiscard]] mail::Answer to_answer(const Reply& reply, mail::Phase phase);

// Puts replies together from octets as they arrive. A bare LF ends a line as CRLF does, since some servers
// send it and a reply carries nothing that could be smuggled past us. After an error the parser is of no more
// use.
class ReplyParser {
  public:
    explicit ReplyParser(ReplyLimits limits = {}) : limits_(limits) {}

    // Takes octets off the front of `bytes` up to the end of one reply; nothing when they do not suffice.
    // Octets after that reply stay in `bytes`. ErrorKind::protocol, in words, when this is not SMTP.
    [[nodiscard]] base::Result<std::optional<Reply>> consume(std::string_view& bytes);

  private:
    enum class LineKind { last, continued };
    [[nodiscard]] base::Result<LineKind> take_line();

    ReplyLimits limits_;
    std::string line_;  // at most line_bytes_max and a CR
    Reply reply_;       // the lines so far
};

}  // namespace mailramp::smtp
