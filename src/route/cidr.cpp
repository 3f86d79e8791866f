#include "mailramp/route/cidr.h"

#include <algorithm>

#include <arpa/inet.h>

#include "mailramp/base/text.h"

namespace mailramp::route {
namespace {

constexpr std::size_t address_bytes_max = INET6_ADDRSTRLEN;
constexpr std::array<std::uint8_t, 12> ipv4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned ipv4_mapped_bits = 96;

// Clears every bit behind the first `prefix_bits`; true if one of them was set.
bool clear_host_bits(std::array<std::uint8_t, 16>& octets, unsigned bits, unsigned prefix_bits) {
    bool was_set = false;
    for (unsigned i = prefix_bits / 8; i < bits / 8; ++i) {
        const unsigned kept = i == prefix_bits / 8 ? prefix_bits % 8 : 0;
        const auto mask = static_cast<std::uint8_t>(0xFF00u >> kept);
        if ((octets[i] & ~mask) != 0) was_set = true;
        octets[i] &= mask;
    }
    return was_set;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() >= address_bytes_max) return {};
    const std::string terminated(text);
    // inet_pton() would stop at a NUL and take what stands before it.
    if (terminated.find('\0') != std::string::npos) return {};
    IpAddress address;
    if (inet_pton(AF_INET, terminated.c_str(), address.octets_.data()) == 1) return address;
    if (inet_pton(AF_INET6, terminated.c_str(), address.octets_.data()) != 1) return {};
    address.bits_ = 128;
    if (std::equal(ipv4_mapped_prefix.begin(), ipv4_mapped_prefix.end(), address.octets_.begin())) {
        IpAddress mapped;
        std::copy_n(address.octets_.begin() + ipv4_mapped_prefix.size(), 4, mapped.octets_.begin());
        return mapped;
    }
    return address;
}

bool IpAddress::is_loopback() const {
    if (is_ipv4()) return octets_[0] == 127;
    return octets_[15] == 1 && std::all_of(octets_.begin(), octets_.end() - 1, [](auto o) { return o == 0; });
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(is_ipv4() ? AF_INET : AF_INET6, octets_.data(), buffer.data(), buffer.size());
    return buffer.data();
}

base::Result<Cidr> Cidr::parse(std::string_view text) {
    const auto refuse = [text](std::string_view why) {
        return base::fail(base::ErrorKind::invalid,
                          "\"" + base::printable(text, 64) + "\" " + std::string(why));
    };
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return refuse("is no address block");

    Cidr cidr;
    cidr.network_ = *address;
    cidr.prefix_bits_ = address->bits_;
    if (slash == std::string_view::npos) return cidr;

    const auto number = base::parse_number(text.substr(slash + 1));
    const bool written_as_mapped = address->is_ipv4() && text.find(':') < slash;
    const unsigned written_bits = written_as_mapped ? 128 : address->bits_;
    if (!number || *number > written_bits)
        return refuse("has no prefix length of 0 to " + std::to_string(written_bits) + " behind the slash");
    // ::ffff:0:0/90 would reach beyond the IPv4 addresses that the mapped form stands for.
    if (written_as_mapped && *number < ipv4_mapped_bits) return refuse("mixes IPv4 and IPv6");

    cidr.prefix_bits_ = static_cast<unsigned>(*number) - (written_as_mapped ? ipv4_mapped_bits : 0);
    if (clear_host_bits(cidr.network_.octets_, cidr.network_.bits_, cidr.prefix_bits_))
        return refuse("has bits behind its prefix; perhaps " + cidr.text() + " is meant, or " +
                      address->text() + " alone");
    return cidr;
}

bool Cidr::contains(const IpAddress& address) const {
    if (address.bits_ != network_.bits_) return false;
    auto octets = address.octets_;
    clear_host_bits(octets, address.bits_, prefix_bits_);
    return octets == network_.octets_;
}

bool Cidr::contains(std::string_view address) const {
    const auto parsed = IpAddress::parse(address);
    return parsed && contains(*parsed);
}

std::string Cidr::text() const {
    return network_.text() + "/" + std::to_string(prefix_bits_);
}

}  // namespace mailramp::route
