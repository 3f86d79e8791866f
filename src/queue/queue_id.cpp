#include "mailramp/queue/queue_id.h"

#include <cstddef>

namespace mailramp::queue {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t characters = 11;
constexpr int bits_a_character = 5;
constexpr std::int64_t value_max = (std::int64_t{1} << (characters * bits_a_character)) - 1;

std::optional<std::int64_t> digit(char c) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    const std::size_t at = alphabet.find(c);
    if (at == std::string_view::npos) return std::nullopt;
    return static_cast<std::int64_t>(at);
}

}  // namespace

std::string QueueId::text() const {
    std::string out(characters, '0');
    std::int64_t rest = value_ < 0 ? 0 : value_ & value_max;
    for (std::size_t i = characters; i-- > 0; rest >>= bits_a_character)
        out[i] = alphabet[static_cast<std::size_t>(rest & 31)];
    return out;
}

std::optional<QueueId> QueueId::parse(std::string_view text) {
    if (text.size() != characters) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : text) {
        const std::optional<std::int64_t> next = digit(c);
        if (!next) return std::nullopt;
        value = value << bits_a_character | *next;
    }
    return QueueId(value);
}

}  // namespace mailramp::queue
