// mailramp/delivery/dispatcher.h: takes what is due to the courier and writes down how it went.
//
// Each mailbox works for itself: a paused, throttled or unreachable one never delays another. A worker is a
// coroutine that exists while there is something to do; an accepted message starts one without waiting for
// any timer. The claim is durable before the courier hears of the message, and that its end goes out before
// it does: what is interrupted earlier has not been tried, only later is it uncertain. Every recipient of an
// attempt is settled in exactly one state, and the settlement is repeated until the store has taken it.
//
// Lives on one event loop. Time comes from the Clock and chance from the seed, so that a simulation can drive
// everything: see Timers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/delivery/budget_store.h"
#include "mailramp/delivery/courier.h"
#include "mailramp/delivery/options.h"
#include "mailramp/io/async.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

// Since the start of the daemon. "Recipients" unless said otherwise.
struct DeliveryCounters {
    std::uint64_t attempts = 0;   // submissions handed to the courier, of messages
    std::uint64_t delivered = 0;  // accepted by the provider
    std::uint64_t deferred = 0;   // will be tried again
    std::uint64_t held = 0;       // given to a human
    std::uint64_t uncertain = 0;  // may have been delivered, will be tried again
    std::uint64_t repeated_uncertain =
        0;                              // tried again after an uncertain attempt: at most so many duplicates
    std::uint64_t paused = 0;           // pauses begun, of mailboxes
    std::uint64_t resumed = 0;          // pauses ended, of mailboxes
    std::uint64_t store_failures = 0;   // operations of the queue that failed
    std::uint64_t mailbox_unknown = 0;  // wake-ups for a mailbox that the configuration does not have
};

// The senders of a mailbox that the server refuses.
struct StoppedSenders {
    std::size_t number = 0;
    std::vector<std::string> some;  // the first few of them, by name
    std::string cause;              // of the first
    std::string remedy;
};

// What an administrator wants to know about one mailbox.
struct MailboxStatus {
    std::string name;
    bool configured = true;  // false: mail waits for it, and nobody can submit that
    bool paused = false;
    bool paused_by_operator = false;
    mail::Answer pause_answer;
    std::string cause;   // why it is paused, resting or not configured; empty: it works
    std::string remedy;  // what to type
    std::optional<base::WallTime> paused_since;
    std::optional<base::WallTime> next_probe;     // while paused
    std::optional<base::WallTime> resting_until;  // transient trouble of the whole mailbox
    std::size_t in_flight = 0;                    // attempts
    std::size_t concurrency = 0;                  // connections it allows itself now
    BudgetUsage budget;
    StoppedSenders stopped;
};

// Who watches the clock.
enum class Timers {
    own,     // the dispatcher, with the timers of the event loop
    driven,  // the caller: it calls tick() whenever next_deadline() has passed
};

struct DrainResult {
    std::size_t finished = 0;          // attempts that ended in time
    std::size_t marked_uncertain = 0;  // attempts that did not, past the end of data: stored as uncertain
    std::size_t returned = 0;          // attempts that did not, before it: stored as not tried
    std::size_t left_claimed = 0;      // attempts whose end could not be stored; the next start finds them
};

class Dispatcher {
  public:
    // References must outlive the dispatcher; it must be destroyed before the event loop, and after the loop
    // has stopped running it.
    Dispatcher(DeliveryOptions options, std::vector<MailboxOptions> mailboxes, queue::QueueStore& store,
               BudgetStore& budget, Courier& courier, const io::Executor& executor, const base::Clock& clock,
               base::Logger logger, std::uint64_t seed);
    ~Dispatcher();

    // Loads what the store knows about the mailboxes and begins. Once.
    [[nodiscard]] io::Task<base::Result<>> start(Timers timers);
    // A human asked for another try of held mail: senders that were stopped are tried again.
    void try_senders_again();
    // Claims nothing more and waits for the attempts in flight, at most `timeout`. What is still under way
    // then is stored as uncertain if the end of its data may be out, else as not tried; a courier that is
    // stopped shortly before gets exact outcomes stored. Storing may take DeliveryOptions::drain_grace more.
    // Once.
    [[nodiscard]] io::Task<DrainResult> drain(base::Duration timeout);

    // Ends a mailbox's pause or rest by an operator's word. ErrorKind::not_found: no such mailbox.
    [[nodiscard]] base::Result<> resume(const std::string& mailbox);
    // Pauses a mailbox by an operator's word, over restarts and without probes, until resume(). Attempts that
    // are under way go on. ErrorKind::not_found: no such mailbox.
    [[nodiscard]] base::Result<> pause(const std::string& mailbox, std::string cause);

    [[nodiscard]] const DeliveryCounters& counters() const;
    // Those that are configured, and behind them those that are not but have mail waiting since the start.
    [[nodiscard]] std::vector<MailboxStatus> mailboxes() const;

    // For Timers::driven.
    [[nodiscard]] std::optional<base::SteadyTime> next_deadline() const;
    void tick();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::delivery
