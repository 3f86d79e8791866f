#include "smtp/server_reply.h"

#include <algorithm>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

constexpr std::size_t line_text_bytes_max = 490;  // RFC 5321 §4.5.3.1.5: 512 with code, enhanced code, CRLF
constexpr std::size_t text_bytes_max = 4096;

// The part of `text` that fits into one line; takes it and the space behind it off.
std::string_view take_line(std::string_view& text) {
    std::size_t length = text.size();
    if (length > line_text_bytes_max) {
        const std::size_t space = text.rfind(' ', line_text_bytes_max);
        length = space == std::string_view::npos || space == 0 ? line_text_bytes_max : space;
    }
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(length);
    if (text.starts_with(' ')) text.remove_prefix(1);
    return line;
}

}  // namespace

std::string format_reply(int code, std::string_view enhanced, std::string_view text) {
    std::string clean = base::printable(text, text_bytes_max);
    std::ranges::replace_if(clean, [](char c) { return static_cast<unsigned char>(c) > 0x7E; }, '?');
    std::string_view rest = clean;
    std::vector<std::string> lines;
    do {
        const std::string_view line = take_line(rest);
        lines.push_back(enhanced.empty() ? std::string(line)
                                         : std::string(enhanced).append(" ").append(line));
    } while (!rest.empty());
    return format_lines(code, lines);
}

std::string format_lines(int code, const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines)
        out.append(std::to_string(code))
            .append(&line == &lines.back() ? " " : "-")
            .append(line)
            .append("\r\n");
    return out;
}

}  // namespace mailramp::smtp
