#include "inbound/hash_cost.h"

#include <charconv>
#include <cmath>

namespace mailramp::inbound {
namespace {

// As measured. The unit of yescrypt and scrypt is a block of 128 octets of their memory.
constexpr double sha256_round = 0.36, sha512_round = 0.42, bcrypt_unit = 50, yescrypt_unit = 0.14,
                 scrypt_unit = 0.23;
constexpr double sha_rounds_by_default = 5000;

// The digits in which crypt(5) writes the parameters of scrypt and yescrypt.
constexpr std::string_view digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

double digit_at(std::string_view text, std::size_t at) {
    const std::size_t value = at < text.size() ? digits.find(text[at]) : std::string_view::npos;
    return value == std::string_view::npos ? 0 : static_cast<double>(value);
}

double number(std::string_view text) {
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// "rounds=10000$salt$..." or "salt$..."
double sha_rounds(std::string_view parameters) {
    constexpr std::string_view key = "rounds=";
    return parameters.starts_with(key) ? number(parameters.substr(key.size())) : sha_rounds_by_default;
}

// "j9T$salt$...": flavour, base-2 logarithm of N, then r, both beginning at 1.
double yescrypt_blocks(std::string_view parameters) {
    return std::exp2(digit_at(parameters, 1) + 1) * (digit_at(parameters, 2) + 1);
}

// "CU..../....salt$...": the base-2 logarithm of N, then r and p, five digits each, the lowest first.
double scrypt_blocks(std::string_view parameters) {
    const auto word = [&](std::size_t at) {
        double value = 0;
        for (std::size_t i = 5; i-- > 0;)
            value = value * 64 + digit_at(parameters, at + i);
        return value;
    };
    return std::exp2(digit_at(parameters, 0)) * word(1) * word(6);
}

}  // namespace

double hash_cost(std::string_view hash) {
    const std::size_t end = hash.find('$', 1);
    if (end == std::string_view::npos) return 0;
    const std::string_view kind = hash.substr(0, end + 1);
    const std::string_view parameters = hash.substr(end + 1);
    if (kind == "$5$") return sha256_round * sha_rounds(parameters);
    if (kind == "$6$") return sha512_round * sha_rounds(parameters);
    if (kind.starts_with("$2")) return bcrypt_unit * std::exp2(number(parameters.substr(0, 2)));
    if (kind == "$y$" || kind == "$gy$") return yescrypt_unit * yescrypt_blocks(parameters);
    if (kind == "$7$") return scrypt_unit * scrypt_blocks(parameters);
    return 0;
}

}  // namespace mailramp::inbound
