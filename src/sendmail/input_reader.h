// sendmail/input_reader.h: what a program writes to sendmail(1), made into content with CRLF line ends. Pure.
//
// LF and CRLF end lines, a bare CR is content here (Message tells of one in the header). Where LoneDot says
// so, a line with nothing but a dot ends the message; it is no content. Dots are not doubled on this side, so
// none is taken away.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sendmail/invocation.h"

namespace mailramp::sendmail {

class InputReader {
  public:
    InputReader(LoneDot lone_dot, std::size_t size_bytes_max)
        : lone_dot_(lone_dot), size_bytes_max_(size_bytes_max) {}

    // Octets in pieces of any size, until ended() or too_large().
    void read(std::string_view octets);
    // The input is at its end.
    void finish();

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool too_large() const { return content_.size() > size_bytes_max_; }
    // Octets that had come behind the lone dot: perhaps the rest of a message whose writer forgot -i.
    [[nodiscard]] std::size_t bytes_behind_the_end() const { return bytes_behind_the_end_; }
    // Empty, or it ends in CRLF. Once.
    [[nodiscard]] std::string take_content() { return std::move(content_); }

  private:
    // The line under way, without its LF, is complete.
    void end_line();

    LoneDot lone_dot_;
    std::size_t size_bytes_max_;
    std::string content_;
    std::size_t line_begin_ = 0;  // of the line under way, in content_
    bool ended_ = false;
    std::size_t bytes_behind_the_end_ = 0;
};

}  // namespace mailramp::sendmail
