#include "mailramp/oauth/token_cache.h"

#include <algorithm>
#include <exception>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "mailramp/base/events.h"
#include "mailramp/io/timer.h"
#include "oauth/refresh_machine.h"

namespace mailramp::oauth {
namespace {

TokenFailure cancelled() {
    TokenFailure failure;
    failure.kind = TokenFailureClass::cancelled;
    failure.message = "the daemon is stopping";
    return failure;
}

TokenFailure too_late() {
    TokenFailure failure;
    failure.message = "the token came when its life was almost over";
    failure.cause = "The token endpoint answers very slowly, or its tokens live very briefly.";
    return failure;
}

TokenFailure from_exception(const char* what) {
    TokenFailure failure;
    failure.message = std::string("unexpected: ") + what;
    return failure;
}

long long whole_seconds(base::Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// What the coroutines share. They hold it, so that they may outlive the cache: at the end of the program
// their frames go with the event loop.
struct State {
    State(std::string credential_name, TokenSource& token_source, const TokenCacheOptions& options,
          const io::Executor& event_loop, const base::Clock& time, base::Logger log, double jitter)
        : credential(std::move(credential_name)),
          source(token_source),
          executor(event_loop),
          clock(time),
          logger(log),
          machine(options, jitter),
          keeper(event_loop) {}

    const std::string credential;
    TokenSource& source;
    const io::Executor executor;
    const base::Clock& clock;
    const base::Logger logger;

    RefreshMachine machine;
    std::optional<Token> token;
    std::optional<TokenFailure> last_failure;  // of the last fetch; nothing after a success
    std::vector<io::Event*> waiters;           // each in the frame of a get()
    io::Event keeper;                          // wakes keep_fresh()
    std::uint64_t fetches = 0, failures = 0;
    bool stopped = false;
};
using Shared = std::shared_ptr<State>;
using SecretResult = std::expected<base::Secret, TokenFailure>;

// A waiter's place in the list, for as long as its coroutine's frame lives.
class Waiting {
  public:
    explicit Waiting(Shared state) : state_(std::move(state)), ended_(state_->executor) {
        state_->waiters.push_back(&ended_);
    }
    ~Waiting() { std::erase(state_->waiters, &ended_); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    io::Task<> wait() { return ended_.wait(); }

  private:
    Shared state_;
    io::Event ended_;
};

void wake_all(const State& state) {
    for (io::Event* waiter : state.waiters)
        waiter->notify();
}

void log_success(const State& state, const Token& token) {
    const auto life = std::chrono::duration_cast<base::Duration>(token.expires - token.obtained);
    state.logger.info(base::events::token_refreshed, "got an access token",
                      {{"credential", state.credential}, {"expires_in_seconds", whole_seconds(life)}});
}

void log_failure(const State& state, const TokenFailure& failure) {
    if (failure.kind == TokenFailureClass::cancelled) return;
    const auto fields = {
        base::LogField("credential", state.credential), base::LogField("http_status", failure.http_status),
        base::LogField("aadsts", failure.aadsts),       base::LogField("cause", failure.cause),
        base::LogField("remedy", failure.remedy),       base::LogField("trace", failure.trace)};
    if (failure.kind == TokenFailureClass::configuration)
        state.logger.error(base::events::token_failed, failure.message, fields);
    else
        state.logger.warning(base::events::token_failed, failure.message, fields);
}

void take(State& state, Token token) {
    log_success(state, token);
    const RefreshMachine::Fetched fetched{token.obtained, token.expires, token.refresh_at};
    state.token = std::move(token);
    state.last_failure.reset();
    (void)state.machine.step(fetched, state.clock.steady());
}

void take(State& state, TokenFailure failure) {
    ++state.failures;
    log_failure(state, failure);
    const RefreshMachine::Failed failed{failure.kind, failure.retry_after};
    state.last_failure = std::move(failure);
    (void)state.machine.step(failed, state.clock.steady());
}

io::Task<TokenResult> fetch_guarded(Shared state) {
    try {
        co_return co_await state->source.fetch();
    } catch (const std::exception& unexpected) {
        co_return std::unexpected(from_exception(unexpected.what()));
    }
}

// The one fetch. It belongs to no waiter: when the first of them goes away, the others still get their token.
io::Task<> run_fetch(Shared state) {
    TokenResult result = co_await fetch_guarded(state);
    if (result)
        take(*state, std::move(*result));
    else
        take(*state, std::move(result.error()));
    wake_all(*state);
    state->keeper.notify();
}

RefreshMachine::Actions step(const Shared& state, const RefreshMachine::Event& event) {
    const auto actions = state->machine.step(event, state->clock.steady());
    if (actions.fetch == RefreshMachine::Fetch::start) {
        ++state->fetches;
        boost::asio::co_spawn(state->executor, run_fetch(state), boost::asio::detached);
    }
    return actions;
}

// What a get() gives that waits no longer.
SecretResult outcome(const State& state) {
    if (state.machine.usable(state.clock.steady())) return state.token->value.clone();
    if (state.stopped) return std::unexpected(cancelled());
    if (state.last_failure) return std::unexpected(*state.last_failure);
    return std::unexpected(too_late());
}

io::Task<SecretResult> get_token(Shared state) {
    if (state->stopped) co_return outcome(*state);
    const auto actions = step(state, RefreshMachine::Wanted{});
    // A fetch that needs to wait for nothing has ended before step() returns.
    if (actions.reply == RefreshMachine::Reply::wait && state->machine.fetching()) {
        Waiting waiting(state);
        co_await waiting.wait();
    }
    co_return outcome(*state);
}

io::Task<> keep_token_fresh(Shared state) {
    while (!state->stopped) {
        const auto actions = step(state, RefreshMachine::Tick{});
        if (actions.deadline)
            co_await state->keeper.wait_until(*actions.deadline);
        else
            co_await state->keeper.wait();
    }
}

}  // namespace

struct TokenCache::Impl {
    Shared state;
};

TokenCache::TokenCache(std::string credential, TokenSource& source, TokenCacheOptions options,
                       const io::Executor& executor, const base::Clock& clock, base::Logger logger,
                       double jitter)
    : impl_(std::make_unique<Impl>(Impl{std::make_shared<State>(std::move(credential), source, options,
                                                                executor, clock, logger, jitter)})) {}

TokenCache::~TokenCache() {
    stop();
}

io::Task<std::expected<base::Secret, TokenFailure>> TokenCache::get() {
    return get_token(impl_->state);
}

bool TokenCache::invalidate(const base::Secret& value) {
    const Shared& state = impl_->state;
    if (state->stopped) return false;
    if (!state->token || state->token->value != value) return true;
    return step(state, RefreshMachine::Refused{}).reply == RefreshMachine::Reply::wait;
}

io::Task<> TokenCache::keep_fresh() {
    return keep_token_fresh(impl_->state);
}

void TokenCache::stop() {
    if (std::exchange(impl_->state->stopped, true)) return;
    wake_all(*impl_->state);
    impl_->state->keeper.notify();
}

TokenStatus TokenCache::status() const {
    const State& state = *impl_->state;
    const base::SteadyTime now = state.clock.steady();
    TokenStatus status;
    status.usable = state.machine.usable(now);
    if (state.token)
        status.expires_in = std::max(base::Duration{},
                                     std::chrono::duration_cast<base::Duration>(state.token->expires - now));
    status.fetches = state.fetches;
    status.failures = state.failures;
    status.last_failure = state.last_failure;
    return status;
}

const std::string& TokenCache::credential() const {
    return impl_->state->credential;
}

}  // namespace mailramp::oauth
