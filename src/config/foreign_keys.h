// config/foreign_keys.h: what the words of other programs, of the portal and of setup instructions are here;
// pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace mailramp::config {

// What to do instead of a key that another program has.
struct ForeignKey {
    std::string ours;    // the key that takes its place, from the top level; empty: none does
    std::string advice;  // for the human
};

// Nothing for a word that is not known. Its case and the marks _ and - do not matter.
[[nodiscard]] std::optional<ForeignKey> find_foreign_key(std::string_view word);

// Of `known`, or of the top level when `path` is empty, the key that the word stands for; empty: none.
[[nodiscard]] std::string synonym_of(std::string_view word, const Path& path,
                                     const std::vector<std::string>& known);

// Whether a section of this name holds the properties of a Java program: `mail`, `spring`, `mail.smtp`.
[[nodiscard]] bool is_section_of_properties(std::string_view name);

// For a text that is no YAML: says of each line "mail.smtp.port=587" which key takes its place. At most
// errors_max lines are looked at.
void note_properties(std::string_view text, Problems& problems);

}  // namespace mailramp::config
