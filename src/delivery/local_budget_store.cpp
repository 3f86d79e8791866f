#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "delivery/budget.h"
#include "delivery/moment.h"
#include "mailramp/delivery/budget_store.h"

namespace mailramp::delivery {
namespace {

// Answers without ever suspending. Connections are kept as a budget too: one whose places are free again the
// moment they are given back.
class LocalBudgetStore final : public BudgetStore {
  public:
    explicit LocalBudgetStore(const base::Clock& clock) : clock_(clock) {}

    void open(const std::string& mailbox, const BudgetLimits& limits, std::string_view record) override {
        const BudgetLimits connections{.messages_max = std::max<std::size_t>(limits.connections_max, 1),
                                       .window = base::Duration::zero(),
                                       .connections_max = limits.connections_max};
        const auto [box, added] = mailboxes_.try_emplace(mailbox, Budget(limits), Budget(connections));
        if (added) box->second.permits.restore(record, moment(clock_));
    }

    io::Task<base::Result<BudgetAnswer>> acquire(BudgetRequest request) override {
        Budget* budget = find(request.mailbox, request.what);
        if (budget == nullptr)
            co_return base::fail(base::ErrorKind::not_found, "no mailbox " + request.mailbox);
        const base::SteadyTime now = clock_.steady();
        BudgetAnswer answer;
        if (const auto place = budget->take(now, now + request.lease)) {
            answer.lease = BudgetLease{.mailbox = request.mailbox, .what = request.what, .id = *place};
        } else {
            answer.ask_again = budget->next_free(now);
        }
        co_return answer;
    }

    io::Task<base::Result<>> renew(BudgetLease lent, base::Duration lease) override {
        Budget* budget = find(lent.mailbox, lent.what);
        const base::SteadyTime now = clock_.steady();
        if (budget == nullptr || !budget->renew(lent.id, now, now + lease))
            co_return base::fail(base::ErrorKind::not_found,
                                 "the lease of mailbox " + lent.mailbox + " ran out");
        co_return base::Result<>{};
    }

    io::Task<base::Result<>> release(BudgetLease lent, LeaseUse use) override {
        Budget* budget = find(lent.mailbox, lent.what);
        if (budget == nullptr) co_return base::fail(base::ErrorKind::not_found, "no mailbox " + lent.mailbox);
        budget->give_back(lent.id, use, clock_.steady());
        co_return base::Result<>{};
    }

    std::string record(const std::string& mailbox) const override {
        const auto box = mailboxes_.find(mailbox);
        return box == mailboxes_.end() ? std::string{} : box->second.permits.record(moment(clock_));
    }

    BudgetUsage usage(const std::string& mailbox) const override {
        const auto box = mailboxes_.find(mailbox);
        if (box == mailboxes_.end()) return {};
        const base::SteadyTime now = clock_.steady();
        return BudgetUsage{.messages = box->second.permits.used(now),
                           .messages_max = box->second.permits.limits().messages_max,
                           .connections = box->second.connections.used(now),
                           .connections_max = box->second.connections.limits().messages_max};
    }

  private:
    struct Box {
        Budget permits;
        Budget connections;
    };

    Budget* find(const std::string& mailbox, Lendable what) {
        const auto box = mailboxes_.find(mailbox);
        if (box == mailboxes_.end()) return nullptr;
        switch (what) {
            case Lendable::permit:
                return &box->second.permits;
            case Lendable::connection:
                return &box->second.connections;
        }
        return nullptr;
    }

    const base::Clock& clock_;
    std::map<std::string, Box> mailboxes_;
};

}  // namespace

std::unique_ptr<BudgetStore> make_local_budget_store(const base::Clock& clock) {
    return std::make_unique<LocalBudgetStore>(clock);
}

}  // namespace mailramp::delivery
