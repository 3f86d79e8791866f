// simulation/spied_store.h: the daemon's store as its delivery side sees it: the book hears what is claimed
// and settled, and a control may spoil an answer.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "mailramp/queue/queue_store.h"
#include "simulation/book.h"

namespace mailramp::simulation {

// What a control breaks, one thing at a time; each must be noticed by the rule of the same concern.
enum class Spoil {
    nothing,
    syncs,        // the disk ignores them
    content,      // one octet is altered as it is read
    outcomes,     // "delivered" is stored as "queued", once for each message
    plan,         // claims come two hours early
    rate,         // three times as many messages a minute
    connections,  // two more than allowed
    token_alone,  // each mailbox has a token cache of its own
    token_pace,   // no pause after a failure
    settlements,  // none is stored, and all are said to be
    log,          // the token endpoint's answers are logged
    counts,       // the queue counts a message too many
};

class SpiedStore final : public queue::QueueStore {
  public:
    SpiedStore(queue::QueueStore& store, Book& book, Spoil spoil)
        : store_(store), book_(book), spoil_(spoil) {}

    io::Task<base::Result<queue::ClaimResult>> claim_due(queue::ClaimRequest request) override {
        if (spoil_ == Spoil::plan) request.now += std::chrono::hours(2);
        auto claimed = co_await store_.claim_due(std::move(request));
        if (claimed && claimed->message) book_.claimed(*claimed->message);
        co_return claimed;
    }
    io::Task<base::Result<>> settle(queue::Settlement settlement) override {
        if (spoil_ == Spoil::settlements) co_return base::Result<>{};
        if (spoil_ == Spoil::outcomes && forgotten_.insert(settlement.id).second)
            for (queue::RecipientSettlement& one : settlement.recipients)
                if (one.state == queue::RecipientState::delivered) one.state = queue::RecipientState::queued;
        book_.settling(settlement);
        queue::Settlement copy = settlement;
        auto settled = co_await store_.settle(std::move(settlement));
        if (settled) book_.settled(copy);
        co_return settled;
    }
    io::Task<base::Result<std::string>> read(queue::QueueId id, std::uint64_t offset,
                                             std::size_t octets_max) override {
        auto octets = co_await store_.read(id, offset, octets_max);
        if (spoil_ == Spoil::content && octets && octets->size() > 10) (*octets)[octets->size() - 5] = '#';
        co_return octets;
    }
    io::Task<base::Result<queue::QueueCounts>> counts() override {
        auto counts = co_await store_.counts();
        if (spoil_ == Spoil::counts && counts) ++counts->messages;
        co_return counts;
    }

    base::Result<queue::Reservation> reserve(std::uint64_t size_bytes) override {
        return store_.reserve(size_bytes);
    }
    std::unique_ptr<queue::StagedMessage> stage(std::size_t inline_bytes_max,
                                                queue::Reservation room) override {
        return store_.stage(inline_bytes_max, std::move(room));
    }
    void on_due(std::function<void(std::string_view)> callback) override {
        store_.on_due(std::move(callback));
    }
    io::Task<base::Result<>> mark_ending(queue::QueueId id, std::string mailbox,
                                         std::vector<std::int64_t> rows) override {
        return store_.mark_ending(id, std::move(mailbox), std::move(rows));
    }
    io::Task<base::Result<std::vector<queue::MailboxRecord>>> mailboxes() override {
        return store_.mailboxes();
    }
    io::Task<base::Result<std::vector<queue::MailboxBacklog>>> backlogs() override {
        return store_.backlogs();
    }
    io::Task<base::Result<>> save(queue::MailboxRecord record) override {
        return store_.save(std::move(record));
    }
    io::Task<base::Result<queue::ListPage>> list(queue::ListRequest request) override {
        return store_.list(std::move(request));
    }
    io::Task<base::Result<queue::MessageRow>> show(queue::QueueId id) override { return store_.show(id); }
    io::Task<base::Result<queue::MessageTrace>> trace(queue::QueueId id) override { return store_.trace(id); }
    io::Task<base::Result<queue::HistoryPage>> history(queue::HistoryRequest request) override {
        return store_.history(std::move(request));
    }
    io::Task<base::Result<queue::OrderResult>> operate(queue::Order order) override {
        return store_.operate(std::move(order));
    }
    queue::StoreHealth health() const override { return store_.health(); }

  private:
    queue::QueueStore& store_;
    Book& book_;
    Spoil spoil_;
    std::set<queue::QueueId> forgotten_;
};

}  // namespace mailramp::simulation
