#include "smtp/echoes.h"

#include <algorithm>

namespace mailramp::smtp {

base::Secret beginning_of(std::string_view secret) {
    if (secret.size() < echo_bytes_min) return {};
    return base::Secret(std::string(secret.substr(0, echo_beginning_bytes)));
}

void silence_echoes(std::string& text, std::span<const base::Secret> beginnings) {
    constexpr std::string_view instead = "(secret)";
    for (const base::Secret& beginning : beginnings) {
        if (beginning.empty()) continue;
        for (std::size_t at = text.find(beginning.reveal()); at != std::string::npos;
             at = text.find(beginning.reveal(), at + instead.size())) {
            const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
            text.replace(at, end - at, instead);
        }
    }
}

}  // namespace mailramp::smtp
