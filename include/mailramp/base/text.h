// mailramp/base/text.h: small things about text that several areas need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mailramp::base {

// The longest value that a log line carries.
inline constexpr std::size_t log_value_bytes_max = 1024;

// A copy in which every control octet, DEL, and every octet that is not part of well-formed UTF-8 is '?', cut
// at `bytes_max`. For whatever came from the network and is about to be logged, stored or shown.
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max);

// For a command line that people copy: printable, and in quotes when a shell would read it differently.
[[nodiscard]] std::string shell_word(std::string_view text);

// ASCII only, whatever the locale.
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
[[nodiscard]] bool contains_ignoring_case(std::string_view text, std::string_view part);

// Without the white space (SP, HTAB, CR, LF) at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

// Decimal digits only, the whole text, no sign; nothing if it does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

// RFC 4648 §4, with padding, no line breaks.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
// Strict: nothing on any other character, wrong length or wrong padding.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

// Well-formed UTF-8 by RFC 3629.
[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] bool is_ascii(std::string_view text);

}  // namespace mailramp::base
