// mailramp/smtp/data_reader.h: what comes between 354 and the end of data, made into content (RFC 5321
// §4.5.2).
//
// Only CRLF . CRLF ends the data; all of LF.LF, LF.CRLF, CRLF.LF, CR.CR and their kin are content, so that no
// two servers can see different messages (CVE-2023-51764 and its siblings). The content that comes out is
// empty or ends in CRLF, and has no other CR or LF than in CRLF:
//   - a bare LF becomes CRLF (Python's smtplib sends them);
//   - a bare CR becomes a space: it is never a line end, and CR CR LF must not double the lines;
//   - a dot at the start of a line that follows a CRLF is removed, unless it is all there is before a bare
//   LF;
//   - a dot at the start of a line that follows a bare LF is removed only in front of another dot: smtplib
//     doubles dots there, other programs (curl) do not, and a lone dot tells the two apart;
//   - NUL is kept, and reported: no server without BINARYMIME must take it, so the caller answers 554 5.6.0;
//   - lines may have any length. RFC 5321 promises 1000 octets only, but cutting one changes the message, and
//     nothing here holds a line in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mailramp::smtp {

class LineEnds;

class DataReader {
  public:
    // Beyond `size_bytes_max` octets of content nothing more is handed out, but the end is still looked for.
    explicit DataReader(std::uint64_t size_bytes_max) : size_bytes_max_(size_bytes_max) {}

    // Reads from the front of `wire`, appends content to `out`, and returns how many octets were used: all of
    // them, unless the data ended. What follows the end is commands.
    [[nodiscard]] std::size_t read(std::string_view wire, std::string& out);

    [[nodiscard]] bool ended() const { return state_ == State::ended; }
    [[nodiscard]] bool too_large() const { return size_bytes_ > size_bytes_max_; }
    [[nodiscard]] bool has_nul() const { return has_nul_; }
    [[nodiscard]] bool has_eight_bit() const { return has_eight_bit_; }  // an octet above 127
    [[nodiscard]] std::uint64_t size_bytes() const {
        return size_bytes_;
    }  // of the content, discarded or not

  private:
    enum class State {
        line_start,     // behind CRLF, or at the very start
        lf_line_start,  // behind a bare LF
        in_line,
        cr,      // CR, and what it is depends on the next octet
        dot,     // a dot at line_start
        dot_cr,  // the same, and a CR
        lf_dot,  // a dot at lf_line_start
        ended,
    };
    // Runs over plain octets in bulk; stops at what needs a decision.
    const char* run(const char* at, LineEnds& ends, std::string& out);
    // Decides about one octet. True: it was used; false: look again in the new state.
    bool step(char c, std::string& out);
    void put(std::string_view content, std::string& out);
    void note_octets(std::string_view used);

    std::uint64_t size_bytes_max_;
    std::uint64_t size_bytes_ = 0;
    State state_ = State::line_start;
    bool has_nul_ = false;
    bool has_eight_bit_ = false;
};

}  // namespace mailramp::smtp
