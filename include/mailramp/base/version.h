// mailramp/base/version.h: the version of this build.
#pragma once

#include <string_view>

namespace mailramp::base {

// "0.1.0", as CMakeLists.txt says it.
[[nodiscard]] std::string_view version();

}  // namespace mailramp::base
