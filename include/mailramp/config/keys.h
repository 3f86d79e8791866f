// mailramp/config/keys.h: every key of the configuration file, from the tables that read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailramp::config {

// One key. `path` has <name> for a name that the user chooses and [] for the entries of a list:
// "mailboxes.<name>.address", "routes[].match.sender".
struct Key {
    std::string path;
    std::string type;           // "duration of 1s to 1h", "one of any, ipv4, ipv6"
    std::string default_value;  // as it would stand in the file; empty: none
    std::string doc;            // what it is for, in sentences
    bool required = false;
    bool section = false;  // holds other keys
    bool secret = false;   // says where a secret is
    bool list = false;     // takes several values
    bool names = false;    // holds names that the user chooses, each with a value
};

// In the order of the manual.
[[nodiscard]] std::vector<Key> keys();

// The environment variable of a key, or of the list in which it is: MAILRAMP_UPSTREAM__HOST.
[[nodiscard]] std::string variable_of(std::string_view path);

// docs/configuration.md's reference, in Markdown.
[[nodiscard]] std::string render_reference();

}  // namespace mailramp::config
