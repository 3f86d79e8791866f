// mailramp/base/version.h: which release this is. A test compares it with the build file's.
#pragma once

#include <string_view>

namespace mailramp::base {

inline constexpr std::string_view version = "0.1.0";

}  // namespace mailramp::base
