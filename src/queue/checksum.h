// queue/checksum.h: the checksum of a message's content: CRC-64/XZ (ECMA-182 polynomial, reflected).
//
// It finds what a disk or a stray write did to a file. It is no defence against somebody who wants to
// deceive.
#pragma once

#include <cstdint>
#include <string_view>

namespace mailramp::queue {

class Checksum {
  public:
    void add(std::string_view octets);
    [[nodiscard]] std::uint64_t value() const { return ~state_; }

  private:
    std::uint64_t state_ = ~std::uint64_t{0};
};

}  // namespace mailramp::queue
