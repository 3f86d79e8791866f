// sandbox/exchange_names.h: the name that the simulated server gives itself, and what it says of itself.
#pragma once

#include <cstdint>
#include <string_view>

namespace mailramp::sandbox {

inline constexpr std::string_view host_name = "SANDBOX0001.eurprd01.prod.outlook.com";
inline constexpr std::string_view host_name_upper = "SANDBOX0001.EURPRD01.PROD.OUTLOOK.COM";
inline constexpr std::uint64_t small_size_bytes = 4096;  // SIZE under the fault small-size

}  // namespace mailramp::sandbox
