#include "cli/config_commands.h"

#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/words.h"
#include "mailramp/base/text.h"
#include "mailramp/config/keys.h"
#include "mailramp/config/load.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t shown_text_bytes_max = 1024;

json::string shown(std::string_view text) {
    return json::string(base::printable(text, shown_text_bytes_max));
}

json::array errors_view(const std::vector<config::ConfigError>& errors) {
    json::array out;
    for (const config::ConfigError& error : errors) {
        out.push_back(json::object{{"line", error.line},
                                   {"column", error.column},
                                   {"variable", shown(error.variable)},
                                   {"key", shown(error.key)},
                                   {"message", shown(error.what)},
                                   {"allowed", shown(error.allowed)}});
    }
    return out;
}

json::array warnings_view(const std::vector<config::ConfigWarning>& warnings) {
    json::array out;
    for (const config::ConfigWarning& warning : warnings) {
        out.push_back(json::object{{"line", warning.line},
                                   {"column", warning.column},
                                   {"variable", shown(warning.variable)},
                                   {"key", shown(warning.key)},
                                   {"message", shown(warning.message)}});
    }
    return out;
}

void print_verdict(const Console& console, const std::filesystem::path& file,
                   const config::LoadResult& loaded) {
    if (!loaded) {
        console.err << config::render_errors(file, loaded.error());
        return;
    }
    console.err << config::render_warnings(file, loaded->warnings);
    if (!loaded->file.empty()) console.out << loaded->file.string() << ": OK\n";
    if (!loaded->variables.empty()) console.out << "environment: OK: " << joined(loaded->variables) << '\n';
}

}  // namespace

ExitStatus config_check(const Console& console, const config::Source& source, config::References references) {
    const config::LoadResult loaded = config::load(source, references);
    if (console.format == Format::json) {
        json::object verdict{{"file", source.file.string()}, {"ok", loaded.has_value()}};
        verdict["errors"] = loaded ? json::array() : errors_view(loaded.error());
        verdict["warnings"] = loaded ? warnings_view(loaded->warnings) : json::array();
        console.out << json::serialize(verdict) << '\n';
    } else {
        print_verdict(console, source.file, loaded);
    }
    return finished(console, loaded ? ExitStatus::done : ExitStatus::configuration);
}

ExitStatus config_keys(const Console& console) {
    console.out << config::render_reference();
    return finished(console, ExitStatus::done);
}

std::expected<std::filesystem::path, Failure> socket_of(const config::Source& source) {
    const config::LoadResult loaded = config::load(source, config::References::ignore);
    if (loaded) return loaded->admin.socket;
    std::string errors = config::render_errors(source.file, loaded.error());
    errors.erase(errors.find_last_not_of('\n') + 1);
    return std::unexpected(
        Failure{ExitStatus::configuration, "the configuration does not say which socket to use:\n" + errors});
}

}  // namespace mailramp::cli
