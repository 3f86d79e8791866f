#include "mailramp/base/version.h"

namespace mailramp::base {

std::string_view version() {
    return MAILRAMP_VERSION;
}

}  // namespace mailramp::base
