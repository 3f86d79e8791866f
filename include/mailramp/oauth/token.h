// mailramp/oauth/token.h: an access token and the ways of not getting one.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/secret.h"

namespace mailramp::oauth {

struct Token {
    base::Secret value;
    base::SteadyTime obtained;    // when the request was sent
    base::SteadyTime expires;     // from `expires_in`, never from the token itself
    base::SteadyTime refresh_at;  // from `refresh_in` when the server gave it, else equal to `expires`
};

enum class TokenFailureClass {
    configuration,  // a human must change something; trying again soon is pointless
    transient,      // network, 5xx, throttling
    cancelled,      // the daemon is stopping
};

// Why there is no token, in words for a human; never contains a secret.
struct TokenFailure {
    TokenFailureClass kind = TokenFailureClass::transient;
    int http_status = 0;           // 0: no response
    std::string error;             // RFC 6749 §5.2 `error`, or empty
    int aadsts = 0;                // first of Entra's error_codes, or 0
    std::string message;           // "invalid_client AADSTS7000215: Invalid client secret provided …"
    std::string cause;             // plain words
    std::string remedy;            // what to type
    std::string trace;             // trace id, correlation id, timestamp, as Microsoft's support wants them
    base::Duration retry_after{};  // what the server asked for; 0: nothing
};

using TokenResult = std::expected<Token, TokenFailure>;

}  // namespace mailramp::oauth
