// delivery/dispatcher_impl.h: the inside of the Dispatcher: dispatcher.cpp begins, waits and ends;
// attempt.cpp takes one message from its claim to its settlement.
//
// No locks: everything runs on the event loop. Coroutine frames hold references to the Impl and its
// mailboxes, which therefore never move; they hold nothing that touches the Impl when a frame is destroyed
// with the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "delivery/delivery_log.h"
#include "delivery/moment.h"
#include "delivery/outcome.h"
#include "delivery/presentation.h"
#include "delivery/retry_policy.h"
#include "delivery/schedule.h"
#include "delivery/sender_breaker.h"
#include "delivery/splits.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/io/timer.h"

namespace mailramp::delivery {

struct Mailbox {
    Mailbox(const DeliveryOptions& delivery, MailboxOptions mailbox)
        : options(std::move(mailbox)),
          schedule(delivery, options),
          senders(options.sender_breaker),
          splits(delivery.split) {}

    MailboxOptions options;
    Schedule schedule;
    SenderBreaker senders;
    Splits splits;
    std::optional<base::SteadyTime> deadline;     // as it stands in Impl::deadlines_
    std::optional<base::WallTime> stopped_since;  // as it was last to be stored
    bool save_wanted = false;                     // the pause differs from what is stored
    bool saving = false;
    bool store_failing = false;                  // has been logged
    std::optional<mail::Answer> resting_answer;  // of the rest that was logged
};

// One message on its way, from its claim to its settlement.
struct Flight {
    enum class Stage {
        submitting,  // the server cannot have the message
        ending,      // the end of data may be out, and that is durable
        settling,
    };

    Flight(Mailbox& from, queue::ClaimedMessage claimed, Stage first)
        : mailbox(from), message(std::move(claimed)), stage(first) {}

    Mailbox& mailbox;
    queue::ClaimedMessage message;
    Stage stage;
    std::vector<std::size_t> accepted;  // recipients who may have the message, from `ending` on
    bool as_mailbox = false;            // submitted in the name of the mailbox's own address
    bool abandoned = false;             // drain() stores its end; what the courier says is too late
};

// The attempt and the mark of a drain both hold it, and either may end first.
using SharedFlight = std::shared_ptr<Flight>;

// What the budget lent for one attempt.
struct Loan {
    std::optional<BudgetLease> connection;
    std::optional<BudgetLease> permit;
    std::optional<base::SteadyTime> ask_again;  // without a permit
    std::optional<base::Error> error;           // the budget could not be asked
    [[nodiscard]] bool granted() const { return connection && permit; }
};

struct Dispatcher::Impl {
    Impl(DeliveryOptions options, std::vector<MailboxOptions>&& mailboxes, queue::QueueStore& store,
         BudgetStore& budget, Courier& courier, const io::Executor& executor, const base::Clock& clock,
         base::Logger logger, std::uint64_t seed);

    // dispatcher.cpp
    io::Task<base::Result<>> start(Timers timers);
    io::Task<> run_timers();
    io::Task<DrainResult> drain(base::Duration timeout);
    io::Task<> wait_for_tasks(base::SteadyTime deadline);
    [[nodiscard]] std::size_t abandoned_in_flight() const;
    io::Task<> store_interrupted(SharedFlight flight, Flight::Stage reached);
    base::Result<> resume(const std::string& name);
    base::Result<> pause(const std::string& name, std::string cause);
    [[nodiscard]] MailboxStatus status(const Mailbox& mailbox) const;
    void found_unconfigured(std::string_view name, std::uint64_t recipients);
    [[nodiscard]] std::optional<base::SteadyTime> next_deadline() const;
    void tick();
    void wake(std::string_view name);
    // Begins whatever may begin now and notes when to look again.
    void pump(Mailbox& mailbox);
    void set_deadline(Mailbox& mailbox, std::optional<base::SteadyTime> deadline);
    void look_at_timers();
    // False when the dispatcher has stopped meanwhile.
    io::Task<bool> nap(base::Duration duration);
    void announce(Mailbox& mailbox, Pause::Change change);
    void save_stop(Mailbox& mailbox);
    void save_pause(Mailbox& mailbox);
    io::Task<> run_save(Mailbox& mailbox);
    void task_ended();
    void spawn(io::Task<> task);
    [[nodiscard]] Moment now() const { return moment(clock_); }
    [[nodiscard]] double chance();

    // attempt.cpp
    io::Task<> attempt(Mailbox& mailbox, Schedule::Attempt begun);
    io::Task<Loan> borrow(std::string mailbox);
    io::Task<> give_back(std::optional<BudgetLease> lent, LeaseUse use);
    io::Task<bool> keep(BudgetLease lent, base::Duration lease);
    io::Task<base::Result<queue::ClaimResult>> claim(Mailbox& mailbox, base::WallTime asked);
    io::Task<> fly(Mailbox& mailbox, Schedule::Attempt begun, Loan loan, queue::ClaimedMessage message);
    io::Task<> return_untouched(Mailbox& mailbox, Schedule::Attempt begun, Loan loan,
                                queue::ClaimedMessage message);
    SharedFlight begin_flight(Mailbox& mailbox, queue::ClaimedMessage message, Flight::Stage stage);
    io::Task<> return_untried(Mailbox& mailbox, Schedule::Attempt begun, Loan loan,
                              queue::ClaimedMessage message, Outcome outcome);
    void hear_of_sender(Mailbox& mailbox, const std::string& sender, const AttemptReport& report,
                        const Outcome& outcome);
    [[nodiscard]] Submission submission(const SharedFlight& flight, Presentation presented);
    io::Task<base::Result<>> mark_ending(SharedFlight flight, std::vector<std::size_t> accepted);
    [[nodiscard]] Outcome judge(const Flight& flight, const AttemptReport& report);
    io::Task<> settle(Flight& flight, Outcome outcome, std::string receipt);
    [[nodiscard]] queue::Settlement settlement(const Flight& flight, const Outcome& outcome,
                                               const std::string& receipt) const;
    [[nodiscard]] AttemptFacts facts(const queue::ClaimedMessage& message);
    void count(const queue::ClaimedMessage& message, const Outcome& outcome);
    void attempt_ended(Mailbox& mailbox);

    DeliveryOptions options_;
    std::map<std::string, Mailbox, std::less<>> mailboxes_;
    queue::QueueStore& store_;
    BudgetStore& budget_;
    Courier& courier_;
    io::Executor executor_;
    const base::Clock& clock_;
    DeliveryLog log_;
    std::mt19937_64 random_;
    DeliveryCounters counters_;
    WallJumps jumps_;
    base::SteadyTime started_;

    std::set<std::pair<base::SteadyTime, std::string_view>> deadlines_;  // one for each mailbox that waits
    std::multimap<base::SteadyTime, io::Event*> naps_;                   // of coroutines that wait
    io::Event timer_changed_;
    std::optional<base::SteadyTime> armed_;  // what run_timers() waits for
    std::list<SharedFlight> flights_;
    std::size_t tasks_under_way_ = 0;  // attempts, also before their claim, and saves
    std::size_t attempts_ended_ = 0;
    std::size_t marks_under_way_ = 0;                  // of drain()
    std::size_t marked_uncertain_ = 0, returned_ = 0;  // marks that have been stored
    io::Event task_ended_;
    std::map<std::string, std::uint64_t, std::less<>> unconfigured_;  // mailboxes: recipients seen
    bool draining_ = false;
    bool stopped_ = false;
};

}  // namespace mailramp::delivery
