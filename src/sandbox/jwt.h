// sandbox/jwt.h: access tokens as Entra makes them for an application (v1.0, RS256), and the check of one.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"

namespace mailramp::sandbox {

struct TokenClaims {
    std::string audience;
    std::string tenant;
    std::string app_id;
    std::vector<std::string> roles;
    std::chrono::seconds lifetime = std::chrono::seconds(3599);
};

// RFC 4648 §5, without padding.
[[nodiscard]] std::string base64url_encode(std::string_view octets);
// Nothing but the alphabet; ErrorKind::invalid otherwise.
[[nodiscard]] base::Result<std::string> base64url_decode(std::string_view text);

// Signs with a key that it makes at the start and nobody else has.
class TokenSigner {
  public:
    [[nodiscard]] static base::Result<TokenSigner> create();
    [[nodiscard]] base::Result<std::string> mint(const TokenClaims& claims, base::WallTime now) const;
    // The claims of a token that this signer made, unless it is not valid at `now` (300 s of clock skew are
    // forgiven for its start, none for its end). The error says what is wrong, for the sandbox's log.
    [[nodiscard]] base::Result<TokenClaims> verify(std::string_view token, base::WallTime now) const;

  private:
    struct KeyFree {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    };
    using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
    TokenSigner(Key key, std::string key_id) : key_(std::move(key)), key_id_(std::move(key_id)) {}
    Key key_;
    std::string key_id_;
};

// 36 characters in the form of a GUID, from OpenSSL's random numbers.
[[nodiscard]] std::string random_guid();
// About 40 characters that look like Entra's client secrets.
[[nodiscard]] std::string random_secret();

}  // namespace mailramp::sandbox
