// mailramp/provider/aadsts.h: what Microsoft Entra's error numbers mean (AADSTSnnnnn), as data; pure.
//
// Source: Microsoft's reference of error codes. The words of the table are ours.
#pragma once

#include <span>
#include <string_view>

namespace mailramp::provider {

enum class TokenErrorClass {
    configuration,  // a human must change something; keep the mail, ask again slowly
    transient,      // back off and ask again
    relogin,        // a human must log in again (delegated grants)
    clock,          // this machine's clock is wrong
};

[[nodiscard]] const char* to_string(TokenErrorClass kind);

struct AadstsRow {
    int code = 0;
    TokenErrorClass kind = TokenErrorClass::configuration;
    std::string_view cause;
    std::string_view remedy;  // may hold the placeholders of provider::fill()
};
[[nodiscard]] std::span<const AadstsRow> aadsts_catalogue();
[[nodiscard]] const AadstsRow* find_aadsts(int code);

struct TokenErrorVerdict {
    TokenErrorClass kind = TokenErrorClass::transient;
    int code = 0;  // the AADSTS number that decided, or 0
    std::string_view cause;
    std::string_view remedy;
};

// What a failure answer of the token endpoint means. `error_codes` and `error` come from its JSON; a number
// is also looked for in `description` ("AADSTS7000215: …"). The first known number decides, else `error` (RFC
// 6749 §5.2), else the HTTP status.
[[nodiscard]] TokenErrorVerdict explain(std::span<const int> error_codes, std::string_view error,
                                        std::string_view description, int http_status);

}  // namespace mailramp::provider
