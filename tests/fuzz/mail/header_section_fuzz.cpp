// HeaderSection and head_of: nothing of a message is lost, doubled or held beyond the limit, at every split.
#include <cstddef>
#include <cstdint>
#include <string>

#include "mailramp/base/result.h"
#include "mailramp/mail/header_section.h"
#include "mailramp/mail/trace.h"

namespace {

using mailramp::base::check;
using mailramp::mail::HeaderLimits;
using mailramp::mail::HeaderSection;
using State = HeaderSection::State;

constexpr std::size_t header_bytes_max = 150;

struct Scan {
    State state{};
    std::string message;  // with what head_of() adds
    std::string kept;     // section and body as they came
};

Scan scan(std::string_view content, std::size_t piece_size) {
    HeaderLimits limits;
    limits.header_bytes_max = header_bytes_max;
    limits.fields_max = 10;
    limits.name_bytes_max = 40;
    limits.value_bytes_max = 30;
    HeaderSection section(limits);
    std::size_t used = 0;
    while (used < content.size() && section.reading())
        used += section.feed(content.substr(used, piece_size));
    section.finish();
    Scan result;
    result.state = section.state();
    check(section.octets().size() <= header_bytes_max, "the section is within its limit");
    check(section.facts().from.size() <= limits.value_bytes_max, "From is within its limit");
    if (result.state == State::too_large) return result;
    mailramp::mail::Trace trace;
    trace.helo = content.substr(0, content.size() / 2);
    trace.host_name = content;
    result.message = mailramp::mail::head_of(section, trace).append(content.substr(used));
    result.kept = std::string(section.octets()).append(section.body_start()).append(content.substr(used));
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Scan whole = scan(content, content.size() + 1);
    const Scan pieces = scan(content, 1 + data[0] % 16);
    check(whole.state == pieces.state, "the end of the section does not depend on the pieces");
    check(whole.message == pieces.message, "the message does not depend on the pieces");
    if (whole.state != State::too_large) {
        check(std::string_view(content).ends_with(whole.kept),
              "nothing is lost or changed behind an mbox separator");
        check(whole.kept.size() == content.size() || content.starts_with("From ") ||
                  content.starts_with(">From "),
              "only an mbox separator is left out");
    }
    return 0;
}
