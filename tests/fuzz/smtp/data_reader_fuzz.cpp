// DataReader and DotStuffer: the end is where RFC 5321 says and nowhere else, at every split, and stuffing is
// undone.
#include <cstddef>
#include <cstdint>
#include <string>

#include "mailramp/base/result.h"
#include "mailramp/smtp/data_reader.h"
#include "mailramp/smtp/dot_stuffer.h"
#include "unit/smtp/wire_strings.h"

namespace {

using mailramp::base::check;
using mailramp::smtp::DataReader;
using mailramp::smtp::DotStuffer;

constexpr std::uint64_t no_limit = 1 << 30;

struct Reading {
    std::string content;
    std::size_t used = 0;
    bool ended = false;
    bool has_nul = false;
    bool has_eight_bit = false;
    friend bool operator==(const Reading&, const Reading&) = default;
};

Reading read(std::string_view wire, std::size_t piece_size) {
    DataReader reader(no_limit);
    Reading reading;
    while (reading.used < wire.size() && !reader.ended())
        reading.used += reader.read(wire.substr(reading.used, piece_size), reading.content);
    check(reader.size_bytes() == reading.content.size(), "the size is that of the content");
    reading.ended = reader.ended();
    reading.has_nul = reader.has_nul();
    reading.has_eight_bit = reader.has_eight_bit();
    return reading;
}

void check_reader(std::string_view wire, std::size_t piece_size) {
    const Reading whole = read(wire, wire.size() + 1);
    check(read(wire, piece_size) == whole, "the content does not depend on the pieces");
    const std::size_t end = std::string("\r\n").append(wire).find("\r\n.\r\n");
    check(whole.ended == (end != std::string::npos), "data ends at CRLF.CRLF only");
    if (whole.ended) check(whole.used == end + 3, "what follows the end is not touched");
    check(mailramp::smtp::testing::is_crlf_only(whole.content), "content has no lone CR or LF");
    check(whole.content.size() <= 2 * wire.size(), "content is at most twice the input");
    check(whole.has_nul == (whole.content.find('\0') != std::string::npos), "NUL is reported");
}

void check_stuffer(std::string_view content, std::size_t piece_size) {
    DotStuffer stuffer;
    std::string wire;
    for (std::size_t at = 0; at < content.size(); at += piece_size)
        stuffer.write(content.substr(at, piece_size), wire);
    stuffer.finish(wire);
    const Reading back = read(wire, wire.size());
    check(back.ended && back.used == wire.size(), "the stuffed message ends where it ends");
    if (mailramp::smtp::testing::is_crlf_only(content) && (content.empty() || content.ends_with("\r\n")))
        check(back.content == content, "stuffing is undone");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece_size = 1 + data[0] % 16;
    check_reader(input, piece_size);
    check_stuffer(input, piece_size);
    check_stuffer(read(input, input.size() + 1).content, piece_size);
    return 0;
}
