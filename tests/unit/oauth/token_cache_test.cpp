#include "mailramp/oauth/token_cache.h"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "mailramp/base/events.h"
#include "mailramp/io/timer.h"
#include "unit/oauth/fakes.h"

namespace mailramp::oauth {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using SecretResult = std::expected<base::Secret, TokenFailure>;

// Gives what is in the list, or waits until the test puts something there.
class FakeSource final : public TokenSource {
  public:
    FakeSource(const io::Executor& executor, const base::Clock& clock) : clock_(clock), arrived_(executor) {}

    io::Task<TokenResult> fetch() override {
        ++fetches;
        if (throws) throw std::runtime_error("broken library");
        while (results.empty())
            co_await arrived_.wait();
        TokenResult result = std::move(results.front());
        results.pop_front();
        co_return result;
    }

    void give(const std::string& value, base::Duration life = 1h) {
        const base::SteadyTime now = clock_.steady();
        results.emplace_back(Token{base::Secret(value), now, now + life, now + life});
        arrived_.notify();
    }
    void fail(TokenFailureClass kind, const std::string& message) {
        TokenFailure failure;
        failure.kind = kind;
        failure.message = message;
        results.emplace_back(std::unexpected(failure));
        arrived_.notify();
    }

    int fetches = 0;
    bool throws = false;
    std::deque<TokenResult> results;

  private:
    const base::Clock& clock_;
    io::Event arrived_;
};

io::Task<> run_get(TokenCache& cache, std::optional<SecretResult>& result) {
    SecretResult got = co_await cache.get();
    result.emplace(std::move(got));
}

io::Task<> run_keeper(TokenCache& cache, bool& ended) {
    co_await cache.keep_fresh();
    ended = true;
}

class Cache : public ::testing::Test {
  protected:
    // Runs what can run without waiting for anything.
    void run() {
        context_.restart();
        context_.poll();
    }
    void start_get(std::optional<SecretResult>& result) {
        boost::asio::co_spawn(context_, run_get(cache_, result), boost::asio::detached);
        run();
    }
    std::string get() {
        std::optional<SecretResult> result;
        start_get(result);
        if (!result) return "waiting";  // its coroutine keeps a reference: only for results that are there
        return *result ? std::string((*result)->reveal()) : "failure: " + result->error().message;
    }

    FakeClock clock_;
    boost::asio::io_context context_;
    std::vector<std::string> log_;
    base::Logger::Sink sink_ = [this](const base::LogRecord& record) {
        std::string line = std::string(record.event) + " " + std::string(record.message);
        for (const auto& field : record.fields)
            line += " " + std::string(field.key) + "=" + field.value;
        log_.push_back(line);
    };
    FakeSource source_{context_.get_executor(), clock_};
    TokenCache cache_{
        "contoso", source_, {}, context_.get_executor(), clock_, base::Logger(&sink_, base::LogLevel::debug),
        0};
};

TEST_F(Cache, FetchesOnceForAHundredWhoWait) {
    std::vector<std::optional<SecretResult>> results(100);
    for (auto& result : results)
        start_get(result);
    EXPECT_EQ(source_.fetches, 1);
    for (const auto& result : results)
        EXPECT_FALSE(result);
    source_.give("abc");
    run();
    for (const auto& result : results) {
        ASSERT_TRUE(result);
        ASSERT_TRUE(*result);
        EXPECT_EQ((*result)->reveal(), "abc");
    }
    EXPECT_EQ(get(), "abc");
    EXPECT_EQ(source_.fetches, 1);
}

TEST_F(Cache, GivesOneFailureToAllWhoWaitAndToThoseWhoAskSoonAfter) {
    std::vector<std::optional<SecretResult>> results(10);
    for (auto& result : results)
        start_get(result);
    source_.fail(TokenFailureClass::configuration, "wrong secret");
    run();
    for (const auto& result : results) {
        ASSERT_TRUE(result);
        ASSERT_FALSE(*result);
        EXPECT_EQ(result->error().message, "wrong secret");
    }
    EXPECT_EQ(get(), "failure: wrong secret");
    EXPECT_EQ(source_.fetches, 1);
    clock_.steady_now += 1min;
    source_.give("abc");
    EXPECT_EQ(get(), "abc");
    EXPECT_EQ(source_.fetches, 2);
}

TEST_F(Cache, HandsOutTheLiveTokenWhileItsRefreshIsUnderWayAndAfterItFailed) {
    source_.give("old");
    EXPECT_EQ(get(), "old");
    clock_.steady_now += 51min;
    EXPECT_EQ(get(), "old");
    EXPECT_EQ(source_.fetches, 2);
    source_.fail(TokenFailureClass::transient, "no network");
    run();
    EXPECT_EQ(get(), "old");
    EXPECT_TRUE(cache_.status().usable);
    EXPECT_EQ(cache_.status().last_failure->message, "no network");
    clock_.steady_now += 8min;
    std::optional<SecretResult> waiting;
    start_get(waiting);
    EXPECT_FALSE(waiting);
    source_.give("new");
    run();
    ASSERT_TRUE(waiting && *waiting);
    EXPECT_EQ((*waiting)->reveal(), "new");
    EXPECT_FALSE(cache_.status().last_failure);
}

TEST_F(Cache, ReplacesARefusedValueOnceAMinute) {
    source_.give("old");
    EXPECT_EQ(get(), "old");
    EXPECT_TRUE(cache_.invalidate(base::Secret("old")));
    std::optional<SecretResult> waiting;
    start_get(waiting);
    EXPECT_FALSE(waiting);
    source_.give("new");
    run();
    ASSERT_TRUE(waiting && *waiting);
    EXPECT_EQ((*waiting)->reveal(), "new");
    EXPECT_FALSE(cache_.invalidate(base::Secret("new")));
    EXPECT_EQ(get(), "new");
    EXPECT_EQ(source_.fetches, 2);
    clock_.steady_now += 1min;
    EXPECT_TRUE(cache_.invalidate(base::Secret("new")));
    run();
    EXPECT_EQ(source_.fetches, 3);
}

TEST_F(Cache, IgnoresTheRefusalOfAValueThatIsNoLongerCurrent) {
    source_.give("new");
    EXPECT_EQ(get(), "new");
    EXPECT_TRUE(cache_.invalidate(base::Secret("old")));
    EXPECT_EQ(get(), "new");
    EXPECT_EQ(source_.fetches, 1);
}

TEST_F(Cache, TurnsAnExceptionOfItsSourceIntoAFailure) {
    source_.throws = true;
    EXPECT_EQ(get(), "failure: unexpected: broken library");
}

TEST_F(Cache, RefusesATokenThatCameTooLateToBeUsed) {
    std::optional<SecretResult> waiting;
    start_get(waiting);
    source_.give("abc", 60s);
    clock_.steady_now += 59s;
    run();
    ASSERT_TRUE(waiting);
    ASSERT_FALSE(*waiting);
    EXPECT_THAT(waiting->error().message, HasSubstr("almost over"));
}

TEST_F(Cache, LetsEverybodyGoWhenItIsStopped) {
    bool ended = false;
    boost::asio::co_spawn(context_, run_keeper(cache_, ended), boost::asio::detached);
    std::optional<SecretResult> waiting;
    start_get(waiting);
    cache_.stop();
    run();
    EXPECT_TRUE(ended);
    ASSERT_TRUE(waiting);
    ASSERT_FALSE(*waiting);
    EXPECT_EQ(waiting->error().kind, TokenFailureClass::cancelled);
    EXPECT_EQ(get(), "failure: the daemon is stopping");
    EXPECT_FALSE(cache_.invalidate(base::Secret("abc")));
}

TEST_F(Cache, StillHandsOutItsLiveTokenAfterItIsStopped) {
    source_.give("abc");
    EXPECT_EQ(get(), "abc");
    cache_.stop();
    EXPECT_EQ(get(), "abc");
}

TEST_F(Cache, KeepsTwoTenantsApart) {
    FakeSource other_source(context_.get_executor(), clock_);
    TokenCache other("fabrikam", other_source, {}, context_.get_executor(), clock_, {}, 0);
    source_.give("contoso-token");
    other_source.fail(TokenFailureClass::configuration, "fabrikam is wrong");
    EXPECT_EQ(get(), "contoso-token");
    std::optional<SecretResult> result;
    boost::asio::co_spawn(context_, run_get(other, result), boost::asio::detached);
    run();
    ASSERT_TRUE(result);
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message, "fabrikam is wrong");
    EXPECT_FALSE(other.invalidate(base::Secret("contoso-token")) && other_source.fetches > 1);
    EXPECT_EQ(get(), "contoso-token");
    EXPECT_EQ(source_.fetches, 1);
    EXPECT_EQ(other_source.fetches, 1);
}

TEST_F(Cache, LogsEveryOutcomeAndNeverAToken) {
    source_.give("top-secret-token");
    EXPECT_EQ(get(), "top-secret-token");
    clock_.steady_now += 59min;
    TokenFailure failure;
    failure.kind = TokenFailureClass::configuration;
    failure.message = "invalid_client";
    failure.cause = "the secret is wrong";
    failure.remedy = "make another";
    failure.aadsts = 7000215;
    source_.results.emplace_back(std::unexpected(failure));
    EXPECT_EQ(get(), "failure: invalid_client");
    ASSERT_EQ(log_.size(), 2u);
    EXPECT_EQ(log_[0], "token_refreshed got an access token credential=contoso expires_in_seconds=3600");
    EXPECT_THAT(log_[1], HasSubstr("token_failed invalid_client credential=contoso"));
    EXPECT_THAT(log_[1], HasSubstr("aadsts=7000215 cause=the secret is wrong remedy=make another"));
    const TokenStatus status = cache_.status();
    EXPECT_EQ(status.fetches, 2u);
    EXPECT_EQ(status.failures, 1u);
    EXPECT_FALSE(status.usable);
    EXPECT_EQ(status.expires_in, 1min);
}

TEST(TokenCacheEnd, LetsItsWaitersGoWhenItIsDestroyedBeforeThem) {
    FakeClock clock;
    boost::asio::io_context context;
    FakeSource source(context.get_executor(), clock);
    std::optional<SecretResult> result;
    bool ended = false;
    {
        TokenCache cache("contoso", source, {}, context.get_executor(), clock, {}, 0);
        boost::asio::co_spawn(context, run_get(cache, result), boost::asio::detached);
        boost::asio::co_spawn(context, run_keeper(cache, ended), boost::asio::detached);
        context.poll();
        EXPECT_FALSE(result);
    }
    context.poll();
    EXPECT_TRUE(ended);
    ASSERT_TRUE(result);
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().kind, TokenFailureClass::cancelled);
}

TEST(TokenCacheEnd, LeavesNothingDanglingWhenTheEventLoopIsDestroyedInTheMiddle) {
    FakeClock clock;
    std::optional<SecretResult> result;
    auto context = std::make_unique<boost::asio::io_context>();
    auto source = std::make_unique<FakeSource>(context->get_executor(), clock);
    auto cache = std::make_unique<TokenCache>("contoso", *source, TokenCacheOptions{},
                                              context->get_executor(), clock, base::Logger(), 0);
    for (int i = 0; i < 3; ++i)
        boost::asio::co_spawn(*context, run_get(*cache, result), boost::asio::detached);
    context->poll();
    cache.reset();
    source.reset();
    context.reset();  // the frames of the waiters go here
    EXPECT_FALSE(result);
}

// Runs ahead by ten minutes at every look, so that a keeper's deadlines, which lie far in the past of the
// real clock, come without waiting.
class HurryingClock final : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override { return {}; }
    [[nodiscard]] base::SteadyTime steady() const override { return now_ += 10min; }

  private:
    mutable base::SteadyTime now_{-10'000h};
};

// Gives tokens until it has given enough, then stops the cache.
class CountingSource final : public TokenSource {
  public:
    explicit CountingSource(const base::Clock& clock) : clock_(clock) {}
    io::Task<TokenResult> fetch() override {
        if (++fetches == 5) cache->stop();
        const base::SteadyTime now = clock_.steady();
        Token token;
        token.value = base::Secret("token-" + std::to_string(fetches));
        token.obtained = now;
        token.expires = token.refresh_at = now + 24h;
        TokenResult result = std::move(token);
        co_return result;
    }
    int fetches = 0;
    TokenCache* cache = nullptr;

  private:
    const base::Clock& clock_;
};

TEST(TokenKeeper, FetchesAheadOfTimeAgainAndAgainUntilItIsStopped) {
    boost::asio::io_context context;
    HurryingClock clock;
    CountingSource source(clock);
    TokenCache cache("contoso", source, {}, context.get_executor(), clock, {}, 0);
    source.cache = &cache;
    bool ended = false;
    boost::asio::co_spawn(context, run_keeper(cache, ended), boost::asio::detached);
    context.run();
    EXPECT_TRUE(ended);
    EXPECT_EQ(source.fetches, 5);
}

}  // namespace
}  // namespace mailramp::oauth
