// mailramp/delivery/budget_store.h: the seam that says what a mailbox may still send now.
//
// Two things are lent, each for a time: a permit (one message's place in the mailbox's window) and a
// connection (one attempt at a time). Asynchronous, so that several nodes can share one budget in a database;
// the local implementation answers at once. All calls are made on the event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/delivery/options.h"
#include "mailramp/io/async.h"

namespace mailramp::delivery {

enum class Lendable { permit, connection };

// What was lent. A number that never comes again for this mailbox within a run.
struct BudgetLease {
    std::string mailbox;
    Lendable what = Lendable::permit;
    std::uint64_t id = 0;
};

struct BudgetRequest {
    std::string mailbox;
    Lendable what = Lendable::permit;
    base::Duration lease{};  // without renew() or release() the lender takes it back after this, as used
};

struct BudgetAnswer {
    std::optional<BudgetLease> lease;
    // Without a lease: when asking again makes sense; nothing: once something has been released.
    std::optional<base::SteadyTime> ask_again;
};

// How a lease ended. A permit that may have reached the server is used: also when the outcome is uncertain.
enum class LeaseUse { unused, used };

struct BudgetUsage {
    std::size_t messages = 0;      // places of the window that are taken
    std::size_t messages_max = 0;  // 0: no limit
    std::size_t connections = 0;
    std::size_t connections_max = 0;
};

class BudgetStore {
  public:
    virtual ~BudgetStore() = default;

    // Makes a mailbox known, with what record() gave in an earlier run (empty: nothing). Once for each name.
    virtual void open(const std::string& mailbox, const BudgetLimits& limits, std::string_view record) = 0;
    [[nodiscard]] virtual io::Task<base::Result<BudgetAnswer>> acquire(BudgetRequest request) = 0;
    // Extends the lease to end after `lease` from now. ErrorKind::not_found: it was taken back meanwhile.
    [[nodiscard]] virtual io::Task<base::Result<>> renew(BudgetLease lent, base::Duration lease) = 0;
    // A used permit keeps its place for one window from now on.
    [[nodiscard]] virtual io::Task<base::Result<>> release(BudgetLease lent, LeaseUse use) = 0;
    // What the queue stores with the mailbox, in the transaction of a claim or a settlement. Empty when the
    // budget is durable elsewhere.
    [[nodiscard]] virtual std::string record(const std::string& mailbox) const = 0;
    [[nodiscard]] virtual BudgetUsage usage(const std::string& mailbox) const = 0;
};

// The budget of a single daemon, in memory; durable through record(). `clock` must outlive it.
[[nodiscard]] std::unique_ptr<BudgetStore> make_local_budget_store(const base::Clock& clock);

}  // namespace mailramp::delivery
