// oauth/form.h: bodies of type application/x-www-form-urlencoded, as RFC 6749 appendix B asks for them; pure.
#pragma once

#include <span>
#include <string_view>

#include "mailramp/base/secret.h"

namespace mailramp::oauth {

struct FormField {
    std::string_view name;
    std::string_view value;
};

// "name=value&…", made in one piece, so that no copy of a secret value stays behind in memory.
[[nodiscard]] base::Secret form_body(std::span<const FormField> fields);

}  // namespace mailramp::oauth
