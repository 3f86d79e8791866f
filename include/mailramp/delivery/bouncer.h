// mailramp/delivery/bouncer.h: tells senders or the postmaster what could not be delivered.
//
// Takes what the queue has marked as unreported, writes a report (bounce/report.h) and stores it like any
// accepted message; the recipients that it names go into the history in the same transaction. A report is
// submitted by the mailbox that was to submit the message. Whoever is not to be told, or cannot be, is held:
// a dead letter, never dropped. A report never causes another one.
//
// Lives on one event loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/delivery/options.h"
#include "mailramp/io/async.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

// A mailbox, as far as reports go.
struct ReportingMailbox {
    std::string name;
    provider::Names names;
    provider::Dialect dialect = provider::Dialect::exchange_online;
    std::string server;                  // its host name
    std::vector<std::string> own_names;  // SenderPolicy::own_names
};

struct BouncerCounters {
    std::uint64_t reports = 0;  // stored
    std::uint64_t kept = 0;     // recipients that stayed held, and nobody was told
};

class Bouncer {
  public:
    // `store` must know of reports (QueueStore::bounces()); the references must outlive it, and it the
    // running of the loop.
    Bouncer(BounceOptions options, std::vector<ReportingMailbox> mailboxes, std::string host_name,
            queue::QueueStore& store, const io::Executor& executor, const base::Clock& clock,
            base::Logger logger, std::uint64_t seed);
    ~Bouncer();

    // Until stop(). Once.
    [[nodiscard]] io::Task<> run();
    // Begins nothing more and waits for what is under way, at most until `deadline`.
    [[nodiscard]] io::Task<> stop(base::SteadyTime deadline);
    [[nodiscard]] const BouncerCounters& counters() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::delivery
