#include "oauth/form.h"

#include <utility>

#include "mailramp/base/percent.h"

namespace mailramp::oauth {
base::Secret form_body(std::span<const FormField> fields) {
    std::size_t size_max = 0;
    for (const FormField& field : fields)
        size_max += 3 * (field.name.size() + field.value.size()) + 2;
    std::string body;
    body.reserve(size_max);
    for (const FormField& field : fields) {
        if (!body.empty()) body += '&';
        base::append_percent_encoded(body, field.name);
        body += '=';
        base::append_percent_encoded(body, field.value);
    }
    return base::Secret(std::move(body));
}

}  // namespace mailramp::oauth
