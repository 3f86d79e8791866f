#include "mailramp/delivery/dispatcher.h"

#include <algorithm>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "delivery/dispatcher_impl.h"
#include "mailramp/base/text.h"

namespace mailramp::delivery {
namespace {

constexpr std::size_t unconfigured_max = 100;  // names of mailboxes that nobody configured, remembered

constexpr std::size_t stopped_senders_shown_max = 5;

StoppedSenders stopped_senders(const Mailbox& mailbox) {
    StoppedSenders stopped{.number = mailbox.senders.size(), .some = {}, .cause = {}, .remedy = {}};
    for (auto& [sender, answer] : mailbox.senders.first(stopped_senders_shown_max)) {
        if (stopped.some.empty()) {
            const provider::Verdict verdict = provider::classify(mailbox.options.dialect, answer);
            stopped.cause = verdict.cause;
            stopped.remedy = provider::fill(verdict.remedy, mailbox.options.names);
        }
        stopped.some.push_back(sender);
    }
    return stopped;
}

// An exception that leaves a coroutine of ours is a defect: let it leave the event loop, too.
struct Rethrow {
    void operator()(const std::exception_ptr& error) const {
        if (error) std::rethrow_exception(error);
    }
};

}  // namespace

Dispatcher::Dispatcher(DeliveryOptions options, std::vector<MailboxOptions> mailboxes,
                       queue::QueueStore& store, BudgetStore& budget, Courier& courier,
                       const io::Executor& executor, const base::Clock& clock, base::Logger logger,
                       std::uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(mailboxes), store, budget, courier, executor,
                                   clock, logger, seed)) {}

Dispatcher::~Dispatcher() {
    impl_->store_.on_due([](std::string_view) {});
}

io::Task<base::Result<>> Dispatcher::start(Timers timers) {
    return impl_->start(timers);
}
io::Task<DrainResult> Dispatcher::drain(base::Duration timeout) {
    return impl_->drain(timeout);
}
base::Result<> Dispatcher::resume(const std::string& mailbox) {
    return impl_->resume(mailbox);
}
void Dispatcher::try_senders_again() {
    for (auto& [name, mailbox] : impl_->mailboxes_)
        mailbox.senders.clear();
}
base::Result<> Dispatcher::pause(const std::string& mailbox, std::string cause) {
    return impl_->pause(mailbox, std::move(cause));
}
const DeliveryCounters& Dispatcher::counters() const {
    return impl_->counters_;
}
std::optional<base::SteadyTime> Dispatcher::next_deadline() const {
    return impl_->next_deadline();
}
void Dispatcher::tick() {
    impl_->tick();
}

std::vector<MailboxStatus> Dispatcher::mailboxes() const {
    std::vector<MailboxStatus> all;
    for (const auto& [name, mailbox] : impl_->mailboxes_)
        all.push_back(impl_->status(mailbox));
    for (const auto& [name, recipients] : impl_->unconfigured_) {
        MailboxStatus& status = all.emplace_back();
        status.name = name;
        status.configured = false;
        status.cause = unconfigured_cause;
        status.remedy = unconfigured_remedy;
    }
    return all;
}

Dispatcher::Impl::Impl(DeliveryOptions options, std::vector<MailboxOptions>&& mailboxes,
                       queue::QueueStore& store, BudgetStore& budget, Courier& courier,
                       const io::Executor& executor, const base::Clock& clock, base::Logger logger,
                       std::uint64_t seed)
    : options_(std::move(options)),
      store_(store),
      budget_(budget),
      courier_(courier),
      executor_(executor),
      clock_(clock),
      log_(logger),
      random_(seed),
      jumps_(options_.retry, moment(clock)),
      started_(clock.steady()),
      timer_changed_(executor),
      task_ended_(executor) {
    for (MailboxOptions& mailbox : mailboxes) {
        std::string name = mailbox.name;
        const bool added = mailboxes_.try_emplace(std::move(name), options_, std::move(mailbox)).second;
        base::check(added, "mailboxes have names of their own");
    }
}

// ------------------------------------------------------------------ beginning

io::Task<base::Result<>> Dispatcher::Impl::start(Timers timers) {
    base::Result<std::vector<queue::MailboxRecord>> records = co_await store_.mailboxes();
    if (!records) co_return base::fail("load the mailboxes", std::move(records.error()));
    base::Result<std::vector<queue::MailboxBacklog>> backlogs = co_await store_.backlogs();
    if (!backlogs) co_return base::fail("look for mail that waits", std::move(backlogs.error()));
    for (const queue::MailboxBacklog& backlog : *backlogs)
        if (!mailboxes_.contains(backlog.mailbox)) found_unconfigured(backlog.mailbox, backlog.recipients);
    for (auto& [name, mailbox] : mailboxes_) {
        const auto record = std::ranges::find(*records, name, &queue::MailboxRecord::name);
        const bool known = record != records->end();
        budget_.open(name, mailbox.options.budget, known ? record->budget : std::string{});
        if (!known) continue;
        mailbox.schedule.pause().restore(*record, now());
        mailbox.stopped_since = record->stopped_since;
    }
    store_.on_due([this](std::string_view name) { wake(name); });
    if (timers == Timers::own) spawn(run_timers());
    for (auto& [name, mailbox] : mailboxes_)
        wake(name);
    co_return base::Result<>{};
}

void Dispatcher::Impl::wake(std::string_view name) {
    const auto found = mailboxes_.find(name);
    if (found == mailboxes_.end()) {
        ++counters_.mailbox_unknown;
        return found_unconfigured(name, 1);
    }
    found->second.schedule.wake(clock_.steady());
    pump(found->second);
}

// Its mail is safe and would wait without a word.
void Dispatcher::Impl::found_unconfigured(std::string_view name, std::uint64_t recipients) {
    if (unconfigured_.contains(name) || unconfigured_.size() >= unconfigured_max) return;
    unconfigured_.emplace(name, recipients);
    log_.mailbox_unknown(name, recipients);
}

void Dispatcher::Impl::pump(Mailbox& mailbox) {
    if (draining_) return set_deadline(mailbox, std::nullopt);
    Schedule::Next next = mailbox.schedule.next(clock_.steady());
    while (next.start) {
        ++tasks_under_way_;
        spawn(attempt(mailbox, mailbox.schedule.begin()));
        next = mailbox.schedule.next(clock_.steady());
    }
    set_deadline(mailbox, next.at);
}

void Dispatcher::Impl::spawn(io::Task<> task) {
    boost::asio::co_spawn(executor_, std::move(task), Rethrow{});
}

double Dispatcher::Impl::chance() {
    return static_cast<double>(random_() >> 11U) * 0x1.0p-53;
}

// ------------------------------------------------------------------ waiting

std::optional<base::SteadyTime> Dispatcher::Impl::next_deadline() const {
    std::optional<base::SteadyTime> next;
    if (!deadlines_.empty()) next = deadlines_.begin()->first;
    if (!naps_.empty() && (!next || naps_.begin()->first < *next)) next = naps_.begin()->first;
    return next;
}

void Dispatcher::Impl::tick() {
    const Moment moment = now();
    jumps_.observe(moment);
    while (!naps_.empty() && naps_.begin()->first <= moment.steady) {
        io::Event* const sleeper = naps_.begin()->second;
        naps_.erase(naps_.begin());
        sleeper->notify();
    }
    // Collected first: a pump may set a deadline that has passed already.
    std::vector<std::string_view> due;
    for (const auto& [deadline, name] : deadlines_) {
        if (deadline > moment.steady) break;
        due.push_back(name);
    }
    for (const std::string_view name : due)
        pump(mailboxes_.find(name)->second);
}

void Dispatcher::Impl::set_deadline(Mailbox& mailbox, std::optional<base::SteadyTime> deadline) {
    if (mailbox.deadline == deadline) return;
    const std::string_view name = mailbox.options.name;
    if (mailbox.deadline) deadlines_.erase(std::pair(*mailbox.deadline, name));
    if (deadline) deadlines_.emplace(*deadline, name);
    mailbox.deadline = deadline;
    look_at_timers();
}

// Wakes run_timers() only for what comes earlier than the time that it waits for.
void Dispatcher::Impl::look_at_timers() {
    const std::optional<base::SteadyTime> next = next_deadline();
    if (next && (!armed_ || *next < *armed_)) timer_changed_.notify();
}

io::Task<> Dispatcher::Impl::run_timers() {
    while (!stopped_) {
        armed_ = next_deadline();
        if (armed_) {
            co_await timer_changed_.wait_until(*armed_);
        } else {
            co_await timer_changed_.wait();
        }
        armed_.reset();
        tick();
    }
}

io::Task<bool> Dispatcher::Impl::nap(base::Duration duration) {
    if (stopped_) co_return false;
    io::Event alarm(executor_);
    naps_.emplace(clock_.steady() + duration, &alarm);
    look_at_timers();
    co_await alarm.wait();
    co_return !stopped_;
}

// ------------------------------------------------------------------ the state of a mailbox

void Dispatcher::Impl::announce(Mailbox& mailbox, Pause::Change change) {
    const Pause& pause = mailbox.schedule.pause();
    switch (change) {
        case Pause::Change::none:
            return;
        case Pause::Change::paused:
            ++counters_.paused;
            mailbox.resting_answer.reset();
            log_.paused(mailbox.options, pause);
            return save_pause(mailbox);
        case Pause::Change::still_paused:
            return save_pause(mailbox);
        case Pause::Change::resumed:
            ++counters_.resumed;
            log_.resumed(mailbox.options, "a message that was tried has passed");
            return save_pause(mailbox);
        case Pause::Change::rests: {
            const bool same = mailbox.resting_answer == pause.reason().answer;
            mailbox.resting_answer = pause.reason().answer;
            log_.resting(mailbox.options, pause,
                         same ? DeliveryLog::Repeated::yes : DeliveryLog::Repeated::no);
            return save_stop(mailbox);
        }
        case Pause::Change::recovered:
            if (mailbox.resting_answer) log_.resumed(mailbox.options, "transient trouble");
            mailbox.resting_answer.reset();
            return save_stop(mailbox);
    }
}

base::Result<> Dispatcher::Impl::resume(const std::string& name) {
    const auto found = mailboxes_.find(name);
    if (found == mailboxes_.end()) return base::fail(base::ErrorKind::not_found, "no mailbox " + name);
    Mailbox& mailbox = found->second;
    const bool paused = mailbox.schedule.pause().standing() == Pause::Standing::paused;
    if (mailbox.schedule.resume(clock_.steady())) log_.resumed(mailbox.options, "an operator's word");
    mailbox.resting_answer.reset();
    mailbox.senders.clear();
    if (paused) ++counters_.resumed;
    save_stop(mailbox);
    pump(mailbox);
    return {};
}

base::Result<> Dispatcher::Impl::pause(const std::string& name, std::string cause) {
    const auto found = mailboxes_.find(name);
    if (found == mailboxes_.end()) return base::fail(base::ErrorKind::not_found, "no mailbox " + name);
    Mailbox& mailbox = found->second;
    mailbox.schedule.pause().order(std::move(cause), "mailramp mailbox resume " + base::shell_word(name),
                                   now());
    mailbox.resting_answer.reset();
    ++counters_.paused;
    save_pause(mailbox);
    pump(mailbox);
    return {};
}

// Rests follow each other within seconds; only their first and their end are worth a write.
void Dispatcher::Impl::save_stop(Mailbox& mailbox) {
    if (mailbox.schedule.pause().stopped_since() != mailbox.stopped_since) save_pause(mailbox);
}

void Dispatcher::Impl::save_pause(Mailbox& mailbox) {
    mailbox.stopped_since = mailbox.schedule.pause().stopped_since();
    mailbox.save_wanted = true;
    if (mailbox.saving || stopped_) return;
    mailbox.saving = true;
    ++tasks_under_way_;
    spawn(run_save(mailbox));
}

// Stores the latest state until the store has taken it.
io::Task<> Dispatcher::Impl::run_save(Mailbox& mailbox) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    base::Duration pause = options_.store_pause_min;
    while (mailbox.save_wanted) {
        mailbox.save_wanted = false;
        queue::MailboxRecord record;
        record.name = mailbox.options.name;
        record.budget = budget_.record(mailbox.options.name);
        mailbox.schedule.pause().describe(record);
        const base::Result<> saved = co_await store_.save(std::move(record));
        if (saved) continue;
        ++counters_.store_failures;
        log_.pause_unsaved(mailbox.options, saved.error());
        mailbox.save_wanted = true;
        const bool goes_on = co_await nap(pause);
        if (!goes_on) break;
        pause = std::min(pause * 2, options_.store_pause_max);
    }
    mailbox.saving = false;
    task_ended();
}

void Dispatcher::Impl::task_ended() {
    --tasks_under_way_;
    task_ended_.notify();
}

MailboxStatus Dispatcher::Impl::status(const Mailbox& mailbox) const {
    const Pause& pause = mailbox.schedule.pause();
    MailboxStatus status;
    status.name = mailbox.options.name;
    status.in_flight = mailbox.schedule.in_flight();
    status.concurrency = mailbox.schedule.concurrency(clock_.steady());
    status.budget = budget_.usage(mailbox.options.name);
    status.cause = pause.reason().cause;
    status.remedy = pause.reason().remedy;
    status.pause_answer = pause.reason().answer;
    switch (pause.standing()) {
        case Pause::Standing::open:
            break;
        case Pause::Standing::resting:
            status.resting_until = pause.next_probe();
            break;
        case Pause::Standing::paused:
            status.paused = true;
            status.paused_since = pause.stopped_since();
            status.paused_by_operator = pause.ordered();
            if (!pause.ordered()) status.next_probe = pause.next_probe();
            break;
    }
    status.stopped = stopped_senders(mailbox);
    return status;
}

// ------------------------------------------------------------------ ending

io::Task<DrainResult> Dispatcher::Impl::drain(base::Duration timeout) {
    draining_ = true;
    for (auto& [name, mailbox] : mailboxes_) {
        mailbox.schedule.stop();
        set_deadline(mailbox, std::nullopt);
    }
    const std::size_t ended_before = attempts_ended_;
    co_await wait_for_tasks(clock_.steady() + timeout);

    // Every mark is a task of its own: one that the disk does not take keeps no other waiting. Outcomes that
    // are on their way to the disk get the same time.
    std::size_t abandoned = 0;
    for (const SharedFlight& flight : flights_) {
        if (flight->stage == Flight::Stage::settling) continue;
        flight->abandoned = true;
        ++abandoned;
        ++marks_under_way_;
        spawn(store_interrupted(flight, flight->stage));
    }
    co_await wait_for_tasks(clock_.steady() + options_.drain_grace);

    DrainResult result;
    result.marked_uncertain = marked_uncertain_;
    result.returned = returned_;
    result.left_claimed =
        abandoned - marked_uncertain_ - returned_ + (flights_.size() - abandoned_in_flight());
    const std::size_t abandoned_ended = abandoned - abandoned_in_flight();
    result.finished = attempts_ended_ - ended_before - abandoned_ended;
    stopped_ = true;
    for (const auto& [wakes, sleeper] : naps_)
        sleeper->notify();
    naps_.clear();
    timer_changed_.notify();
    co_return result;
}

std::size_t Dispatcher::Impl::abandoned_in_flight() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(flights_, [](const SharedFlight& flight) { return flight->abandoned; }));
}

// For everything but couriers whose attempts have been abandoned.
io::Task<> Dispatcher::Impl::wait_for_tasks(base::SteadyTime deadline) {
    naps_.emplace(deadline, &task_ended_);
    look_at_timers();
    while (tasks_under_way_ + marks_under_way_ > abandoned_in_flight() && clock_.steady() < deadline)
        co_await task_ended_.wait();
    std::erase_if(naps_, [this](const auto& nap) { return nap.second == &task_ended_; });
}

io::Task<> Dispatcher::Impl::store_interrupted(SharedFlight flight, Flight::Stage reached) {
    Outcome outcome;
    if (reached == Flight::Stage::ending) {
        outcome = conclude_interrupted(options_, flight->message, flight->accepted, facts(flight->message));
    } else {
        outcome = conclude_untouched(flight->message, clock_.wall());
    }
    queue::Settlement mark = settlement(*flight, outcome, std::string());
    const base::Result<> stored = co_await store_.settle(std::move(mark));
    if (stored) {
        ++(reached == Flight::Stage::ending ? marked_uncertain_ : returned_);
        count(flight->message, outcome);
        log_.settled(flight->mailbox.options, flight->message, outcome, std::string{}, clock_.wall());
    } else {
        ++counters_.store_failures;
        log_.outcome_unsaved(flight->mailbox.options, flight->message.id.text(), stored.error());
    }
    --marks_under_way_;
    task_ended_.notify();
}

}  // namespace mailramp::delivery
