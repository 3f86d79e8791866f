// A QueueStore that takes messages into memory and does what a test tells it; only the accepting half is
// there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mailramp/io/timer.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::inbound {

struct StoredMessage {
    queue::QueueId id;
    queue::Acceptance acceptance;
    std::string content;
};

class ScriptedStore final : public queue::QueueStore {
  public:
    explicit ScriptedStore(const io::Executor& executor) : may_commit(executor) {}

    // What a test sets.
    std::optional<base::Error> admission_error;
    std::optional<base::Error> append_error;
    std::optional<base::Error> commit_error;
    bool hold_commits = false;  // commit() waits for may_commit
    io::Event may_commit;
    // What a test looks at.
    std::vector<StoredMessage> messages;
    std::size_t commits_begun = 0;
    std::size_t staged_alive = 0;
    std::uint64_t reserved_bytes = 0;
    std::vector<std::size_t> inline_limits;

    base::Result<queue::Reservation> reserve(std::uint64_t size_bytes) override {
        if (admission_error) return std::unexpected(*admission_error);
        return queue::Reservation(reserved_bytes, size_bytes);
    }
    std::unique_ptr<queue::StagedMessage> stage(std::size_t inline_bytes_max,
                                                queue::Reservation room) override {
        inline_limits.push_back(inline_bytes_max);
        return std::make_unique<Staged>(
            *this, queue::QueueId(static_cast<std::int64_t>(inline_limits.size())), std::move(room));
    }

    void on_due(std::function<void(std::string_view)>) override { unused(); }
    io::Task<base::Result<queue::ClaimResult>> claim_due(queue::ClaimRequest) override { unused(); }
    io::Task<base::Result<std::string>> read(queue::QueueId, std::uint64_t, std::size_t) override {
        unused();
    }
    io::Task<base::Result<>> mark_ending(queue::QueueId, std::string, std::vector<std::int64_t>) override {
        unused();
    }
    io::Task<base::Result<>> settle(queue::Settlement) override { unused(); }
    io::Task<base::Result<std::vector<queue::MailboxRecord>>> mailboxes() override { unused(); }
    io::Task<base::Result<std::vector<queue::MailboxBacklog>>> backlogs() override { unused(); }
    io::Task<base::Result<>> save(queue::MailboxRecord) override { unused(); }
    io::Task<base::Result<queue::ListPage>> list(queue::ListRequest) override { unused(); }
    io::Task<base::Result<queue::MessageRow>> show(queue::QueueId) override { unused(); }
    io::Task<base::Result<queue::QueueCounts>> counts() override { unused(); }
    io::Task<base::Result<queue::MessageTrace>> trace(queue::QueueId) override { unused(); }
    io::Task<base::Result<queue::HistoryPage>> history(queue::HistoryRequest) override { unused(); }
    io::Task<base::Result<queue::OrderResult>> operate(queue::Order) override { unused(); }
    queue::StoreHealth health() const override { return {}; }

  private:
    class Staged final : public queue::StagedMessage {
      public:
        Staged(ScriptedStore& store, queue::QueueId id, queue::Reservation room)
            : store_(store), id_(id), room_(std::move(room)) {
            ++store_.staged_alive;
        }
        ~Staged() override { --store_.staged_alive; }
        queue::QueueId id() const override { return id_; }
        std::uint64_t size_bytes() const override { return content_.size(); }
        io::Task<base::Result<>> append(std::string octets) override {
            if (store_.append_error) co_return std::unexpected(*store_.append_error);
            content_ += octets;
            co_return base::Result<>();
        }
        io::Task<base::Result<>> commit(queue::Acceptance acceptance) override {
            ++store_.commits_begun;
            if (store_.hold_commits) co_await store_.may_commit.wait();
            if (store_.commit_error) co_return std::unexpected(*store_.commit_error);
            store_.messages.push_back({id_, std::move(acceptance), content_});
            co_return base::Result<>();
        }

      private:
        ScriptedStore& store_;
        queue::QueueId id_;
        queue::Reservation room_;
        std::string content_;
    };

    [[noreturn]] static void unused() {
        base::check(false, "inbound never calls the delivering half of the store");
        std::abort();
    }
};

}  // namespace mailramp::inbound
