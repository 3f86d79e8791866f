#include "upstream/pool.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const base::SteadyTime t0{std::chrono::hours(1)};

// Drives a pool and writes down what it wants: "open 1 for 7", "reuse 1 for 8", "retire 1".
struct Driver {
    Pool pool{PoolLimits{}};
    base::SteadyTime now = t0;
    std::optional<base::SteadyTime> next;

    std::vector<std::string> step(const Pool::Event& event) {
        Pool::Step out = pool.step(event, now);
        next = out.next;
        std::vector<std::string> words;
        for (const Pool::Action& action : out.actions) {
            if (const auto* open = std::get_if<Pool::Open>(&action))
                words.push_back("open " + std::to_string(open->connection) + " for " +
                                std::to_string(open->ticket));
            if (const auto* reuse = std::get_if<Pool::Reuse>(&action))
                words.push_back("reuse " + std::to_string(reuse->connection) + " for " +
                                std::to_string(reuse->ticket));
            if (const auto* retire = std::get_if<Pool::Retire>(&action))
                words.push_back("retire " + std::to_string(retire->connection));
        }
        return words;
    }
    std::vector<std::string> acquire(Pool::Ticket ticket, Pool::Freshness freshness = Pool::Freshness::any) {
        return step(Pool::Acquire{ticket, freshness});
    }
    std::vector<std::string> opened(Pool::Connection connection,
                                    base::SteadyTime login_ends = base::SteadyTime::max()) {
        return step(Pool::Opened{connection, login_ends});
    }
    std::vector<std::string> released(Pool::Connection connection,
                                      Pool::Condition condition = Pool::Condition::reusable) {
        return step(Pool::Released{connection, condition});
    }
};

TEST(Pool, OpensTheFirstConnectionAndReusesIt) {
    Driver d;
    EXPECT_THAT(d.acquire(7), ElementsAre("open 1 for 7"));
    EXPECT_THAT(d.opened(1), IsEmpty());
    EXPECT_EQ(d.pool.in_use(), 1u);
    EXPECT_THAT(d.released(1), IsEmpty());
    EXPECT_EQ(d.pool.idle(), 1u);
    EXPECT_THAT(d.acquire(8), ElementsAre("reuse 1 for 8"));
}

TEST(Pool, NeverHasMoreThanItsConnections) {
    Driver d;
    EXPECT_THAT(d.acquire(1), ElementsAre("open 1 for 1"));
    EXPECT_THAT(d.acquire(2), ElementsAre("open 2 for 2"));
    EXPECT_THAT(d.acquire(3), IsEmpty());
    EXPECT_THAT(d.acquire(4), IsEmpty());
    d.opened(2);
    EXPECT_THAT(d.released(2), ElementsAre("reuse 2 for 3"));
    EXPECT_THAT(d.released(1, Pool::Condition::broken), ElementsAre("open 3 for 4"));
}

TEST(Pool, ForgetsATicketThatGaveUp) {
    Driver d;
    d.acquire(1);
    d.acquire(2);
    d.acquire(3);
    d.acquire(4);
    EXPECT_THAT(d.step(Pool::Cancel{3}), IsEmpty());
    d.opened(1);
    EXPECT_THAT(d.released(1), ElementsAre("reuse 1 for 4"));
}

TEST(Pool, EndsAConnectionThatWasIdleForItsTime) {
    Driver d;
    d.acquire(1);
    d.opened(1);
    d.released(1);
    EXPECT_EQ(d.next, t0 + 60s);
    d.now = t0 + 59s;
    EXPECT_THAT(d.step(Pool::Tick{}), IsEmpty());
    d.now = t0 + 60s;
    EXPECT_THAT(d.step(Pool::Tick{}), ElementsAre("retire 1"));
    EXPECT_EQ(d.next, std::nullopt);
    EXPECT_EQ(d.pool.idle(), 0u);
}

TEST(Pool, DoesNotHandOutWhatHasEndedBeforeATickSaidSo) {
    Driver d;
    d.acquire(1);
    d.opened(1);
    d.released(1);
    d.now = t0 + 2min;
    EXPECT_THAT(d.acquire(2), ElementsAre("retire 1", "open 2 for 2"));
}

TEST(Pool, EndsAConnectionAtItsAge) {
    Driver d;
    d.acquire(1);
    d.opened(1);
    d.now = t0 + 10min - 1s;
    d.released(1);
    EXPECT_EQ(d.next, t0 + 10min);
    EXPECT_THAT(d.acquire(2), ElementsAre("reuse 1 for 2"));
    d.now = t0 + 10min;
    EXPECT_THAT(d.released(1), ElementsAre("retire 1"));
}

TEST(Pool, EndsAConnectionWithItsToken) {
    Driver d;
    d.acquire(1);
    d.opened(1, t0 + 30s);
    d.released(1);
    EXPECT_EQ(d.next, t0 + 30s);
    d.now = t0 + 30s;
    EXPECT_THAT(d.acquire(2), ElementsAre("retire 1", "open 2 for 2"));
}

TEST(Pool, EndsAConnectionAfterItsMessages) {
    Driver d;
    d.pool = Pool(PoolLimits{.messages_per_session_max = 3});
    d.acquire(1);
    d.opened(1);
    EXPECT_THAT(d.released(1), IsEmpty());
    d.acquire(2);
    EXPECT_THAT(d.released(1), IsEmpty());
    d.acquire(3);
    EXPECT_THAT(d.released(1), ElementsAre("retire 1"));
}

TEST(Pool, PrefersTheWarmestConnection) {
    Driver d;
    d.acquire(1);
    d.acquire(2);
    d.opened(1);
    d.opened(2);
    d.released(2);
    d.now += 1s;
    d.released(1);
    EXPECT_THAT(d.acquire(3), ElementsAre("reuse 1 for 3"));
}

TEST(Pool, OpensAFreshConnectionWhenAWarmOneProvedDead) {
    Driver d;
    d.acquire(1);
    d.acquire(2);
    d.opened(1);
    d.opened(2);
    d.released(1);
    d.released(2);
    EXPECT_THAT(d.acquire(3), ElementsAre("reuse 2 for 3"));
    d.released(2, Pool::Condition::broken);
    EXPECT_THAT(d.acquire(3, Pool::Freshness::required), ElementsAre("open 3 for 3"));
    EXPECT_THAT(d.acquire(4, Pool::Freshness::required), ElementsAre("retire 1", "open 4 for 4"));
}

TEST(Pool, KeepsNothingIdleWhileDraining) {
    Driver d;
    d.acquire(1);
    d.acquire(2);
    d.opened(1);
    d.opened(2);
    d.released(1);
    EXPECT_THAT(d.step(Pool::Drain{}), ElementsAre("retire 1"));
    EXPECT_EQ(d.pool.in_use(), 1u);
    EXPECT_THAT(d.released(2), ElementsAre("retire 2"));
    EXPECT_EQ(d.next, std::nullopt);
}

// Random events: never too many connections, never one connection for two, never a lost ticket.
TEST(Pool, HoldsItsPromisesUnderRandomEvents) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        const PoolLimits limits{.connections_max = 1 + random() % 3,
                                .idle_timeout = 10s,
                                .session_age_max = 50s,
                                .messages_per_session_max = 5};
        Pool pool(limits);
        base::SteadyTime now = t0;
        std::set<Pool::Connection> opening, used, known_idle;
        std::set<Pool::Ticket> waiting;
        Pool::Ticket ticket = 0;
        const auto apply = [&](const Pool::Event& event) {
            for (const Pool::Action& action : pool.step(event, now).actions) {
                if (const auto* open = std::get_if<Pool::Open>(&action)) {
                    ASSERT_EQ(waiting.erase(open->ticket), 1u);
                    ASSERT_TRUE(opening.insert(open->connection).second);
                } else if (const auto* reuse = std::get_if<Pool::Reuse>(&action)) {
                    ASSERT_EQ(waiting.erase(reuse->ticket), 1u);
                    ASSERT_EQ(known_idle.erase(reuse->connection), 1u);
                    ASSERT_TRUE(used.insert(reuse->connection).second);
                } else {
                    ASSERT_EQ(known_idle.erase(std::get<Pool::Retire>(action).connection), 1u);
                }
            }
        };
        for (int i = 0; i < 300; ++i) {
            SCOPED_TRACE(seed);
            now += std::chrono::milliseconds(random() % 4000);
            switch (random() % 4) {
                case 0:
                    waiting.insert(++ticket);
                    apply(Pool::Acquire{
                        ticket, random() % 5 == 0 ? Pool::Freshness::required : Pool::Freshness::any});
                    break;
                case 1:
                    apply(Pool::Tick{});
                    break;
                case 2:
                    if (!opening.empty()) {
                        const Pool::Connection one = *opening.begin();
                        opening.erase(one);
                        used.insert(one);
                        apply(Pool::Opened{one, now + std::chrono::seconds(random() % 60)});
                    }
                    break;
                case 3:
                    if (!used.empty()) {
                        const Pool::Connection one = *used.begin();
                        used.erase(one);
                        const bool reusable = random() % 3 != 0;
                        if (reusable) known_idle.insert(one);
                        apply(Pool::Released{one,
                                             reusable ? Pool::Condition::reusable : Pool::Condition::broken});
                    }
                    break;
            }
            ASSERT_LE(opening.size() + used.size() + known_idle.size(), limits.connections_max);
            ASSERT_EQ(pool.idle(), known_idle.size());
            ASSERT_EQ(pool.in_use(), opening.size() + used.size());
            ASSERT_TRUE(waiting.empty() || opening.size() + used.size() == limits.connections_max);
        }
    }
}

}  // namespace
}  // namespace mailramp::upstream
