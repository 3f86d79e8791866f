#include <string>

#include "mailramp/base/text.h"
#include "mailramp/config/load.h"

namespace mailramp::config {
namespace {

constexpr std::size_t path_bytes_shown_max = 1024;

std::string place(const std::filesystem::path& file, int line, int column, const std::string& key) {
    std::string out = base::printable(file.native(), path_bytes_shown_max);
    if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
    out += ": ";
    if (!key.empty()) out += key + ": ";
    return out;
}

}  // namespace

std::string render_errors(const std::filesystem::path& file, const std::vector<ConfigError>& errors) {
    std::string out;
    for (const ConfigError& error : errors) {
        out += place(file, error.line, error.column, error.key) + error.what;
        if (!error.allowed.empty()) out += "; " + error.allowed;
        out += '\n';
    }
    return out;
}

std::string render_warnings(const std::filesystem::path& file, const std::vector<ConfigWarning>& warnings) {
    std::string out;
    for (const ConfigWarning& warning : warnings)
        out += place(file, warning.line, warning.column, warning.key) + "warning: " + warning.message + '\n';
    return out;
}

}  // namespace mailramp::config
