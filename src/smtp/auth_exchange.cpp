#include "mailramp/smtp/auth_exchange.h"

#include <utility>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

// A NUL behind these words, as some servers send it, makes devices give up.
constexpr std::string_view username_prompt = "VXNlcm5hbWU6";  // "Username:"
constexpr std::string_view password_prompt = "UGFzc3dvcmQ6";  // "Password:"

}  // namespace

std::optional<AuthExchange::Mechanism> AuthExchange::find(std::string_view name) {
    if (base::equals_ignoring_case(name, "PLAIN")) return Mechanism::plain;
    if (base::equals_ignoring_case(name, "LOGIN")) return Mechanism::login;
    return {};
}

AuthExchange::State AuthExchange::begin(std::string_view initial_response) {
    if (initial_response == "=") return take({});  // RFC 4954 §4: a response of no length
    if (!initial_response.empty()) return take(initial_response);
    challenge_ = mechanism_ == Mechanism::login ? username_prompt : std::string_view();
    return State::challenged;
}

AuthExchange::State AuthExchange::respond(std::string_view line) {
    const std::string_view response = base::trim(line);
    if (response == "*") return State::cancelled;
    return take(response);
}

AuthExchange::State AuthExchange::take(std::string_view base64) {
    auto decoded = base::base64_decode(base64);
    if (!decoded) return State::not_base64;
    base::Secret message(*std::move(decoded));
    if (mechanism_ == Mechanism::plain) return take_plain(message);
    if (!has_user_) {
        has_user_ = true;
        credentials_.user = message.reveal();
        challenge_ = password_prompt;
        return State::challenged;
    }
    credentials_.password = std::move(message);
    return State::complete;
}

// RFC 4616 §2.
AuthExchange::State AuthExchange::take_plain(const base::Secret& message) {
    const std::string_view text = message.reveal();
    const std::size_t first = text.find('\0');
    const std::size_t second = first == std::string_view::npos ? first : text.find('\0', first + 1);
    if (second == std::string_view::npos || text.find('\0', second + 1) != std::string_view::npos)
        return State::malformed;
    credentials_.act_as = text.substr(0, first);
    credentials_.user = text.substr(first + 1, second - first - 1);
    credentials_.password = base::Secret(std::string(text.substr(second + 1)));
    return State::complete;
}

Credentials AuthExchange::take_credentials() {
    return std::move(credentials_);
}

}  // namespace mailramp::smtp
