// The whole delivery side from one seed: simulated time, a server with faults, a store with faults, kills,
// drains and wall clocks that jump. Invariant 3: every accepted recipient ends delivered or visibly held; and
// it is delivered once, unless the store says that an attempt was uncertain, and held after three of those.
// An attempt can be uncertain only when its end was marked: a kill before makes neither a duplicate nor
// doubt.
//
// MAILRAMP_SIMULATION_SEEDS: how many; MAILRAMP_SIMULATION_FIRST: which one first (a failure names its seed).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/delivery/world.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using queue::RecipientState;
using testing::accepted;
using testing::answer;
using testing::report;
using testing::ScriptedCourier;
using testing::World;
using Reply = ScriptedCourier::Reply;

enum class Trouble {
    none,
    login,        // 535
    token,        // the endpoint is down
    secret,       // a human has to change it
    network,      // nobody answers
    session,      // 454 at login
    throttle,     // 421 after the message
    crowded,      // 432 with more than one connection
    quota,        // 554 after the message, of the whole mailbox
    greylisting,  // 450 for some recipients
    crowd,        // 452 4.5.3 after two recipients
    cut,          // the line breaks in the body
    silence,      // the last octet went out, no reply came
    slow,
};
constexpr int troubles = static_cast<int>(Trouble::slow) + 1;

class Simulation {
  public:
    explicit Simulation(std::uint64_t seed) : random_(seed), world_(mailboxes(), DeliveryOptions{}, seed) {}

    void run() {
        plan();
        world_.store.fails = [this](std::string_view) { return store_ill_ && below(3) == 0; };
        world_.store.mark_wait = [this] { return world_.loop->sleep(up_to(40ms)); };
        world_.store.marked_wait = [this] { return world_.loop->sleep(up_to(10ms)); };
        world_.courier.script = [this](const Submission& submission) { return serve(submission); };
        world_.start();
        for (const auto& [when, action] : actions_) {
            const auto left = std::chrono::ceil<base::Duration>(when - world_.clock.steady());
            world_.run_for(std::max(left, base::Duration::zero()));  // a drain takes time of its own
            (this->*action)();
        }
        recover();
        world_.run_for(5h);
        check();
    }

    [[nodiscard]] const testing::FakeQueueStore& store() const { return world_.store; }

  private:
    using Action = void (Simulation::*)();

    // ---------------------------------------------------------------- chance

    int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
    base::Duration up_to(base::Duration most) {
        return base::Duration(
            static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count())));
    }

    std::vector<MailboxOptions> mailboxes() {
        std::vector<MailboxOptions> all;
        for (const char* name : {"one", "two"}) {
            MailboxOptions options = testing::mailbox(name);
            options.budget.messages_max = 2 + static_cast<std::size_t>(below(5));
            options.budget.connections_max = 1 + static_cast<std::size_t>(below(3));
            options.recipients_max = 1 + static_cast<std::size_t>(below(5));
            limits_[name] = options.budget;
            all.push_back(std::move(options));
        }
        return all;
    }

    void plan() {
        const base::Duration span = 1min + up_to(2h);
        const auto at = [&] { return world_.clock.steady() + up_to(span); };
        for (int i = 4 + below(10); i > 0; --i)
            actions_.emplace(at(), &Simulation::accept);
        for (int i = below(8); i > 0; --i)
            actions_.emplace(at(), &Simulation::change_trouble);
        for (int i = below(3); i > 0; --i)
            actions_.emplace(at(), &Simulation::kill);
        for (int i = below(2); i > 0; --i)
            actions_.emplace(at(), &Simulation::drain);
        for (int i = below(4); i > 0; --i)
            actions_.emplace(at(), &Simulation::turn_store);
        if (below(4) == 0) actions_.emplace(at(), &Simulation::jump);
    }

    // ---------------------------------------------------------------- what happens

    void accept() {
        std::vector<std::string> recipients;
        for (int i = 1 + below(5); i > 0; --i) {
            const std::string user = below(8) == 0 ? "unknown" : "user";
            recipients.push_back(user + std::to_string(i) + "@example.net");
        }
        world_.store.accept(below(2) == 0 ? "one" : "two", recipients);
    }
    void change_trouble() { trouble_[below(2) == 0 ? "one" : "two"] = static_cast<Trouble>(below(troubles)); }
    void turn_store() { store_ill_ = !store_ill_; }
    void kill() {
        world_.kill();
        restart();
    }
    void drain() {
        world_.drained.reset();
        world_.begin_drain(8s);
        world_.run_for(9s);
        EXPECT_TRUE(world_.drained);
        kill();
    }
    // A daemon that cannot read its mailboxes does not start; somebody starts it again.
    void restart() {
        const bool ill = std::exchange(store_ill_, false);
        world_.start();
        store_ill_ = ill;
        ASSERT_TRUE(world_.start_result && *world_.start_result);
    }
    void jump() {
        const base::Duration by[] = {2h, -24h, std::chrono::days(3650), -std::chrono::days(3650), -10min};
        world_.clock.jump_wall(by[below(5)]);
        jumped_ = true;
    }
    void recover() {
        store_ill_ = false;
        trouble_.clear();
    }

    // ---------------------------------------------------------------- the server

    Reply serve(const Submission& submission) {
        Reply reply;
        reply.before_end = 1ms + up_to(200ms);
        reply.latency = 1ms + up_to(200ms);
        const auto everybody = [&](Fate fate, mail::Answer words) {
            reply.report = testing::all(submission, fate, words);
            return reply;
        };
        switch (trouble_[submission.mailbox]) {
            case Trouble::none:
            case Trouble::greylisting:
            case Trouble::crowd:
                break;
            case Trouble::login:
                return everybody(Fate::refused, testing::login_refused());
            case Trouble::token:
                return everybody(Fate::refused, token_answer(503, "Service Unavailable"));
            case Trouble::secret:
                return everybody(Fate::refused, token_answer(401, "invalid_client AADSTS7000222: expired"));
            case Trouble::network:
                return everybody(Fate::refused, answer(mail::Phase::connect, 0, "", "refused"));
            case Trouble::session:
                return everybody(Fate::refused, answer(mail::Phase::auth, 454, "4.7.0", "later"));
            case Trouble::throttle:
                return everybody(Fate::refused,
                                 answer(mail::Phase::body_end, 421, "4.4.2",
                                        "Message submission rate for this client has exceeded the configured "
                                        "limit"));
            case Trouble::crowded:
                if (world_.courier.in_flight < 2) break;
                return everybody(Fate::refused, answer(mail::Phase::body_end, 432, "4.3.2",
                                                       "Concurrent connections limit exceeded."));
            case Trouble::quota:
                return everybody(Fate::refused,
                                 answer(mail::Phase::body_end, 554, "5.2.0",
                                        "STOREDRV.Submission.Exception:SubmissionQuotaExceededException; x"));
            case Trouble::cut:
                return everybody(Fate::refused, answer(mail::Phase::body, 0, "", "reset by peer"));
            case Trouble::silence:
                if (below(2) == 0) reply.at_dot = [this, submission] { take(submission); };
                return everybody(Fate::uncertain, answer(mail::Phase::body_end, 0, "", "connection lost"));
            case Trouble::slow:
                (below(2) == 0 ? reply.latency : reply.before_end) = up_to(5min) + 1ms;
                break;
        }
        return talk(submission, std::move(reply));
    }

    static mail::Answer token_answer(int status, std::string text) {
        return mail::Answer{.channel = mail::Channel::http,
                            .phase = mail::Phase::token,
                            .code = status,
                            .enhanced = "",
                            .text = std::move(text)};
    }

    // RCPT by RCPT, then the message for those that were taken.
    Reply talk(const Submission& submission, Reply reply) {
        const Trouble trouble = trouble_[submission.mailbox];
        std::vector<std::string> taken;
        for (const mail::Recipient& recipient : submission.envelope.recipients) {
            RecipientReport& outcome = reply.report.recipients.emplace_back();
            if (recipient.address.starts_with("unknown")) {
                outcome = report(Fate::refused, answer(mail::Phase::rcpt, 550, "5.1.1", "User unknown"));
            } else if (trouble == Trouble::greylisting && below(2) == 0) {
                outcome = report(Fate::refused, answer(mail::Phase::rcpt, 450, "4.7.1", "greylisted"));
            } else if (trouble == Trouble::crowd && taken.size() == 2) {
                outcome =
                    report(Fate::refused, answer(mail::Phase::rcpt, 452, "4.5.3", "Too many recipients"));
            } else {
                outcome = report(Fate::delivered, accepted());
                taken.push_back(recipient.address);
            }
        }
        if (taken.empty()) return reply;
        // The server may have the message long before its reply arrives.
        const auto take_all = [this, id = submission.queue_id, mailbox = submission.mailbox, taken] {
            for (const std::string& address : taken)
                ++received_[{id, address}];
            seen_[mailbox].push_back(world_.clock.steady());
        };
        (below(2) == 0 ? reply.at_dot : reply.at_end) = take_all;
        return reply;
    }

    void take(const Submission& submission) {
        for (const mail::Recipient& recipient : submission.envelope.recipients)
            ++received_[{submission.queue_id, recipient.address}];
        seen_[submission.mailbox].push_back(world_.clock.steady());
    }

    // ---------------------------------------------------------------- what must be true

    void check() {
        EXPECT_TRUE(world_.store.broken_promises.empty()) << world_.store.broken_promises.front();
        for (const testing::FakeRow& row : world_.store.rows()) {
            const int copies = received_[{row.id.text(), row.recipient.address}];
            const std::string who =
                row.id.text() + " " + row.recipient.address + " is " + to_string(row.state);
            // Each copy and each doubt has a mark of its own.
            EXPECT_LE(copies, row.times_ending) << who;
            EXPECT_LE(row.times_uncertain + (row.state == RecipientState::delivered ? 1 : 0),
                      row.times_ending)
                << who;
            if (row.recipient.address.starts_with("unknown")) {
                EXPECT_TRUE(row.state == RecipientState::held) << who;
                continue;
            }
            EXPECT_LE(copies, 3) << who;  // RetryOptions::uncertain_attempts_max
            if (row.state == RecipientState::held) {
                EXPECT_EQ(row.times_uncertain, 3) << who;
                continue;
            }
            EXPECT_TRUE(row.state == RecipientState::delivered) << who;
            EXPECT_GE(copies, 1) << who;
            EXPECT_LE(copies, 1 + row.times_uncertain) << who;
        }
        EXPECT_LT(world_.courier.seen.size(), 20'000U);
        EXPECT_LT(world_.steps, 100'000U);
        for (auto& [mailbox, times] : seen_)
            check_budget(mailbox, times);
    }

    void check_budget(const std::string& mailbox, std::vector<base::SteadyTime>& times) {
        // A restart knows the past only by the wall clock; when that jumped ahead, the past looks older.
        if (jumped_) return;
        std::ranges::sort(times);
        const BudgetLimits& limits = limits_[mailbox];
        for (std::size_t i = limits.messages_max; i < times.size(); ++i)
            EXPECT_GE(times[i] - times[i - limits.messages_max], limits.window) << mailbox;
    }

    std::mt19937_64 random_;
    std::map<std::string, BudgetLimits> limits_;
    std::map<std::string, Trouble> trouble_;
    std::multimap<base::SteadyTime, Action> actions_;
    std::map<std::pair<std::string, std::string>, int> received_;  // (queue id, recipient): copies
    std::map<std::string, std::vector<base::SteadyTime>> seen_;    // by the server, of each mailbox
    bool store_ill_ = false;
    bool jumped_ = false;
    World world_;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t seeds_by_default = 1'000;
#else
constexpr std::uint64_t seeds_by_default = 10'000;
#endif

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, EveryRecipientEndsDeliveredOrVisiblyHeld) {
    const std::uint64_t first = number_from("MAILRAMP_SIMULATION_FIRST", 0);
    const std::uint64_t seeds = number_from("MAILRAMP_SIMULATION_SEEDS", seeds_by_default);
    std::uint64_t unsent = 0, uncertain = 0;
    for (std::uint64_t seed = first; seed < first + seeds && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("MAILRAMP_SIMULATION_FIRST=" + std::to_string(seed));
        Simulation simulation(seed);
        simulation.run();
        unsent += simulation.store().restarted_unsent;
        uncertain += simulation.store().restarted_uncertain;
    }
    if (seeds < 1'000) return;
    EXPECT_GT(unsent, seeds / 100) << "hardly a kill has met an attempt before its end";
    EXPECT_GT(uncertain, seeds / 100) << "hardly a kill has met an attempt past its end";
}

}  // namespace
}  // namespace mailramp::delivery
