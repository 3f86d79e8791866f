// smtp/echoes.h: takes out of a server's words what it must not give back to us.
//
// Replies are logged, stored and shown. A server that repeats a token in one (a careless debug message, a
// proxy that says what it could not parse) would put it there. Whoever means to smuggle the token into our
// log can still encode it: this is for accidents. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "mailramp/base/secret.h"

namespace mailramp::smtp {

// Shorter ones would be found in innocent words.
inline constexpr std::size_t echo_bytes_min = 12;
// What is looked for: a reply that cuts the secret off still shows its beginning.
inline constexpr std::size_t echo_beginning_bytes = 24;

// What to look for; empty when `secret` is too short.
[[nodiscard]] base::Secret beginning_of(std::string_view secret);

// Puts "(secret)" in the place of each beginning and what follows it, up to the next blank.
void silence_echoes(std::string& text, std::span<const base::Secret> beginnings);

}  // namespace mailramp::smtp
