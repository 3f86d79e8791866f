#include "mailramp/smtp/data_reader.h"

#include <algorithm>
#include <cstring>

#include "smtp/line_ends.h"

namespace mailramp::smtp {
namespace {

bool any_above_127(std::string_view text) {
    constexpr std::uint64_t high_bits = 0x8080808080808080;
    std::uint64_t seen = 0;
    std::size_t at = 0;
    for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        seen |= word;
    }
    for (; at < text.size(); ++at)
        seen |= static_cast<unsigned char>(text[at]);
    return (seen & high_bits) != 0;
}

}  // namespace

std::size_t DataReader::read(std::string_view wire, std::string& out) {
    LineEnds ends(wire);
    const char* at = wire.data();
    while (at != ends.end() && !ended()) {
        if (state_ == State::in_line) {
            at = run(at, ends, out);
        } else if (step(*at, out)) {
            ++at;
        }
    }
    note_octets(std::string_view(wire.data(), at));
    return static_cast<std::size_t>(at - wire.data());
}

// Once for a whole piece: line by line would take several times as long.
void DataReader::note_octets(std::string_view used) {
    has_nul_ = has_nul_ || used.find('\0') != std::string_view::npos;
    has_eight_bit_ = has_eight_bit_ || any_above_127(used);
}

// In a line: passes octets on, through any number of lines whose end is CRLF and whose successor does not
// start with a dot. Stops behind the first CR or bare LF that needs a decision.
const char* DataReader::run(const char* at, LineEnds& ends, std::string& out) {
    const char* const start = at;
    const char* const end = ends.end();
    for (;;) {
        const char* const carriage_return = ends.carriage_return(at);
        const char* const line_feed = ends.line_feed(at);
        const bool line_goes_on_after = carriage_return != end && carriage_return + 1 == line_feed &&
                                        end - line_feed > 1 && line_feed[1] != '.';
        if (!line_goes_on_after) {
            at = std::min(carriage_return, line_feed);
            break;
        }
        at = line_feed + 1;
    }
    put(std::string_view(start, at), out);
    if (at == end) return end;
    if (*at == '\r') {
        state_ = State::cr;
    } else {
        put("\r\n", out);
        state_ = State::lf_line_start;
    }
    return at + 1;
}

bool DataReader::step(char c, std::string& out) {
    switch (state_) {
        case State::line_start:
            state_ = c == '.' ? State::dot : State::in_line;
            return c == '.';
        case State::lf_line_start:
            state_ = c == '.' ? State::lf_dot : State::in_line;
            return c == '.';
        case State::cr:
            put(c == '\n' ? "\r\n" : " ", out);
            state_ = c == '\n' ? State::line_start : State::in_line;
            return c == '\n';
        case State::dot:
            if (c == '\r') {
                state_ = State::dot_cr;
                return true;
            }
            if (c == '\n') put(".", out);  // nothing else is on the line: the dot is content
            state_ = State::in_line;
            return false;
        case State::dot_cr:
            if (c == '\n') {
                state_ = State::ended;
                return true;
            }
            put(" ", out);  // the dot had something behind it and was stuffing; the CR is bare
            state_ = State::in_line;
            return false;
        case State::lf_dot:
            put(".", out);
            state_ = State::in_line;
            return c == '.';
        case State::in_line:
        case State::ended:
            break;
    }
    return false;
}

void DataReader::put(std::string_view content, std::string& out) {
    size_bytes_ += content.size();
    if (!too_large()) out += content;
}

}  // namespace mailramp::smtp
