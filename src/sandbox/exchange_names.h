// sandbox/exchange_names.h: the name that the simulated server gives itself.
#pragma once

#include <string_view>

namespace mailramp::sandbox {

inline constexpr std::string_view host_name = "SANDBOX0001.eurprd01.prod.outlook.com";
inline constexpr std::string_view host_name_upper = "SANDBOX0001.EURPRD01.PROD.OUTLOOK.COM";

}  // namespace mailramp::sandbox
