#include "mailramp/alert/notifier.h"

#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "alert/command.h"
#include "alert/monitor.h"
#include "alert/outbox.h"
#include "alert/webhook.h"
#include "mailramp/base/events.h"
#include "mailramp/io/command_runner.h"
#include "mailramp/io/timer.h"

namespace mailramp::alert {
namespace {

struct Target {
    Target(std::function<std::string()> its_name, std::function<io::Task<Sent>(Alert)> way,
           const OutboxOptions& options, const io::Executor& executor)
        : name(std::move(its_name)), send(std::move(way)), outbox(options), pushed(executor) {}

    std::function<std::string()> name;
    std::function<io::Task<Sent>(Alert)> send;
    Outbox outbox;
    io::Event pushed;
    std::uint64_t taken = 0;
    std::string trouble;
};

// A test of all targets. Its coroutines hold it; who waits for it may leave before them.
struct TrialRun {
    explicit TrialRun(const io::Executor& executor) : one_ended(executor) {}
    std::vector<Trial> trials;
    std::size_t under_way = 0;
    io::Event one_ended;
};

Alert test_alert(base::WallTime now) {
    Alert alert;
    alert.condition.event = Event::test;
    alert.condition.severity = Severity::warning;
    alert.condition.summary = "this is a test; nothing is wrong";
    alert.condition.detail = "Somebody typed: mailramp alert test";
    alert.time = now;
    alert.since = now;
    return alert;
}

// An exception that leaves a coroutine of ours is a defect: let it leave the event loop, too.
void rethrow(const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

// Coroutine frames hold references to it and to its targets, which therefore never move.
struct Notifier::Impl {
    Impl(Options given, const std::string& host, io::HttpClient& http, const io::Executor& event_loop,
         const base::Clock& time, base::Logger log)
        : options(std::move(given)),
          executor(event_loop),
          clock(time),
          logger_(std::move(log)),
          monitor(options.monitor) {
        if (options.webhook.place != oauth::SecretPlace::none) {
            webhook.emplace(options, http, host);
            targets.emplace_back([this] { return webhook->name(); },
                                 [this](Alert alert) { return webhook->send(std::move(alert)); },
                                 options.outbox, executor);
        }
        if (!options.exec.empty()) {
            runner.emplace();
            command.emplace(options, *runner, host);
            targets.emplace_back([this] { return command->name(); },
                                 [this](Alert alert) { return command->send(std::move(alert)); },
                                 options.outbox, executor);
        }
        for (Target& target : targets)
            boost::asio::co_spawn(executor, serve(target), rethrow);
    }

    io::Task<> serve(Target& target);
    static io::Task<> try_one(Impl& impl, Target& target, std::shared_ptr<TrialRun> run, std::size_t index);
    void record(Target& target, const Alert& alert, const Sent& sent);
    void log(const Alert& alert) const;

    const Options options;
    const io::Executor executor;
    const base::Clock& clock;
    const base::Logger logger_;
    Monitor monitor;
    bool limited = false;  // has been logged
    std::optional<Webhook> webhook;
    std::optional<io::CommandRunner> runner;
    std::optional<Command> command;
    std::deque<Target> targets;
    bool stopped = false;
};

Notifier::Notifier(Options options, const std::string& host, io::HttpClient& http,
                   const io::Executor& executor, const base::Clock& clock, base::Logger logger)
    : impl_(std::make_unique<Impl>(std::move(options), host, http, executor, clock, std::move(logger))) {}

Notifier::~Notifier() = default;

const Thresholds& Notifier::thresholds() const {
    return impl_->options.thresholds;
}

void Notifier::observe(const std::vector<Condition>& wrong) {
    Impl& impl = *impl_;
    if (impl.stopped) return;
    for (const Alert& alert : impl.monitor.observe(wrong, {impl.clock.wall(), impl.clock.steady()})) {
        impl.log(alert);
        for (Target& target : impl.targets) {
            target.outbox.push(alert);
            target.pushed.notify();
        }
    }
    if (impl.monitor.limited() && !impl.limited)
        impl.logger_.warning(base::events::alert_limited,
                             "further alerts wait: so many have been told in the last hour",
                             {{"per_hour_max", impl.options.monitor.per_hour_max}});
    impl.limited = impl.monitor.limited();
}

void Notifier::Impl::log(const Alert& alert) const {
    const Condition& condition = alert.condition;
    const std::string_view event = to_string(condition.event);
    if (alert.kind == Alert::Kind::resolved)
        return logger_.info(base::events::alert_resolved, condition.relief,
                            {{"alert", event}, {"subject", condition.subject}});
    switch (condition.severity) {
        case Severity::warning:
            logger_.warning(base::events::alert_raised, condition.summary,
                            {{"alert", event},
                             {"subject", condition.subject},
                             {"detail", condition.detail},
                             {"remedy", condition.remedy},
                             {"repeats", alert.repeats}});
            break;
        case Severity::error:
            logger_.error(base::events::alert_raised, condition.summary,
                          {{"alert", event},
                           {"subject", condition.subject},
                           {"detail", condition.detail},
                           {"remedy", condition.remedy},
                           {"repeats", alert.repeats}});
            break;
    }
}

// ------------------------------------------------------------------ sending

io::Task<> Notifier::Impl::serve(Target& target) {
    while (!stopped) {
        if (std::optional<Alert> alert = target.outbox.begin(clock.steady())) {
            io::Task<Sent> sending = target.send(*alert);
            const Sent sent = co_await std::move(sending);
            record(target, *alert, sent);
        } else if (const std::optional<base::SteadyTime> next = target.outbox.next()) {
            co_await target.pushed.wait_until(*next);
        } else {
            co_await target.pushed.wait();
        }
    }
}

void Notifier::Impl::record(Target& target, const Alert& alert, const Sent& sent) {
    const std::string name = target.name();
    const std::string_view event = to_string(alert.condition.event);
    if (sent.end == Sent::End::taken) {
        target.outbox.taken();
        target.trouble.clear();
        ++target.taken;
        return logger_.info(base::events::alert_sent, sent.words,
                            {{"target", name}, {"alert", event}, {"lost", target.outbox.lost()}});
    }
    target.outbox.failed(clock.steady(),
                         sent.end == Sent::End::failed ? Outbox::Again::yes : Outbox::Again::no,
                         sent.retry_after);
    const bool known = !target.trouble.empty();
    target.trouble = sent.words;
    if (known)
        logger_.debug(base::events::alert_failed, "still",
                      {{"target", name}, {"alert", event}, {"reason", sent.words}});
    else
        logger_.warning(base::events::alert_failed, "nobody is told until this target works; mail goes on",
                        {{"target", name}, {"alert", event}, {"reason", sent.words}});
}

// ------------------------------------------------------------------ trying

io::Task<std::vector<Trial>> Notifier::try_targets() {
    Impl& impl = *impl_;
    const auto run = std::make_shared<TrialRun>(impl.executor);
    run->under_way = impl.targets.size();
    for (Target& target : impl.targets)
        run->trials.push_back({.target = target.name(), .taken = false, .words = "no answer in time"});
    for (std::size_t i = 0; i < impl.targets.size(); ++i)
        boost::asio::co_spawn(impl.executor, Impl::try_one(impl, impl.targets[i], run, i), rethrow);
    const base::SteadyTime deadline = impl.clock.steady() + impl.options.trial_timeout;
    bool in_time = true;
    while (in_time && run->under_way > 0)
        in_time = co_await run->one_ended.wait_until(deadline);
    co_return run->trials;
}

io::Task<> Notifier::Impl::try_one(Impl& impl, Target& target, std::shared_ptr<TrialRun> run,
                                   std::size_t index) {
    io::Task<Sent> sending = target.send(test_alert(impl.clock.wall()));
    Sent sent = co_await std::move(sending);
    run->trials[index].taken = sent.end == Sent::End::taken;
    run->trials[index].words = std::move(sent.words);
    --run->under_way;
    run->one_ended.notify();
}

std::vector<TargetStatus> Notifier::targets() const {
    std::vector<TargetStatus> all;
    for (const Target& target : impl_->targets)
        all.push_back({.target = target.name(),
                       .taken = target.taken,
                       .lost = target.outbox.lost(),
                       .waiting = target.outbox.waiting(),
                       .trouble = target.trouble});
    return all;
}

void Notifier::stop() {
    impl_->stopped = true;
    if (impl_->runner) impl_->runner->abandon();
    for (Target& target : impl_->targets)
        target.pushed.notify();
}

}  // namespace mailramp::alert
