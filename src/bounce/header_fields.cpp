// What a header section says about itself, for reports.
#include <algorithm>

#include "mailramp/base/text.h"
#include "mailramp/bounce/report.h"

namespace mailramp::bounce {
namespace {

constexpr std::size_t value_bytes_max = 998;  // RFC 5322 §2.1.1

// Takes one field with its continuation lines off the front.
std::string_view take_field(std::string_view& rest) {
    std::size_t end = 0;
    do {
        const std::size_t line_feed = rest.find('\n', end);
        end = line_feed == std::string_view::npos ? rest.size() : line_feed + 1;
    } while (end < rest.size() && (rest[end] == ' ' || rest[end] == '\t'));
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(end);
    return field;
}

std::string unfolded(std::string_view value) {
    std::string text;
    for (const char c : base::trim(value))
        if (c != '\r' && c != '\n') text += c == '\t' ? ' ' : c;
    return base::printable(text, value_bytes_max);
}

// "auto-replied (vacation); x=y": the first word decides.
std::string first_word(const std::string& value) {
    return base::to_lower(base::trim(std::string_view(value).substr(0, value.find_first_of(" ;("))));
}

}  // namespace

std::string field_value(std::string_view header_section, std::string_view name) {
    while (!header_section.empty()) {
        const std::string_view field = take_field(header_section);
        const std::size_t colon = field.find(':');
        if (colon == std::string_view::npos) continue;
        if (base::equals_ignoring_case(base::trim(field.substr(0, colon)), name))
            return unfolded(field.substr(colon + 1));
    }
    return {};
}

bool forbids_reports(std::string_view header_section) {
    const std::string submitted = first_word(field_value(header_section, "Auto-Submitted"));
    if (!submitted.empty() && submitted != "no") return true;
    const std::string precedence = first_word(field_value(header_section, "Precedence"));
    if (precedence == "bulk" || precedence == "list" || precedence == "junk") return true;
    constexpr std::string_view of_lists[] = {"List-Id", "List-Post", "List-Unsubscribe", "List-Help"};
    return std::ranges::any_of(of_lists, [header_section](std::string_view name) {
        return !field_value(header_section, name).empty();
    });
}

}  // namespace mailramp::bounce
