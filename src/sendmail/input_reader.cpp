#include "sendmail/input_reader.h"

namespace mailramp::sendmail {

void InputReader::read(std::string_view octets) {
    while (!octets.empty() && !ended_ && !too_large()) {
        const std::size_t line_feed = octets.find('\n');
        content_ += octets.substr(0, line_feed);
        if (line_feed == std::string_view::npos) return;
        octets.remove_prefix(line_feed + 1);
        end_line();
    }
    if (ended_) bytes_behind_the_end_ += octets.size();
}

void InputReader::finish() {
    if (!ended_ && line_begin_ < content_.size()) end_line();
    ended_ = true;
}

void InputReader::end_line() {
    const std::string_view line = std::string_view(content_).substr(line_begin_);
    if (lone_dot_ == LoneDot::ends_the_input && (line == "." || line == ".\r")) {
        content_.resize(line_begin_);
        ended_ = true;
        return;
    }
    content_ += line.ends_with('\r') ? "\n" : "\r\n";
    line_begin_ = content_.size();
}

}  // namespace mailramp::sendmail
