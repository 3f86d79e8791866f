// Addresses: what is accepted is safe to put into a command, and means the same when it is read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/mail/header_address.h"
#include "mailramp/mail/recipient_fields.h"

using mailramp::base::check;
using namespace mailramp::mail;  // NOLINT(google-build-using-namespace): a test of just these

namespace {

// Nothing but the domain is added to a field, and only once.
void check_qualified(std::string value) {
    std::erase_if(value, [](char c) { return c == '\r' || c == '\n'; });
    const std::string before = "To: " + value + "\r\n";
    const std::string after = qualified_recipients(before, "example.org");
    std::string left = before;
    for (const char c : after)
        if (left.starts_with(c)) left.erase(0, 1);
    check(left.empty() && (after.size() - before.size()) % std::string("@example.org").size() == 0,
          "names get a domain and nothing is lost");
    check(qualified_recipients(after, "example.net") == after, "what has a domain keeps it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const PathRules rules{(data[0] & 1) != 0 ? Utf8::allowed : Utf8::refused,
                          (data[0] & 2) != 0 ? "example.org" : ""};
    for (const auto& path : {parse_reverse_path(text, rules), parse_forward_path(text, rules)}) {
        if (!path || path->address.empty()) continue;
        const std::string& address = path->address;
        check(check_address(address, rules.utf8).has_value(), "what was parsed can be sent");
        check(address.size() <= address_bytes_max, "an address has its limit");
        check(mailramp::base::printable(address, address.size()) == address, "an address is printable");
        const auto again = parse_forward_path("<" + address + ">", rules);
        check(again && again->address == address && again->rest.empty(), "an address reads back as itself");
        if (const std::string_view domain = domain_of(address); !domain.empty())
            check(std::string(local_part_of(address)).append("@").append(domain) == address,
                  "the parts are the whole");
    }
    if (const std::string found = first_header_address(text); !found.empty())
        check(check_address(found, Utf8::allowed).has_value(), "an address of a field is an address");
    if (is_one_mailbox(text)) {
        const auto all = header_mailboxes(text);
        check(all.size() == 1 && !all.front().address.empty(),
              "both readings of a mailbox find the same one");
        check(text.contains(all.front().address), "an address of a field stands in it");
    }
    check_qualified(text);
    return 0;
}
