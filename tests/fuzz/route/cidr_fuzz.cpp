// Blocks of addresses: what is read means the same when it is written anew, and holds its own network.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/route/cidr.h"

using mailramp::base::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mailramp::route;  // NOLINT(google-build-using-namespace): a test of just these
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto address = IpAddress::parse(text)) {
        check(IpAddress::parse(address->text()) == address, "an address reads back as itself");
        const auto block = Cidr::parse(text);
        check(block && block->contains(*address), "an address alone is a block of one");
        check(!block->is_everything(), "and no more");
        if (address->is_loopback())
            check(Cidr::parse("127.0.0.0/8")->contains(*address) || address->text() == "::1",
                  "loopback is 127.0.0.0/8 and ::1");
    }
    const auto block = Cidr::parse(text);
    if (!block) {
        const std::string& why = block.error().message;
        check(mailramp::base::printable(why, why.size()) == why, "an error is printable");
        return 0;
    }
    const auto again = Cidr::parse(block->text());
    check(again && *again == *block, "a block reads back as itself");
    const std::string shown = block->text();
    const auto network = IpAddress::parse(std::string_view(shown).substr(0, shown.find('/')));
    check(network && block->contains(*network), "a block holds its first address");
    check(!block->contains("local") && !block->contains(""), "only addresses are in a block");
    return 0;
}
