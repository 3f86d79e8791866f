// mailramp/config/load.h: from configuration file and environment to checked settings, or to everything that
// is wrong.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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
    // The environment variable that it is about, which has no line; empty: the file.
    std::string variable = {};
};

// The errors are in the order of the file, then of the variables.
using LoadResult = std::expected<Settings, std::vector<ConfigError>>;

// What the text cannot say. Tests give their own.
struct Surroundings {
    std::string hostname;  // the default of `hostname`
};

// Whether to look at what the file refers to: secrets, the CA file and the alias file must then be readable
// by this process, and the group exist on this machine.
enum class References { check, ignore };

// Whether a configuration needs its file. The usual one may be missing where the environment has keys.
enum class FileNeed { required, optional };

// "MAILRAMP_LISTEN=127.0.0.1:25" and so on; what does not begin with MAILRAMP_ is passed over.
using Environment = std::span<const std::string_view>;

// Where a configuration stands. A key in the environment comes before the same key in the file.
struct Source {
    Source() = default;
    // A path alone will do, hence not explicit.
    Source(std::filesystem::path path, FileNeed file_need = FileNeed::required, Environment variables = {})
        : file(std::move(path)), need(file_need), environment(variables) {}

    std::filesystem::path file;
    FileNeed need = FileNeed::required;
    Environment environment;
};

// The variables of this process; they are good until somebody changes its environment.
[[nodiscard]] std::vector<std::string_view> process_environment();

// Reads the file and checks all of it, with what the environment gives. Blocks for the reading of small
// files.
[[nodiscard]] LoadResult load(const Source& source, References references = References::check);
// The same for a text. Nothing outside it is looked at.
[[nodiscard]] LoadResult load_text(std::string_view text, const Surroundings& surroundings,
                                   Environment environment = {});
// The same without any file.
[[nodiscard]] LoadResult load_environment(Environment environment, const Surroundings& surroundings);

// One line an error: "mailramp.yaml:14:9: mailboxes.alerts.address: what is wrong; what is allowed", or
// "environment: MAILRAMP_MAILBOX: what is wrong; what is allowed".
[[nodiscard]] std::string render_errors(const std::filesystem::path& file,
                                        const std::vector<ConfigError>& errors);
[[nodiscard]] std::string render_warnings(const std::filesystem::path& file,
                                          const std::vector<ConfigWarning>& warnings);

}  // namespace mailramp::config
