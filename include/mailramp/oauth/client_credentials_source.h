// mailramp/oauth/client_credentials_source.h: tokens for an application of its own right, got with a secret
// (RFC 6749 §4.4; Microsoft: "OAuth 2.0 client credentials flow on the Microsoft identity platform").
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "mailramp/base/clock.h"
#include "mailramp/io/async.h"
#include "mailramp/io/http_client.h"
#include "mailramp/oauth/secret_reference.h"
#include "mailramp/oauth/token.h"
#include "mailramp/oauth/token_cache.h"

namespace mailramp::oauth {

struct ClientCredentialsOptions {
    std::string authority = "https://login.microsoftonline.com";  // https only, no path
    std::string tenant;     // directory id or domain; never common, organizations or consumers
    std::string client_id;  // application id
    SecretReference secret;
    std::string scope = "https://outlook.office365.com/.default";
    std::string proxy;  // "http://proxy:3128"; empty: none
    base::Duration connect_timeout = std::chrono::seconds(10);
    base::Duration total_timeout = std::chrono::seconds(30);
    std::size_t response_bytes_max = 64 * 1024;
};

// Asks the token endpoint each time. The secret is fetched anew for each request and wiped after it. Whatever
// goes wrong is a TokenFailure in words; none of them holds the secret, even when the other side repeats it.
class ClientCredentialsSource final : public TokenSource {
  public:
    // `http` and `clock` must outlive the source.
    ClientCredentialsSource(ClientCredentialsOptions options, io::HttpClient& http, const base::Clock& clock);
    [[nodiscard]] io::Task<TokenResult> fetch() override;
    // <authority>/<tenant>/oauth2/v2.0/token
    [[nodiscard]] std::string token_url() const;

  private:
    ClientCredentialsOptions options_;
    io::HttpClient& http_;
    const base::Clock& clock_;
};

}  // namespace mailramp::oauth
