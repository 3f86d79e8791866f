// mailramp/route/cidr.h: blocks of IP addresses, "10.0.0.0/8" or "2001:db8::/32" (RFC 4632, RFC 4291 §2.3).
//
// An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is the IPv4 address that it carries, on both sides of the
// comparison: a dual-stack socket must not open what an IPv4 rule leaves closed, nor the reverse. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"

namespace mailramp::route {

// One numeric address, IPv4 or IPv6, in network order.
class IpAddress {
  public:
    // Only the numeric forms: four decimal octets without leading zeros, or RFC 4291 §2.2. No zone, no
    // brackets.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] bool is_ipv4() const { return bits_ == 32; }
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] std::string text() const;
    friend bool operator==(const IpAddress&, const IpAddress&) = default;

  private:
    friend class Cidr;
    unsigned bits_ = 32;                     // 32 or 128
    std::array<std::uint8_t, 16> octets_{};  // the first 4 for IPv4
};

class Cidr {
  public:
    // An address alone is a block of one. Bits set behind the prefix are an error that names the block that
    // was probably meant: 10.1.2.3/8 is more often a slip than a wish. ErrorKind::invalid; the text never
    // repeats the input's control characters.
    [[nodiscard]] static base::Result<Cidr> parse(std::string_view text);

    [[nodiscard]] bool contains(const IpAddress& address) const;
    // False for what is no numeric address ("local", the peer of a Unix socket).
    [[nodiscard]] bool contains(std::string_view address) const;
    // In the form in which it is usually written: "10.0.0.0/8", "192.0.2.1/32".
    [[nodiscard]] std::string text() const;
    // Every address of its family: 0.0.0.0/0 or ::/0.
    [[nodiscard]] bool is_everything() const { return prefix_bits_ == 0; }
    friend bool operator==(const Cidr&, const Cidr&) = default;

  private:
    IpAddress network_;
    unsigned prefix_bits_ = 32;
};

}  // namespace mailramp::route
