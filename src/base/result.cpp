#include "mailramp/base/result.h"

#include <cstdio>
#include <system_error>

namespace mailramp::base {

Error system_error(std::string_view doing, int errno_value) {
    return Error{ErrorKind::io, std::string(doing) + ": " + std::generic_category().message(errno_value)};
}

void check(bool holds, const char* belief) {
    if (holds) return;
    std::fprintf(stderr, "mailramp: a broken invariant: %s\n", belief);
    std::abort();
}

}  // namespace mailramp::base
