// unit/delivery/world.h: a dispatcher with everything around it, in simulated time.
//
// Nothing sleeps: run_for() lets the event loop do what it can, then moves the clock to whatever comes next.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "mailramp/base/log.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/io/timer.h"
#include "unit/delivery/fake_queue_store.h"

namespace mailramp::delivery::testing {

class ManualClock final : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override { return wall_; }
    [[nodiscard]] base::SteadyTime steady() const override { return steady_; }
    void advance(base::SteadyTime to) {
        wall_ += std::chrono::ceil<base::Duration>(to - steady_);
        steady_ = to;
    }
    void jump_wall(base::Duration by) { wall_ += by; }

  private:
    base::WallTime wall_{std::chrono::days(20'000)};
    base::SteadyTime steady_{std::chrono::hours(100)};
};

// The event loop of one run of the daemon, and the sleepers on it.
class Loop {
  public:
    explicit Loop(ManualClock& clock) : clock_(clock) {}
    ~Loop() { sleepers_.clear(); }

    boost::asio::io_context& context() { return context_; }
    io::Task<> sleep(base::Duration duration) {
        io::Event alarm(context_.get_executor());
        sleepers_.emplace(clock_.steady() + duration, &alarm);
        co_await alarm.wait();
    }
    void poll() {
        context_.restart();
        context_.poll();
    }
    [[nodiscard]] std::optional<base::SteadyTime> next() const {
        if (sleepers_.empty()) return std::nullopt;
        return sleepers_.begin()->first;
    }
    void wake() {
        while (!sleepers_.empty() && sleepers_.begin()->first <= clock_.steady()) {
            io::Event* const sleeper = sleepers_.begin()->second;
            sleepers_.erase(sleepers_.begin());
            sleeper->notify();
        }
    }

  private:
    ManualClock& clock_;
    std::multimap<base::SteadyTime, io::Event*> sleepers_;
    boost::asio::io_context context_;
};

inline mail::Answer answer(mail::Phase phase, int code, std::string enhanced, std::string text) {
    return mail::Answer{.channel = mail::Channel::smtp,
                        .phase = phase,
                        .code = code,
                        .enhanced = std::move(enhanced),
                        .text = std::move(text)};
}

inline RecipientReport report(Fate fate, mail::Answer words) {
    return RecipientReport{.fate = fate, .answer = std::move(words), .retry_after = {}};
}

inline AttemptReport all(const Submission& submission, Fate fate, const mail::Answer& words) {
    AttemptReport result;
    result.recipients.assign(submission.envelope.recipients.size(), report(fate, words));
    if (fate == Fate::delivered) result.receipt = words.text;
    return result;
}

inline mail::Answer accepted() {
    return answer(mail::Phase::body_end, 250, "2.0.0", "OK [InternalId=1]");
}
inline mail::Answer login_refused() {
    return answer(mail::Phase::auth, 535, "5.7.3", "Authentication unsuccessful [AB1CD2]");
}

// Answers as the script says, after the time that the script says. It awaits before_end before a report that
// the end of data has an answer, or none.
class ScriptedCourier final : public Courier {
  public:
    struct Reply {
        AttemptReport report;
        base::Duration before_end{};  // until the last octet of content is out
        base::Duration latency = std::chrono::milliseconds(100);
        std::function<void()> at_dot = [] {};  // when the end of data goes out
        std::function<void()> at_end = [] {};  // just before the report; never if the daemon is killed first
    };
    struct Seen {
        std::string queue_id;
        std::string mailbox;
        std::string sender;
        std::vector<std::string> recipients;
        base::SteadyTime began;
        base::WallTime began_wall;
    };

    explicit ScriptedCourier(ManualClock& clock) : clock_(clock) {}

    std::function<Reply(const Submission&)> script = [](const Submission& submission) {
        return Reply{.report = all(submission, Fate::delivered, accepted())};
    };
    std::vector<Seen> seen;
    std::size_t in_flight = 0;
    std::size_t in_flight_most = 0;
    std::size_t stopped_before_end = 0;
    Loop* loop = nullptr;

    io::Task<AttemptReport> deliver(Submission submission) override {
        Seen entry;
        entry.queue_id = submission.queue_id;
        entry.mailbox = submission.mailbox;
        entry.sender = submission.envelope.sender;
        for (const mail::Recipient& recipient : submission.envelope.recipients)
            entry.recipients.push_back(recipient.address);
        entry.began = clock_.steady();
        entry.began_wall = clock_.wall();
        seen.push_back(std::move(entry));
        in_flight_most = std::max(in_flight_most, ++in_flight);
        Reply reply = script(submission);
        if (reply.before_end > base::Duration::zero()) co_await loop->sleep(reply.before_end);
        if (reaches_end(reply.report)) {
            const base::Result<> marked = co_await submission.before_end(accepted_in(reply.report));
            if (!marked) {
                --in_flight;
                ++stopped_before_end;
                co_return all(submission, Fate::not_tried, unmarked());
            }
            reply.at_dot();
        }
        co_await loop->sleep(reply.latency);
        --in_flight;
        reply.at_end();
        co_return std::move(reply.report);
    }

  private:
    static bool reaches_end(const AttemptReport& report) {
        return std::ranges::any_of(report.recipients, [](const RecipientReport& one) {
            return one.fate == Fate::delivered || one.fate == Fate::uncertain ||
                   one.answer.phase == mail::Phase::body_end;
        });
    }
    static std::vector<std::size_t> accepted_in(const AttemptReport& report) {
        std::vector<std::size_t> indices;
        for (std::size_t i = 0; i < report.recipients.size(); ++i)
            if (report.recipients[i].answer.phase != mail::Phase::rcpt) indices.push_back(i);
        return indices;
    }
    static mail::Answer unmarked() {
        mail::Answer words = answer(mail::Phase::body, 451, "4.3.0", "the attempt could not be noted");
        words.channel = mail::Channel::local;
        return words;
    }

    ManualClock& clock_;
};

// One daemon; the clock, the store and the courier live on when it is started again.
class World {
  public:
    explicit World(std::vector<MailboxOptions> mailboxes, DeliveryOptions delivery = {},
                   std::uint64_t seed = 1)
        : options(delivery),
          mailbox_options(std::move(mailboxes)),
          store(clock),
          courier(clock),
          seed_(seed) {}
    ~World() { kill(); }

    // Starts the daemon, or starts it again after a kill.
    void start() {
        loop = std::make_unique<Loop>(clock);
        courier.loop = loop.get();
        courier.in_flight = 0;
        budget = make_local_budget_store(clock);
        dispatcher = std::make_unique<Dispatcher>(options, mailbox_options, store, *budget, courier,
                                                  loop->context().get_executor(), clock,
                                                  base::Logger(&sink_, base::LogLevel::debug), seed_++);
        start_result.reset();
        spawn(run_start());
        settle_down();
    }
    // kill -9: what was in memory is gone.
    void kill() {
        dispatcher.reset();
        budget.reset();
        loop.reset();
        store.restart();
    }
    void run_for(base::Duration duration) {
        const base::SteadyTime end = clock.steady() + duration;
        settle_down();
        for (;;) {
            std::optional<base::SteadyTime> next = loop->next();
            const std::optional<base::SteadyTime> deadline = dispatcher->next_deadline();
            if (deadline && (!next || *deadline < *next)) next = deadline;
            if (!next || *next > end) break;
            if (*next > clock.steady()) clock.advance(*next);
            loop->wake();
            dispatcher->tick();
            settle_down();
            ++steps;
        }
        clock.advance(end);
        dispatcher->tick();
        settle_down();
    }
    void settle_down() { loop->poll(); }

    void begin_drain(base::Duration timeout) { spawn(run_drain(timeout)); }

    [[nodiscard]] std::size_t logged(std::string_view event) const {
        return static_cast<std::size_t>(std::ranges::count(events, event, &Line::event));
    }
    [[nodiscard]] std::string last(std::string_view event, const std::string& key) const {
        for (auto line = events.rbegin(); line != events.rend(); ++line) {
            if (line->event != event) continue;
            const auto field = line->fields.find(key);
            return field == line->fields.end() ? std::string() : field->second;
        }
        return {};
    }
    [[nodiscard]] MailboxStatus status(std::string_view name) const {
        for (MailboxStatus& status : dispatcher->mailboxes())
            if (status.name == name) return status;
        return {};
    }

    struct Line {
        std::string event;
        std::map<std::string, std::string> fields;
    };

    ManualClock clock;
    DeliveryOptions options;
    std::vector<MailboxOptions> mailbox_options;
    FakeQueueStore store;
    ScriptedCourier courier;
    std::unique_ptr<BudgetStore> budget;
    std::unique_ptr<Loop> loop;
    std::unique_ptr<Dispatcher> dispatcher;
    std::optional<base::Result<>> start_result;
    std::optional<DrainResult> drained;
    std::vector<Line> events;
    std::uint64_t steps = 0;

  private:
    struct Rethrow {
        void operator()(const std::exception_ptr& error) const {
            if (error) std::rethrow_exception(error);
        }
    };
    void spawn(io::Task<> task) { boost::asio::co_spawn(loop->context(), std::move(task), Rethrow{}); }
    io::Task<> run_start() { start_result = co_await dispatcher->start(Timers::driven); }
    io::Task<> run_drain(base::Duration timeout) { drained = co_await dispatcher->drain(timeout); }
    void note(const base::LogRecord& record) {
        Line line;
        line.event = record.event;
        for (const base::LogField& field : record.fields)
            line.fields[std::string(field.key)] = field.value;
        events.push_back(std::move(line));
    }

    base::Logger::Sink sink_ = [this](const base::LogRecord& record) { note(record); };
    std::uint64_t seed_;
};

inline MailboxOptions mailbox(std::string name) {
    MailboxOptions options;
    options.names.mailbox = name + "@example.com";
    options.senders.mode = route::SenderMode::keep;
    options.name = std::move(name);
    return options;
}

inline ScriptedCourier::Reply says(const Submission& submission, Fate fate, const mail::Answer& words) {
    return ScriptedCourier::Reply{.report = all(submission, fate, words)};
}
inline ScriptedCourier::Reply delivers(const Submission& submission) {
    return says(submission, Fate::delivered, accepted());
}

inline mail::Answer no_connection() {
    return mail::Answer{.channel = mail::Channel::local,
                        .phase = mail::Phase::connect,
                        .code = 0,
                        .enhanced = "",
                        .text = "connect 192.0.2.1: Connection refused"};
}

inline std::unique_ptr<World> started(std::vector<MailboxOptions> mailboxes, DeliveryOptions options = {}) {
    auto world = std::make_unique<World>(std::move(mailboxes), options);
    world->start();
    return world;
}

}  // namespace mailramp::delivery::testing
