// The XOAUTH2 blob: no user name or token breaks out of its field, and what a 334 explains can be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "smtp/xoauth2.h"

namespace {

namespace base = mailramp::base;
using base::check;

void check_response(std::string_view user, std::string_view token) {
    const base::Secret secret{std::string(token)};
    const auto response = mailramp::smtp::xoauth2_response(user, secret);
    if (!response) {
        const std::string& why = response.error().message;
        check(base::printable(why, why.size()) == why, "an error is printable");
        // Short ones stand in the words by chance.
        check(token.size() < 8 || user.find(token) != std::string_view::npos ||
                  why.find(token) == std::string::npos,
              "an error does not repeat the token");
        return;
    }
    check(response->reveal().size() <= mailramp::smtp::auth_response_bytes_max, "a response has its limit");
    const auto raw = base::base64_decode(response->reveal());
    const std::string expected = std::string("user=")
                                     .append(user)
                                     .append(
                                         "\x01"
                                         "auth=Bearer ")
                                     .append(token)
                                     .append("\x01\x01");
    check(raw && *raw == expected, "a response says who and with what");
    check(std::ranges::count(*raw, '\x01') == 3, "neither user nor token ends a field");
    check(std::ranges::none_of(response->reveal(), [](char c) { return c <= ' ' || c > '~'; }),
          "a response is one word");
}

void check_challenge(std::string_view text) {
    const auto words = mailramp::smtp::explain_auth_challenge(text);
    if (!words) return;
    check(words->starts_with("status "), "an explanation begins with the status");
    check(words->size() <= 160, "an explanation is short");
    check(base::printable(*words, words->size()) == *words, "an explanation is printable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_challenge(text);
    check_challenge(base::base64_encode(text));
    const std::size_t line_end = std::min(text.find('\n'), text.size());
    check_response(text.substr(0, line_end), text.substr(std::min(line_end + 1, text.size())));
    return 0;
}
