#include "admin/receipt.h"

#include "mailramp/base/text.h"

namespace mailramp::admin {

Receipt read_receipt(std::string_view words) {
    Receipt receipt;
    // A Message-ID may have brackets of its own in front.
    for (std::size_t open = words.find('['); open != std::string_view::npos;
         open = words.find('[', open + 1)) {
        std::string_view fields = words.substr(open + 1);
        const std::size_t close = fields.find(']');
        if (close == std::string_view::npos) return receipt;
        fields = fields.substr(0, close);
        while (!fields.empty()) {
            const std::size_t comma = fields.find(',');
            const std::string_view field = base::trim(fields.substr(0, comma));
            fields.remove_prefix(comma == std::string_view::npos ? fields.size() : comma + 1);
            const std::size_t equals = field.find('=');
            if (equals == std::string_view::npos) continue;
            const std::string_view name = field.substr(0, equals);
            const std::string_view value = field.substr(equals + 1);
            if (base::equals_ignoring_case(name, "InternalId")) receipt.internal_id = std::string(value);
            if (base::equals_ignoring_case(name, "Hostname")) receipt.hostname = std::string(value);
        }
    }
    return receipt;
}

}  // namespace mailramp::admin
