// sandbox/body_reader.h: the octets between 354 and the end of data, exactly as they were meant. Pure.
//
// Unlike smtp::DataReader it repairs nothing: only the dots that RFC 5321 §4.5.2 added are taken away, so
// that the record shows what the client really sent. A bare CR or LF is kept and reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mailramp::sandbox {

class BodyReader {
  public:
    // Beyond this many octets nothing more is kept, but the end is still looked for.
    explicit BodyReader(std::uint64_t size_bytes_max = 0) : size_bytes_max_(size_bytes_max) {}

    // Uses octets from the front of `wire`, appends content to `out`, and returns how many were used: all of
    // them unless the data ended.
    [[nodiscard]] std::size_t read(std::string_view wire, std::string& out);
    [[nodiscard]] bool ended() const { return state_ == State::ended; }
    [[nodiscard]] bool too_large() const { return size_bytes_ > size_bytes_max_; }
    [[nodiscard]] bool has_bare_line_end() const { return has_bare_line_end_; }
    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    enum class State {
        line_start,  // behind CRLF, or at the very start
        in_line,
        cr,      // CR, not yet handed out
        dot,     // a dot at line_start, not yet handed out
        dot_cr,  // the same and a CR
        ended,
    };
    void put(std::string_view octets, std::string& out);
    void step(char c, std::string& out);

    std::uint64_t size_bytes_max_;
    std::uint64_t size_bytes_ = 0;
    State state_ = State::line_start;
    bool has_bare_line_end_ = false;
};

}  // namespace mailramp::sandbox
