// mailramp/oauth/token_cache.h: one credential's token, kept fresh ahead of time.
//
// One fetch at a time, shared by all who wait; refreshed in the background well before it ends; a live token
// stays in use while its refresh fails; a network failure never discards anything. Lives on the event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/base/secret.h"
#include "mailramp/io/async.h"
#include "mailramp/oauth/token.h"

namespace mailramp::oauth {

// Gets a new token each time. Implemented by ClientCredentialsSource and by tests.
class TokenSource {
  public:
    virtual ~TokenSource() = default;
    [[nodiscard]] virtual io::Task<TokenResult> fetch() = 0;
};

struct TokenCacheOptions {
    base::Duration refresh_margin = std::chrono::minutes(10);  // refresh when less than this is left
    base::Duration use_margin = std::chrono::minutes(2);  // with less than this left it is not handed out
    double refresh_jitter = 0.1;                          // part of the margin, chosen at random
    base::Duration forced_refresh_interval = std::chrono::seconds(60);  // after a 535: not more often
    base::Duration failure_pause_min = std::chrono::seconds(1);         // after transient failures, doubling
    base::Duration failure_pause_max = std::chrono::minutes(5);
    base::Duration configuration_failure_pause = std::chrono::minutes(1);  // answered from memory meanwhile
    base::Duration configuration_failure_pause_max = std::chrono::minutes(15);  // doubling, while nobody asks
};

// What an administrator wants to know; no secret in it.
struct TokenStatus {
    bool usable = false;
    base::Duration expires_in{};
    std::uint64_t fetches = 0, failures = 0;
    std::optional<TokenFailure> last_failure;
};

class TokenCache {
  public:
    // `source`, `clock` must outlive the cache. `jitter` in [0,1) is drawn by the caller.
    TokenCache(std::string credential, TokenSource& source, TokenCacheOptions options,
               const io::Executor& executor, const base::Clock& clock, base::Logger logger, double jitter);
    ~TokenCache();

    // The live token, or a wait for the one fetch that is under way. Soon after a failure: that failure, from
    // memory. After stop(): the live token, or TokenFailureClass::cancelled.
    [[nodiscard]] io::Task<std::expected<base::Secret, TokenFailure>> get();
    // The server refused this value (535). If it is still the current one, and the last forced refresh is at
    // least `forced_refresh_interval` ago, fetches another. True when a get() will now bring another value,
    // or wait for it; should that fetch fail, get() hands out the old value again, since another mailbox may
    // be using it with success.
    bool invalidate(const base::Secret& value);
    // Fetches ahead of time until stop().
    io::Task<> keep_fresh();
    void stop();
    [[nodiscard]] TokenStatus status() const;
    [[nodiscard]] const std::string& credential() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::oauth
