// cli/words.h: numbers, spans and lines for a human to read. Pure; the output is ASCII but for the text it is
// given.
//
// A column is a code point: good enough for addresses and replies, and the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"

namespace mailramp::cli {

// Of what a user typed, or a daemon named: as much as is shown.
inline constexpr std::size_t shown_word_bytes_max = 200;
// "\"text\"", printable.
[[nodiscard]] std::string in_quotes(std::string_view text);

[[nodiscard]] std::size_t columns_of(std::string_view text);
// Cut so that at most `columns` are left; "..." stands for what is missing, in the middle or at the end.
[[nodiscard]] std::string shortened_in_middle(std::string_view text, std::size_t columns);
[[nodiscard]] std::string shortened_at_end(std::string_view text, std::size_t columns);
// With spaces behind, up to `columns`.
[[nodiscard]] std::string padded(std::string_view text, std::size_t columns);
// Lines of at most `columns`, broken at spaces; a longer word is broken where the line ends. Never empty.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t columns);
// The wrapped lines, each behind the `indent`, each with a line end; the first behind `first` instead.
[[nodiscard]] std::string paragraph(std::string_view first, std::string_view indent, std::string_view text,
                                    std::size_t columns);

// "1 message", "12 messages".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);
// "812 B", "4.1 KiB", "35 MiB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// "40 s", "12 min", "2 h 5 min", "3 days 4 h". What lies in the past by a clock's error is 0 s.
[[nodiscard]] std::string span_text(base::Duration span);
// The same in at most 7 columns: "40 s", "12 min", "2 h", "3 d".
[[nodiscard]] std::string short_span_text(base::Duration span);
// "a", "a and b", "a, b and c".
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace mailramp::cli
