#include "mail/header_fields.h"

#include <algorithm>
#include <utility>

namespace mailramp::mail {
namespace {

// The length of the field at the front of `text`: its line, and those behind it that begin with a blank.
std::size_t field_length(std::string_view text) {
    for (std::size_t end = 0;;) {
        const std::size_t line_end = text.find("\r\n", end);
        if (line_end == std::string_view::npos) return text.size();
        end = line_end + 2;
        if (end == text.size() || !is_blank(text[end])) return end;
    }
}

}  // namespace

std::vector<HeaderField> fields_of(std::string_view section) {
    std::vector<HeaderField> fields;
    while (!section.empty() && !section.starts_with("\r\n")) {
        HeaderField field;
        field.octets = section.substr(0, field_length(section));
        section.remove_prefix(field.octets.size());
        const std::size_t colon = std::min(field.octets.find(':'), field.octets.size());
        field.name = field.octets.substr(0, colon);
        while (!field.name.empty() && is_blank(field.name.back()))
            field.name.remove_suffix(1);
        field.value = field.octets.substr(std::min(colon + 1, field.octets.size()));
        if (field.value.ends_with("\r\n")) field.value.remove_suffix(2);
        fields.push_back(field);
    }
    return fields;
}

std::string folded(std::string_view name_and_colon, std::string_view value) {
    constexpr std::size_t columns_max = 78;
    std::string out(name_and_colon);
    std::size_t column = out.size();
    std::string rest = " " + std::string(value);
    for (std::string_view left = rest; !left.empty();) {
        // A word with the blanks in front of it.
        std::size_t end = 0;
        while (end < left.size() && is_blank(left[end]))
            ++end;
        const bool word = end < left.size();
        while (end < left.size() && !is_blank(left[end]))
            ++end;
        if (word && column > name_and_colon.size() && column + end > columns_max) {
            out += "\r\n";
            column = 0;
        }
        out += left.substr(0, end);
        column += end;
        left.remove_prefix(end);
    }
    return out += "\r\n";
}

}  // namespace mailramp::mail
