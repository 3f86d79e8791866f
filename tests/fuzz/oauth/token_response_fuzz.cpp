// Token answers: a token that comes out is safe to put into an AUTH line, and a failure is safe to show.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "oauth/token_response.h"

using mailramp::base::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mailramp::oauth;  // NOLINT(google-build-using-namespace): a test of just these
    if (size == 0) return 0;
    constexpr int statuses[] = {200, 400, 401, 429, 500, 302};
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t line_end = std::min(text.find('\n'), text.size());
    const TokenResponse response{statuses[data[0] % std::size(statuses)], text.substr(0, line_end),
                                 text.substr(line_end)};
    const mailramp::base::SteadyTime sent{std::chrono::hours(1000)};
    const mailramp::base::WallTime now{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};
    const TokenResponseLimits limits;
    const TokenResult result = parse_token_response(response, sent, now);
    if (result) {
        check(response.http_status == 200, "only a success brings a token");
        for (const char c : result->value.reveal())
            check(c > ' ' && c < 0x7F, "a token is printable ASCII");
        check(result->expires - sent >= limits.lifetime_min, "a token lives for a while");
        check(result->expires - sent <= limits.lifetime_max, "and not for ever");
        check(result->refresh_at > sent && result->refresh_at <= result->expires,
              "it is refreshed in its life");
        return 0;
    }
    const TokenFailure& failure = result.error();
    check(!failure.message.empty() && !failure.cause.empty(), "a failure is explained");
    check(failure.retry_after.count() >= 0 && failure.retry_after <= limits.retry_after_max,
          "a wait has its limit");
    for (const std::string* shown : {&failure.message, &failure.error, &failure.trace})
        check(mailramp::base::printable(*shown, shown->size()) == *shown, "a failure is printable");
    return 0;
}
