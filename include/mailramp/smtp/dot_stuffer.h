// mailramp/smtp/dot_stuffer.h: content made ready for the wire (RFC 5321 §4.5.2), the reverse of DataReader.
//
// Every line that starts with a dot gets a second one, and the end is CRLF . CRLF. Content is stored with
// CRLF line ends; should a bare LF or CR be in it all the same, it goes out as CRLF or as a space, because a
// server that takes one for a line end would see a second message.
#pragma once

#include <string>
#include <string_view>

namespace mailramp::smtp {

class DotStuffer {
  public:
    // Appends to `out` what `content` looks like on the wire. Pieces may be cut anywhere.
    void write(std::string_view content, std::string& out);
    // Appends the end of data, after a CRLF if the last line lacks it. Then the object is as new.
    void finish(std::string& out);

  private:
    enum class State { line_start, in_line, cr };
    State state_ = State::line_start;
};

}  // namespace mailramp::smtp
