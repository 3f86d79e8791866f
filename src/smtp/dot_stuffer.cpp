#include "mailramp/smtp/dot_stuffer.h"

#include <algorithm>

#include "smtp/line_ends.h"

namespace mailramp::smtp {

void DotStuffer::write(std::string_view content, std::string& out) {
    LineEnds ends(content);
    const char* at = content.data();
    while (at != ends.end()) {
        if (state_ == State::cr) {
            const bool line_end = *at == '\n';
            out += line_end ? "\r\n" : " ";
            state_ = line_end ? State::line_start : State::in_line;
            if (line_end) ++at;
            continue;
        }
        if (state_ == State::line_start && *at == '.') out += '.';
        state_ = State::in_line;

        // The octets of the line up to its end, however that is spelled.
        const char* const line_end = std::min(ends.carriage_return(at), ends.line_feed(at));
        out.append(at, line_end);
        at = line_end;
        if (at == ends.end()) return;
        if (*at == '\r') {
            state_ = State::cr;
        } else {
            out += "\r\n";
            state_ = State::line_start;
        }
        ++at;
    }
}

void DotStuffer::finish(std::string& out) {
    if (state_ == State::cr) out += ' ';
    if (state_ != State::line_start) out += "\r\n";
    out += ".\r\n";
    state_ = State::line_start;
}

}  // namespace mailramp::smtp
