// A message as sendmail(1) gets it: whatever it is, no Bcc goes out, no recipient can break out of RCPT, and
// what follows the header section stays. The first octet says what a lone dot means and where the input is
// cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/header_section.h"
#include "sendmail/input_reader.h"
#include "sendmail/message.h"

using mailramp::base::check;
using namespace mailramp::sendmail;  // NOLINT(google-build-using-namespace): a test of just these

namespace {

constexpr std::size_t plenty = std::size_t{1} << 24;

std::string content_of(std::string_view input, std::uint8_t choice) {
    InputReader reader((choice & 1) != 0 ? LoneDot::ends_the_input : LoneDot::is_content, plenty);
    const std::size_t cut = choice % (input.size() + 1);
    reader.read(input.substr(0, cut));
    if (!reader.ended()) reader.read(input.substr(cut));
    reader.finish();
    std::string content = reader.take_content();
    check(content.empty() || content.ends_with("\r\n"), "content ends with a line");
    return content;
}

void check_address_list(const AddressList& list) {
    for (const std::string& address : list.addresses) {
        check(!address.empty() && mailramp::base::printable(address, address.size()) == address,
              "a recipient has no control octet");
        AddressList again;
        read_addresses("<" + address + ">", again);
        check(again.addresses == std::vector{address} && again.unreadable.empty(),
              "a recipient reads back as itself");
    }
}

void check_no_bcc(std::string_view head) {
    for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2) {
        if (head.substr(at).starts_with("\r\n")) return;
        const std::string_view name = mailramp::base::trim(head.substr(at, head.find(':', at) - at));
        const bool continued = head[at] == ' ' || head[at] == '\t';
        check(continued || (!mailramp::base::equals_ignoring_case(name, "Bcc") &&
                            !mailramp::base::equals_ignoring_case(name, "Resent-Bcc")),
              "no Bcc goes out");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using State = mailramp::mail::HeaderSection::State;
    if (size == 0) return 0;
    const std::string content =
        content_of(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), data[0]);
    const auto message = Message::from(content, {.address = "a@b.example", .name = "\xc3\xa4, x"});
    if (!message) return 0;
    check(content.ends_with(message->body()), "the body stays");
    check(message->size_bytes() == message->head().size() + message->body().size(),
          "the size is that of both");
    check_no_bcc(message->head());
    check_address_list(message->recipients());

    mailramp::mail::HeaderSection section({.header_bytes_max = plenty, .fields_max = plenty});
    const std::string whole = std::string(message->head()).append(message->body());
    const std::size_t used = section.feed(whole);
    check(section.state() == State::blank_line && used <= message->head().size(),
          "what goes out has a header section");
    check(section.facts().from_count > 0, "what goes out has a From");
    return 0;
}
