// mailramp/smtp/auth_exchange.h: the server's half of AUTH PLAIN and AUTH LOGIN (RFC 4954, RFC 4616) as a
// machine.
//
// LOGIN was never standardised; it is what programs and devices are configured with. Its prompts are the bare
// words "Username:" and "Password:", for there are clients that take nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/secret.h"

namespace mailramp::smtp {

// What a client logs in with, as it gave it: octets of any kind. For one check; the password for no log.
struct Credentials {
    std::string user;
    std::string act_as;  // the authorization identity of PLAIN; empty: the user's own
    base::Secret password;
};

class AuthExchange {
  public:
    enum class Mechanism { plain, login };
    enum class State {
        challenged,  // the client is to be sent "334 " and challenge()
        complete,    // take_credentials()
        cancelled,   // the client said "*"
        not_base64,
        malformed,  // PLAIN is not [authorization identity] NUL user NUL password
    };

    explicit AuthExchange(Mechanism mechanism) : mechanism_(mechanism) {}

    // RFC 4422 §3.1 has no case; old clients are not so strict.
    [[nodiscard]] static std::optional<Mechanism> find(std::string_view name);

    // What stood behind the mechanism in the AUTH command: nothing, "=" for an empty response, or base64.
    [[nodiscard]] State begin(std::string_view initial_response);
    // A line of the client, without its end; right after `challenged` only.
    [[nodiscard]] State respond(std::string_view line);

    [[nodiscard]] std::string_view challenge() const { return challenge_; }  // base64
    [[nodiscard]] Credentials take_credentials();

  private:
    State take(std::string_view base64);
    State take_plain(const base::Secret& message);

    Mechanism mechanism_;
    bool has_user_ = false;
    std::string_view challenge_;
    Credentials credentials_;
};

}  // namespace mailramp::smtp
