// Blocks of addresses: what is read means the same when it is written anew, and holds its own network.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/route/cidr.h"

namespace {

using mailramp::base::check;
using namespace mailramp::route;  // NOLINT(google-build-using-namespace): a test of just these

// Of the addresses that differ from the network in one bit, a block holds those that differ behind its
// prefix.
void check_prefix(const Cidr& block, const std::string& network, unsigned prefix_bits) {
    const int family = network.find(':') == std::string::npos ? AF_INET : AF_INET6;
    const unsigned bits = family == AF_INET ? 32 : 128;
    std::array<std::uint8_t, 16> octets{};
    check(inet_pton(family, network.c_str(), octets.data()) == 1, "a network is shown as an address");
    for (unsigned bit = 0; bit < bits; ++bit) {
        auto other = octets;
        other[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
        std::array<char, INET6_ADDRSTRLEN> text{};
        inet_ntop(family, other.data(), text.data(), text.size());
        const auto address = IpAddress::parse(text.data());
        check(address.has_value(), "what the system writes can be read");
        if (address->is_ipv4() != (family == AF_INET)) continue;  // it is of ::ffff:0:0/96 now
        check(block.contains(*address) == (bit >= prefix_bits), "a block ends where its prefix says");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
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
    const std::size_t slash = shown.find('/');
    const auto network = IpAddress::parse(std::string_view(shown).substr(0, slash));
    check(network && block->contains(*network), "a block holds its first address");
    check_prefix(*block, shown.substr(0, slash), static_cast<unsigned>(std::stoul(shown.substr(slash + 1))));
    check(!block->contains("local") && !block->contains(""), "only addresses are in a block");
    return 0;
}
