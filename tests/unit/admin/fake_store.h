// A store that answers what a test told it to, and notes what it was asked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::admin {

class FakeStore final : public queue::QueueStore {
  public:
    base::Result<queue::ListPage> page;
    base::Result<queue::MessageRow> message = base::fail(base::ErrorKind::not_found, "no such message");
    base::Result<queue::QueueCounts> all;
    base::Result<queue::OrderResult> changed = queue::OrderResult{1, 2, 0, {}};
    base::Result<queue::MessageTrace> story = base::fail(base::ErrorKind::not_found, "no such message");
    base::Result<queue::HistoryPage> past;
    std::string content;
    std::optional<base::Error> damage;
    queue::StoreHealth state;

    std::optional<queue::ListRequest> listed;
    std::optional<queue::HistoryRequest> looked_back;
    std::vector<queue::Order> orders;

    base::Result<queue::Reservation> reserve(std::uint64_t) override { return {}; }
    std::unique_ptr<queue::StagedMessage> stage(std::size_t, queue::Reservation) override { return nullptr; }
    void on_due(std::function<void(std::string_view)>) override {}
    io::Task<base::Result<queue::ClaimResult>> claim_due(queue::ClaimRequest) override {
        co_return queue::ClaimResult{};
    }
    io::Task<base::Result<std::string>> read(queue::QueueId, std::uint64_t offset,
                                             std::size_t octets_max) override {
        if (damage) co_return std::unexpected(*damage);
        if (offset >= content.size()) co_return std::string();
        co_return content.substr(offset, octets_max);
    }
    io::Task<base::Result<>> mark_ending(queue::QueueId, std::string, std::vector<std::int64_t>) override {
        co_return base::Result<>();
    }
    io::Task<base::Result<>> settle(queue::Settlement) override { co_return base::Result<>(); }
    io::Task<base::Result<std::vector<queue::MailboxRecord>>> mailboxes() override {
        co_return std::vector<queue::MailboxRecord>();
    }
    io::Task<base::Result<std::vector<queue::MailboxBacklog>>> backlogs() override {
        co_return std::vector<queue::MailboxBacklog>();
    }
    io::Task<base::Result<>> save(queue::MailboxRecord) override { co_return base::Result<>(); }

    io::Task<base::Result<queue::ListPage>> list(queue::ListRequest request) override {
        listed = std::move(request);
        co_return page;
    }
    io::Task<base::Result<queue::MessageRow>> show(queue::QueueId) override { co_return message; }
    io::Task<base::Result<queue::QueueCounts>> counts() override { co_return all; }
    io::Task<base::Result<queue::MessageTrace>> trace(queue::QueueId) override { co_return story; }
    io::Task<base::Result<queue::HistoryPage>> history(queue::HistoryRequest request) override {
        looked_back = std::move(request);
        co_return past;
    }
    io::Task<base::Result<queue::OrderResult>> operate(queue::Order order) override {
        orders.push_back(std::move(order));
        co_return changed;
    }
    queue::StoreHealth health() const override { return state; }
};

class FakeClock final : public base::Clock {
  public:
    base::WallTime wall_now = base::WallTime(std::chrono::milliseconds(1'795'000'000'250));
    base::SteadyTime steady_now = base::SteadyTime(std::chrono::hours(1));

    void advance(base::Duration by) {
        wall_now += by;
        steady_now += by;
    }
    base::WallTime wall() const override { return wall_now; }
    base::SteadyTime steady() const override { return steady_now; }
};

inline queue::RecipientRow a_recipient(std::string address, queue::RecipientState state) {
    queue::RecipientRow row;
    row.address = std::move(address);
    row.state = state;
    row.due = base::WallTime(std::chrono::seconds(1'795'000'060));
    row.attempts = 3;
    row.mailbox = "alerts";
    row.route = "default";
    return row;
}

inline queue::MessageRow a_message(std::int64_t id) {
    queue::MessageRow row;
    row.id = queue::QueueId(id);
    row.sender = "cron@web1.example";
    row.header_from = "cron@web1.example";
    row.message_id = "<1@web1.example>";
    row.client_address = "127.0.0.1";
    row.listener = "127.0.0.1:25";
    row.size_bytes = 4200;
    row.accepted = base::WallTime(std::chrono::seconds(1'794'999'880));
    row.recipients = {a_recipient("ops@contoso.example", queue::RecipientState::queued)};
    return row;
}

}  // namespace mailramp::admin
