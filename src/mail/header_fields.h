// mail/header_fields.h: a complete header section as its fields (RFC 5322 §2.2), and a field as lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailramp::mail {

// White space within a line (RFC 5322 §2.2.2): at the start of one it continues the field.
[[nodiscard]] inline bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

struct HeaderField {
    std::string_view octets;  // all of it, with its last line end
    std::string_view name;    // without the white space that may stand before the colon
    std::string_view value;   // behind the colon, folds included, without the last line end
};

// In their order; the blank line is none. Views into `section`. The octets of all fields, in a row, are the
// front of the section.
[[nodiscard]] std::vector<HeaderField> fields_of(std::string_view section);

// "Name: value\r\n", folded in front of blanks where a line would pass 78 octets (RFC 5322 §2.1.1). The value
// has no line ends.
[[nodiscard]] std::string folded(std::string_view name_and_colon, std::string_view value);

}  // namespace mailramp::mail
