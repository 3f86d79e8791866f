// oauth/refresh_machine.h: when to fetch a token, when to hand one out, when to answer from memory; pure.
//
// It knows times and outcomes, never a token: the shell (token_cache.cpp) holds the value, runs the one fetch
// and wakes who waits. Chance is drawn once by the caller, so that daemons started together do not ask
// together.
//
//     no token ──wanted──► fetching ──fetched──► live ──margin reached──► live and fetching
//                             │                    ▲                            │
//                             └──failed──► pause ──┘◄────────── failed: the live token stays ──┘
#pragma once

#include <optional>
#include <variant>

#include "mailramp/base/clock.h"
#include "mailramp/oauth/token.h"
#include "mailramp/oauth/token_cache.h"

namespace mailramp::oauth {

class RefreshMachine {
  public:
    // What happened.
    struct Wanted {};  // somebody asks for a token
    struct Tick {};    // the deadline came, or the keeper has just started
    struct Fetched {   // the fetch under way brought a token
        base::SteadyTime obtained;
        base::SteadyTime expires;
        base::SteadyTime refresh_at;
    };
    struct Failed {  // the fetch under way brought none
        TokenFailureClass kind = TokenFailureClass::transient;
        base::Duration retry_after{};
    };
    struct Refused {};  // the server refused the token that is handed out now (535)
    using Event = std::variant<Wanted, Tick, Fetched, Failed, Refused>;

    enum class Fetch { no, start };
    enum class Reply {
        token,    // hand out the token held
        wait,     // until the fetch under way has ended, then ask again
        failure,  // hand out the last failure
    };
    struct Actions {
        Fetch fetch = Fetch::no;
        // To Wanted: what the asker gets. To Refused: `wait` when a fresh token is on its way, `token` when
        // the old one has to do, since the last forced refresh or the last failure is too recent.
        Reply reply = Reply::wait;
        // When to send Tick, unless something else happens first; nothing: not before the fetch has ended.
        std::optional<base::SteadyTime> deadline;
    };

    // `jitter` in [0,1).
    RefreshMachine(const TokenCacheOptions& options, double jitter) : options_(options), jitter_(jitter) {}

    [[nodiscard]] Actions step(const Event& event, base::SteadyTime now);

    // Whether the token may be handed out at `now`.
    [[nodiscard]] bool usable(base::SteadyTime now) const;
    [[nodiscard]] bool fetching() const { return fetching_; }

  private:
    struct Lifetime {
        base::SteadyTime use_until;
        base::SteadyTime refresh_from;
    };

    Actions on(const Wanted& event, base::SteadyTime now);
    Actions on(const Tick& event, base::SteadyTime now);
    Actions on(const Fetched& event, base::SteadyTime now);
    Actions on(const Failed& event, base::SteadyTime now);
    Actions on(const Refused& event, base::SteadyTime now);

    [[nodiscard]] Fetch start_fetch();
    [[nodiscard]] std::optional<base::SteadyTime> deadline(base::SteadyTime now) const;
    [[nodiscard]] bool refresh_due(base::SteadyTime now) const;
    [[nodiscard]] base::Duration with_jitter(base::Duration duration) const;

    const TokenCacheOptions options_;
    const double jitter_;

    std::optional<Lifetime> token_;
    bool fetching_ = false;
    // The token was refused: a fresh one is waited for, and the old one is only the fallback.
    bool replacing_ = false;
    std::optional<base::SteadyTime> last_forced_;
    int failures_ = 0;  // in a row
    base::SteadyTime ask_from_ =
        base::SteadyTime::min();  // before it, an asker gets the last failure from memory
    base::SteadyTime background_from_ =
        base::SteadyTime::min();  // before it, nothing is fetched without being asked for
};

}  // namespace mailramp::oauth
