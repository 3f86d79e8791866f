// A fault that the driver has to find: the seeds of its test come within one octet of it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mailramp/base/result.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    mailramp::base::check(text.find("planted/fault") == std::string_view::npos, "nobody says it");
    return 0;
}
