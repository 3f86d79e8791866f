// sandbox/token_service.h: what Entra's token endpoint answers to a form. No sockets here.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"
#include "sandbox/directory.h"
#include "sandbox/faults.h"
#include "sandbox/jwt.h"

namespace mailramp::sandbox {

struct HttpAnswer {
    int status = 200;
    std::string content_type = "application/json; charset=utf-8";
    std::string body;
    std::string retry_after;  // empty: no such field
    bool hang = false;        // never answer
};

struct TokenServiceOptions {
    Permission permission = Permission::classic;
    std::chrono::seconds token_ttl = std::chrono::seconds(3599);
    std::chrono::seconds refresh_in = std::chrono::seconds(0);  // 0: the field is left out
    std::chrono::seconds retry_after = std::chrono::seconds(60);
};

// application/x-www-form-urlencoded, the last value of a name. Broken percent signs stay as they are.
[[nodiscard]] std::map<std::string, std::string> parse_form(std::string_view text);

class TokenService {
  public:
    struct Counters {
        std::uint64_t calls = 0;
        std::uint64_t tokens = 0;
        std::uint64_t errors = 0;
    };

    // All three must outlive the service.
    TokenService(TokenServiceOptions options, const Directory& directory, const TokenSigner& signer,
                 Faults& faults)
        : options_(options), directory_(directory), signer_(signer), faults_(faults) {}

    [[nodiscard]] HttpAnswer answer(std::string_view tenant, std::string_view form_text, base::WallTime now);
    [[nodiscard]] const Counters& counters() const { return counters_; }

  private:
    using Form = std::map<std::string, std::string>;
    [[nodiscard]] HttpAnswer check(std::string_view tenant, const Form& form, base::WallTime now);
    [[nodiscard]] HttpAnswer issue(const App& app, std::string audience, base::WallTime now);

    TokenServiceOptions options_;
    const Directory& directory_;
    const TokenSigner& signer_;
    Faults& faults_;
    Counters counters_;
};

// Entra's JSON for an error, with its ids and time stamp.
[[nodiscard]] HttpAnswer entra_error(int status, std::string_view error, int code, std::string_view text,
                                     base::WallTime now);

}  // namespace mailramp::sandbox
