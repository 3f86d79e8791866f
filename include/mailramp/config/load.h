// mailramp/config/load.h: from the configuration file to checked settings, or to everything that is wrong.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/config/settings.h"

namespace mailramp::config {

inline constexpr std::size_t file_bytes_max = 1024 * 1024;
inline constexpr std::size_t errors_max = 100;  // further ones are counted, not listed

// Never contains a secret: values of keys that hold one, or that people mistake for one that does, are not
// repeated.
struct ConfigError {
    int line = 0;  // from 1; 0: the file as a whole
    int column = 0;
    std::string key;      // "mailboxes.alerts.address", "routes[2].match.sender"; may be empty
    std::string what;     // what is wrong
    std::string allowed;  // what is allowed, or what to do; may be empty
};

using LoadResult = std::expected<Settings, std::vector<ConfigError>>;  // errors in the order of the file

// What the text cannot say. Tests give their own.
struct Surroundings {
    std::string hostname;  // the default of `hostname`
};

// Whether to look at what the file refers to: secrets, the CA file and the alias file must then be readable
// by this process, and the group exist on this machine.
enum class References { check, ignore };

// Reads the file and checks all of it. Blocks for the reading of small files.
[[nodiscard]] LoadResult load(const std::filesystem::path& file, References references = References::check);
// The same for a text. Nothing outside it is looked at.
[[nodiscard]] LoadResult load_text(std::string_view text, const Surroundings& surroundings);

// One line an error: "mailramp.yaml:14:9: mailboxes.alerts.address: what is wrong; what is allowed".
[[nodiscard]] std::string render_errors(const std::filesystem::path& file,
                                        const std::vector<ConfigError>& errors);
[[nodiscard]] std::string render_warnings(const std::filesystem::path& file,
                                          const std::vector<ConfigWarning>& warnings);

}  // namespace mailramp::config
