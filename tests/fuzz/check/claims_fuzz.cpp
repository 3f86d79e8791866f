// Access tokens that are looked into: whatever they say, it is safe to show, and an ID is safe to paste.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check/claims.h"
#include "mailramp/base/result.h"
#include "mailramp/base/text.h"

namespace {

using mailramp::base::check;
using mailramp::check::ClaimLimits;
using mailramp::check::Claims;

void examine(std::string_view token) {
    const ClaimLimits limits;
    const auto claims = mailramp::check::read_claims(token, limits);
    if (!claims) return;
    for (const std::string* shown : {&claims->audience, &claims->tenant, &claims->application}) {
        check(shown->size() <= limits.text_bytes_max, "a claim has its limit");
        check(mailramp::base::printable(*shown, shown->size()) == *shown, "a claim is printable");
    }
    for (const char c : claims->object_id)
        check(c == '-' || std::isalnum(static_cast<unsigned char>(c)) != 0,
              "an ID has nothing but its characters");
    check(claims->roles.size() <= limits.roles_max, "roles have their limit");
    for (const std::string& role : claims->roles)
        check(mailramp::base::printable(role, role.size()) == role, "a role is printable");
}

}  // namespace

// As a token, and as the payload of one: few mutations of base64 are JSON again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    examine(text);
    std::string encoded = mailramp::base::base64_encode(text);
    for (char& c : encoded) {
        if (c == '+') c = '-';
        if (c == '/') c = '_';
    }
    while (encoded.ends_with('='))
        encoded.pop_back();
    examine("e30." + encoded + ".c2ln");
    return 0;
}
