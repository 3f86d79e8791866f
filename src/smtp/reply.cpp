#include "mailramp/smtp/reply.h"

#include <algorithm>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

constexpr std::size_t excerpt_bytes_max = 80;  // of a bad line, in an error message

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

base::Error not_smtp(std::string_view what, std::string_view line) {
    std::string message = "the server broke the SMTP protocol: ";
    message.append(what).append(": \"").append(base::printable(line, excerpt_bytes_max)).append("\"");
    return {base::ErrorKind::protocol, std::move(message)};
}

// The length of "1" to "999" at the front; 0 when there is none.
std::size_t number_length(std::string_view text) {
    const auto end = std::ranges::find_if_not(text, is_digit);
    const auto length = static_cast<std::size_t>(end - text.begin());
    return length <= 3 ? length : 0;
}

}  // namespace

std::string Reply::text(std::size_t bytes_max) const {
    std::string joined;
    for (const std::string& line : lines) {
        if (line.empty()) continue;
        if (!joined.empty()) joined += ' ';
        joined += line;
        if (joined.size() >= bytes_max) break;
    }
    return base::printable(joined, bytes_max);
}

std::string split_enhanced_code(std::string_view& text) {
    if (text.size() < 5 || (text[0] != '2' && text[0] != '4' && text[0] != '5') || text[1] != '.') return {};
    const std::size_t subject = number_length(text.substr(2));
    if (subject == 0 || text.size() <= 2 + subject || text[2 + subject] != '.') return {};
    const std::size_t detail = number_length(text.substr(3 + subject));
    const std::size_t length = 3 + subject + detail;
    if (detail == 0 || (text.size() > length && text[length] != ' ')) return {};
    std::string code(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
    return code;
}

mail::Answer to_answer(const Reply& reply, mail::Phase phase) {
    mail::Answer answer;
    answer.channel = mail::Channel::smtp;
    answer.phase = phase;
    answer.code = reply.code;
    answer.enhanced = reply.enhanced;
    answer.text = reply.text();
    return answer;
}

base::Result<std::optional<Reply>> ReplyParser::consume(std::string_view& bytes) {
    while (!bytes.empty()) {
        const std::size_t line_end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, line_end);
        // One more for the CR, which is looked at only when the LF has come.
        if (line_.size() + part.size() > limits_.line_bytes_max + 1)
            return std::unexpected(not_smtp("a reply line is too long", line_.empty() ? part : line_));
        line_ += part;
        if (line_end == std::string_view::npos) {
            bytes = {};
            return std::nullopt;
        }
        bytes.remove_prefix(line_end + 1);
        const auto kind = take_line();
        if (!kind) return std::unexpected(kind.error());
        if (*kind == LineKind::last) return std::exchange(reply_, Reply{});
    }
    return std::nullopt;
}

// Moves `line_` into `reply_`.
base::Result<ReplyParser::LineKind> ReplyParser::take_line() {
    const std::string taken = std::exchange(line_, std::string());
    std::string_view line = taken;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > limits_.line_bytes_max)
        return std::unexpected(not_smtp("a reply line is too long", line));
    if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit) || line[0] < '2' ||
        line[0] > '5')
        return std::unexpected(not_smtp("a reply does not start with a code", line));
    if (line.size() > 3 && line[3] != ' ' && line[3] != '-')
        return std::unexpected(not_smtp("a reply code is not followed by a space or a hyphen", line));
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (!reply_.lines.empty() && code != reply_.code)
        return std::unexpected(not_smtp("the lines of one reply have different codes", line));
    if (reply_.lines.size() >= limits_.lines_max)
        return std::unexpected(not_smtp("a reply has too many lines", line));

    const LineKind kind = line.size() > 3 && line[3] == '-' ? LineKind::continued : LineKind::last;
    std::string_view text = line.substr(std::min<std::size_t>(4, line.size()));
    reply_.code = code;
    std::string enhanced = split_enhanced_code(text);
    if (reply_.enhanced.empty()) reply_.enhanced = std::move(enhanced);
    reply_.lines.push_back(base::printable(text, limits_.line_bytes_max));
    return kind;
}

}  // namespace mailramp::smtp
