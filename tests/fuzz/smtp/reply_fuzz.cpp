// ReplyParser: whatever a server says comes out printable and within its limits, at every split.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/smtp/reply.h"

namespace {

using mailramp::base::check;
using mailramp::smtp::Reply;
using mailramp::smtp::ReplyLimits;
using mailramp::smtp::ReplyParser;

constexpr ReplyLimits limits{.line_bytes_max = 60, .lines_max = 4};

struct Reading {
    std::vector<Reply> replies;
    std::string error;
    friend bool operator==(const Reading&, const Reading&) = default;
};

Reading read(std::string_view octets, std::size_t piece_size) {
    ReplyParser parser(limits);
    Reading reading;
    for (std::size_t at = 0; at < octets.size(); at += piece_size) {
        std::string_view piece = octets.substr(at, piece_size);
        while (!piece.empty()) {
            const std::size_t left = piece.size();
            auto reply = parser.consume(piece);
            if (!reply) {
                reading.error = reply.error().message;
                return reading;
            }
            check(*reply ? piece.size() < left : piece.empty(), "the parser goes on");
            if (*reply) reading.replies.push_back(**reply);
        }
    }
    return reading;
}

void check_printable(std::string_view text, std::size_t bytes_max) {
    check(text.size() <= bytes_max, "what a server said has its limit");
    check(mailramp::base::printable(text, text.size()) == text, "what a server said is printable");
}

void check_reply(const Reply& reply) {
    check(reply.code >= 200 && reply.code <= 599, "a code is one of SMTP");
    check(!reply.lines.empty() && reply.lines.size() <= limits.lines_max, "a reply has 1 to lines_max lines");
    for (const std::string& line : reply.lines)
        check_printable(line, limits.line_bytes_max);
    check_printable(reply.text(20), 20);
    check_printable(reply.enhanced, std::string_view("5.999.999").size());
    if (!reply.enhanced.empty()) {
        std::string_view rest = reply.enhanced;
        check(mailramp::smtp::split_enhanced_code(rest) == reply.enhanced && rest.empty(),
              "an enhanced code is one");
    }
    const mailramp::mail::Answer answer = mailramp::smtp::to_answer(reply, mailramp::mail::Phase::rcpt);
    check(answer.code == reply.code, "the answer is the reply's");
    check_printable(answer.text, mailramp::mail::answer_text_bytes_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Reading whole = read(octets, octets.size() + 1);
    const Reading pieces = read(octets, 1 + data[0] % 16);
    check(whole.replies == pieces.replies, "the replies do not depend on the pieces");
    check(whole.error.empty() == pieces.error.empty(), "an error does not depend on the pieces");
    for (const Reply& reply : whole.replies)
        check_reply(reply);
    check_printable(whole.error, 200);
    return 0;
}
