// oauth/form.h: bodies of type application/x-www-form-urlencoded, as RFC 6749 appendix B asks for them; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "mailramp/base/secret.h"

namespace mailramp::oauth {

struct FormField {
    std::string_view name;
    std::string_view value;
};

// Every octet but RFC 3986 §2.3's unreserved characters as %XX. A space is %20, never '+': both are read, and
// one form serves URLs as well.
[[nodiscard]] std::string percent_encode(std::string_view text);

// "name=value&…", made in one piece, so that no copy of a secret value stays behind in memory.
[[nodiscard]] base::Secret form_body(std::span<const FormField> fields);

}  // namespace mailramp::oauth
