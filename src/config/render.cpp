#include <string>

#include "mailramp/base/text.h"
#include "mailramp/config/keys.h"
#include "mailramp/config/load.h"

namespace mailramp::config {
namespace {

constexpr std::size_t path_bytes_shown_max = 1024;

constexpr std::size_t variable_bytes_shown_max = 128;

// Of an error or a warning. A variable is named after its key, which then need not be said; the place within
// a list has to be.
template <class Remark>
std::string place(const std::filesystem::path& file, const Remark& about) {
    if (!about.variable.empty()) {
        const bool named =
            about.variable.starts_with(variable_of(about.key)) && about.key.find('[') == std::string::npos;
        return "environment: " + base::printable(about.variable, variable_bytes_shown_max) + ": " +
               (about.key.empty() || named ? "" : about.key + ": ");
    }
    std::string out = base::printable(file.native(), path_bytes_shown_max);
    if (about.line > 0) out += ":" + std::to_string(about.line) + ":" + std::to_string(about.column);
    out += ": ";
    if (!about.key.empty()) out += about.key + ": ";
    return out;
}

}  // namespace

std::string render_errors(const std::filesystem::path& file, const std::vector<ConfigError>& errors) {
    std::string out;
    for (const ConfigError& error : errors) {
        out += place(file, error) + error.what;
        if (!error.allowed.empty()) out += "; " + error.allowed;
        out += '\n';
    }
    return out;
}

std::string render_warnings(const std::filesystem::path& file, const std::vector<ConfigWarning>& warnings) {
    std::string out;
    for (const ConfigWarning& warning : warnings)
        out += place(file, warning) + "warning: " + warning.message + '\n';
    return out;
}

}  // namespace mailramp::config
