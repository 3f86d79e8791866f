// config/environment.h: the part of a configuration that stands in environment variables; pure.
//
// Each variable is one key: MAILRAMP_UPSTREAM__HOST is upstream.host. It is laid over the tree of the file,
// so that the tables read both alike and never know which of them said something; only the marks do. A
// secret's value does not get into the tree: what gets there is the name of its variable, as {env: NAME}
// would have it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace mailramp::config {

inline constexpr std::string_view variable_prefix = "MAILRAMP_";

// Whether any of these ("NAME=value") would be a key, a misspelt one included.
[[nodiscard]] bool gives_keys(std::span<const std::string_view> environment);

// Replaces in `root`, a map, what the variables give; sections that are not there are made. What is no key
// goes to `problems`. Returns the names of the variables that were used, in order.
[[nodiscard]] std::vector<std::string> lay_environment(Node& root,
                                                       std::span<const std::string_view> environment,
                                                       Problems& problems);

// For errors of a configuration without a file: what is missing there is a variable.
void speak_of_variables(std::vector<ConfigError>& errors);

}  // namespace mailramp::config
