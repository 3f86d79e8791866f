#include "sandbox/body_reader.h"

#include <algorithm>
#include <cstring>

namespace mailramp::sandbox {

std::size_t BodyReader::read(std::string_view wire, std::string& out) {
    std::size_t used = 0;
    while (used < wire.size() && state_ != State::ended) {
        if (state_ == State::in_line) {
            // Most octets are plain: go to the next CR in one stride; a bare LF in between is only noted.
            const std::string_view rest = wire.substr(used);
            const std::size_t length = std::min(rest.find('\r'), rest.size());
            const std::string_view plain = rest.substr(0, length);
            if (plain.find('\n') != std::string_view::npos) has_bare_line_end_ = true;
            put(plain, out);
            used += length;
            if (used == wire.size()) break;
        }
        step(wire[used], out);
        ++used;
    }
    return used;
}

void BodyReader::step(char c, std::string& out) {
    switch (state_) {
        case State::line_start:
            if (c == '.') {
                state_ = State::dot;
                return;
            }
            break;
        case State::in_line:
            break;
        case State::cr:
            put("\r", out);
            if (c == '\n') {
                put("\n", out);
                state_ = State::line_start;
                return;
            }
            has_bare_line_end_ = true;
            break;
        case State::dot:
            if (c == '\r') {
                state_ = State::dot_cr;
                return;
            }
            break;  // the dot was added by the client, or forgotten to be doubled: either way it goes
        case State::dot_cr:
            if (c == '\n') {
                state_ = State::ended;
                return;
            }
            put("\r", out);
            has_bare_line_end_ = true;
            break;
        case State::ended:
            return;
    }
    if (c == '\r') {
        state_ = State::cr;
        return;
    }
    if (c == '\n') has_bare_line_end_ = true;
    put(std::string_view(&c, 1), out);
    state_ = State::in_line;
}

void BodyReader::put(std::string_view octets, std::string& out) {
    size_bytes_ += octets.size();
    if (!too_large()) out += octets;
}

}  // namespace mailramp::sandbox
