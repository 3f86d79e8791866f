#include "mailramp/config/keys.h"

#include "config/environment.h"
#include "config/tables.h"

namespace mailramp::config {
namespace {

// For a cell of a Markdown table.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text)
        out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
}

std::string in_angle_brackets_escaped(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == '<' ? std::string("\\<") : std::string(1, c);
    return out;
}

std::string code(const std::string& text) {
    return text.empty() ? "" : "`" + cell(text) + "`";
}

bool is_top_level(const Key& key) {
    return key.path.find_first_of(".[") == std::string::npos;
}

std::string default_text(const Key& key) {
    if (key.required) return "required";
    return code(key.default_value);
}

constexpr std::string_view environment_rule =
    "Each key is an environment variable as well: `upstream.host` is `MAILRAMP_UPSTREAM__HOST`, a list "
    "stands in "
    "brackets, and\n`client_secret` is `MAILRAMP_CLIENT_SECRET_FILE` (the path of a file that holds it).\n\n";
constexpr std::string_view table_head = "| Key | Value | Default | Meaning |\n|---|---|---|---|\n";

}  // namespace

std::vector<Key> keys() {
    File defaults;
    const provider::Preset& usual = *defaults.short_form.preset;
    defaults.upstream = upstream_defaults(usual);
    defaults.token = token_defaults(usual);
    defaults.settings.inbound.hostname.clear();  // the default is this machine's name
    return file_table().keys(defaults);
}

std::string variable_of(std::string_view path) {
    std::string out(variable_prefix);
    for (const char c : path.substr(0, path.find('['))) {
        if (c == '.')
            out += "__";
        else
            out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' ? '_' : c;
    }
    return out;
}

std::string render_reference() {
    std::string out(environment_rule);
    out += table_head;
    bool in_section = false;
    for (const Key& key : keys()) {
        if (key.section && is_top_level(key)) {
            out += "\n### " + key.path + "\n\n" + key.doc + "\n\n" + std::string(table_head);
            in_section = true;
            continue;
        }
        // The keys of the top level come first, the sections behind them.
        if (is_top_level(key) && in_section) out += "\n" + std::string(table_head);
        out += "| " + code(key.path) + " | " + cell(in_angle_brackets_escaped(key.type)) + " | " +
               default_text(key) + " | " + cell(in_angle_brackets_escaped(key.doc)) + " |\n";
    }
    return out;
}

}  // namespace mailramp::config
