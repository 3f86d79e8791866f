// unit/delivery/fake_queue_store.h: a queue in memory that keeps the promises of queue::QueueStore and is
// strict about those of its caller: what is settled must have been claimed, and every claimed row is settled
// once; and what may have arrived must have been marked before.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mailramp/base/clock.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery::testing {

struct FakeRow {
    std::int64_t row = 0;
    queue::QueueId id;
    mail::Recipient recipient;
    std::string mailbox;
    queue::RecipientState state = queue::RecipientState::queued;
    base::WallTime due;
    int attempts = 0;
    bool maybe_delivered = false;
    mail::Answer answer;
    std::string receipt;
    base::Duration paused_at_accept{};
    int times_uncertain = 0;
    bool ending = false;   // of the claim: the end of data may be out
    int times_ending = 0;  // claims that came so far
    queue::HoldReason hold_reason = queue::HoldReason::none;
};

class FakeQueueStore final : public queue::QueueStore {
  public:
    explicit FakeQueueStore(const base::Clock& clock) : clock_(clock) {}

    // ---------------------------------------------------------------- for the test

    // Each operation fails while this says so (its word: "claim", "mark", "settle", "save", "mailboxes").
    std::function<bool(std::string_view operation)> fails = [](std::string_view) { return false; };
    // What a claim waits for, if anything: a slow disk.
    std::function<io::Task<>()> claim_wait;
    std::function<io::Task<>()> settle_wait;   // likewise a settlement
    std::function<io::Task<>()> mark_wait;     // likewise a mark, before it is durable
    std::function<io::Task<>()> marked_wait;   // and its caller, when it is
    std::vector<std::string> broken_promises;  // of the caller
    // What restart() does with what was claimed.
    base::Duration unsent_delay = std::chrono::minutes(1);
    base::Duration uncertain_delay = std::chrono::minutes(5);
    int uncertain_attempts_max = 3;
    // Of every message.
    std::string content = "Subject: x\r\n\r\nx\r\n";
    std::string sender = "app@example.com";
    std::uint64_t claims = 0, empty_claims = 0, saves = 0;
    std::uint64_t restarted_unsent = 0, restarted_uncertain = 0;  // rows

    queue::QueueId accept(const std::string& mailbox, const std::vector<std::string>& recipients) {
        const queue::QueueId id(next_id_++);
        senders_[id] = sender;
        accepted_[id] = clock_.wall();
        for (const std::string& address : recipients) {
            FakeRow row;
            row.row = next_row_++;
            row.id = id;
            row.recipient.address = address;
            row.mailbox = mailbox;
            row.due = clock_.wall();
            row.paused_at_accept = paused_in_all(mailbox);
            rows_.push_back(row);
        }
        if (callback_) callback_(mailbox);
        return id;
    }
    // What the next start finds: what was claimed and marked may have been sent.
    void restart() {
        callback_ = nullptr;
        for (FakeRow& row : rows_) {
            if (row.state != queue::RecipientState::claimed) continue;
            if (!row.ending) {
                row.state = queue::RecipientState::queued;
                row.due = clock_.wall() + unsent_delay;
                ++restarted_unsent;
                continue;
            }
            ++restarted_uncertain;
            row.state = queue::RecipientState::uncertain;
            row.maybe_delivered = true;
            ++row.times_uncertain;
            row.due = clock_.wall() + uncertain_delay;
            ++row.attempts;
            if (row.times_uncertain >= uncertain_attempts_max) row.state = queue::RecipientState::held;
        }
    }
    [[nodiscard]] const std::vector<FakeRow>& rows() const { return rows_; }
    [[nodiscard]] std::size_t count(queue::RecipientState state) const {
        return static_cast<std::size_t>(std::ranges::count(rows_, state, &FakeRow::state));
    }
    [[nodiscard]] const queue::MailboxRecord& record(const std::string& mailbox) { return records_[mailbox]; }
    void set_record(queue::MailboxRecord record) { records_[record.name] = record; }

    // ---------------------------------------------------------------- QueueStore

    void on_due(std::function<void(std::string_view)> callback) override { callback_ = std::move(callback); }

    io::Task<base::Result<queue::ClaimResult>> claim_due(queue::ClaimRequest request) override {
        co_await turn();
        if (claim_wait) co_await claim_wait();
        if (fails("claim")) co_return base::fail(base::ErrorKind::unavailable, "a scripted failure");
        ++claims;
        queue::ClaimResult result;
        const FakeRow* const first = earliest(request.mailbox);
        if (first == nullptr || first->due > request.now) {
            ++empty_claims;
            if (first != nullptr) result.next_due = first->due;
            co_return result;
        }
        result.message = claim_message(request, first->id);
        const FakeRow* const next = earliest(request.mailbox);
        if (next != nullptr) result.next_due = next->due;
        records_[request.mailbox].name = request.mailbox;
        records_[request.mailbox].budget = request.budget;
        co_return result;
    }

    io::Task<base::Result<std::string>> read(queue::QueueId, std::uint64_t offset,
                                             std::size_t octets_max) override {
        co_await turn();
        if (fails("damaged")) co_return base::fail(base::ErrorKind::invalid, "the stored content is damaged");
        if (fails("read")) co_return base::fail(base::ErrorKind::io, "a scripted failure");
        co_return content.substr(std::min<std::size_t>(offset, content.size()), octets_max);
    }

    io::Task<base::Result<>> mark_ending(queue::QueueId id, std::string mailbox,
                                         std::vector<std::int64_t> rows) override {
        co_await turn();
        if (mark_wait) co_await mark_wait();
        if (fails("mark")) co_return base::fail(base::ErrorKind::unavailable, "a scripted failure");
        for (const std::int64_t number : rows) {
            const auto row = std::ranges::find(rows_, number, &FakeRow::row);
            if (row == rows_.end() || row->id != id || row->mailbox != mailbox ||
                row->state != queue::RecipientState::claimed)
                co_return base::fail(base::ErrorKind::conflict, "no attempt holds it");
            row->ending = true;
            ++row->times_ending;
        }
        if (marked_wait) co_await marked_wait();
        co_return base::Result<>{};
    }

    io::Task<base::Result<>> settle(queue::Settlement settlement) override {
        co_await turn();
        if (settle_wait) co_await settle_wait();
        if (fails("settle")) co_return base::fail(base::ErrorKind::unavailable, "a scripted failure");
        for (const queue::RecipientSettlement& settled : settlement.recipients) {
            const auto row = std::ranges::find(rows_, settled.row, &FakeRow::row);
            if (row == rows_.end() || row->id != settlement.id) {
                broken_promises.push_back("settled a row that is not of this message");
                continue;
            }
            if (row->state != queue::RecipientState::claimed)
                broken_promises.push_back("settled a row that nobody had claimed");
            if (settled.state == queue::RecipientState::claimed)
                broken_promises.push_back("settled a row as claimed");
            const bool arrived = settled.state == queue::RecipientState::delivered || settled.ended_uncertain;
            if (arrived && !row->ending)
                broken_promises.push_back("a row may have arrived whose end had not been marked");
            row->state = settled.state;
            row->due = settled.due;
            row->hold_reason = settled.hold_reason;
            if ((settled.state == queue::RecipientState::held) !=
                (settled.hold_reason != queue::HoldReason::none))
                broken_promises.push_back("held a row without a reason, or had one for another state");
            row->answer = settled.answer;
            row->receipt = settlement.receipt;
            if (settled.counts_as_attempt) ++row->attempts;
            if (settled.state == queue::RecipientState::uncertain && !settled.ended_uncertain)
                broken_promises.push_back("settled a row as uncertain without saying so");
            if (settled.ended_uncertain) {
                row->maybe_delivered = true;
                ++row->times_uncertain;
            }
        }
        records_[settlement.mailbox].name = settlement.mailbox;
        records_[settlement.mailbox].budget = settlement.budget;
        co_return base::Result<>{};
    }

    io::Task<base::Result<std::vector<queue::MailboxRecord>>> mailboxes() override {
        co_await turn();
        if (fails("mailboxes")) co_return base::fail(base::ErrorKind::unavailable, "a scripted failure");
        std::vector<queue::MailboxRecord> all;
        for (const auto& [name, record] : records_)
            all.push_back(record);
        co_return all;
    }

    io::Task<base::Result<std::vector<queue::MailboxBacklog>>> backlogs() override {
        co_await turn();
        if (fails("backlogs")) co_return base::fail(base::ErrorKind::unavailable, "a scripted failure");
        std::map<std::string, std::uint64_t> waiting;
        for (const FakeRow& row : rows_)
            if (waits(row) || row.state == queue::RecipientState::held) ++waiting[row.mailbox];
        std::vector<queue::MailboxBacklog> all;
        for (const auto& [name, recipients] : waiting)
            all.push_back({name, recipients});
        co_return all;
    }

    io::Task<base::Result<>> save(queue::MailboxRecord record) override {
        co_await turn();
        if (fails("save")) co_return base::fail(base::ErrorKind::unavailable, "a scripted failure");
        ++saves;
        queue::MailboxRecord& stored = records_[record.name];
        record.stopped_total = stored.stopped_total;
        if (stored.stopped_since && stored.stopped_since != record.stopped_since)
            record.stopped_total += record.stopped_since.value_or(clock_.wall()) - *stored.stopped_since;
        stored = record;
        co_return base::Result<>{};
    }

    // What delivery never asks for.
    base::Result<queue::Reservation> reserve(std::uint64_t) override { return {}; }
    std::unique_ptr<queue::StagedMessage> stage(std::size_t, queue::Reservation) override { return nullptr; }
    io::Task<base::Result<queue::ListPage>> list(queue::ListRequest) override { co_return queue::ListPage{}; }
    io::Task<base::Result<queue::MessageRow>> show(queue::QueueId) override { co_return queue::MessageRow{}; }
    io::Task<base::Result<queue::QueueCounts>> counts() override { co_return queue::QueueCounts{}; }
    io::Task<base::Result<queue::MessageTrace>> trace(queue::QueueId) override {
        co_return queue::MessageTrace{};
    }
    io::Task<base::Result<queue::HistoryPage>> history(queue::HistoryRequest) override {
        co_return queue::HistoryPage{};
    }
    io::Task<base::Result<queue::OrderResult>> operate(queue::Order) override {
        co_return queue::OrderResult{};
    }
    queue::StoreHealth health() const override { return {}; }

  private:
    static bool waits(const FakeRow& row) {
        return row.state == queue::RecipientState::queued || row.state == queue::RecipientState::uncertain;
    }

    [[nodiscard]] const FakeRow* earliest(const std::string& mailbox) const {
        const FakeRow* first = nullptr;
        for (const FakeRow& row : rows_)
            if (row.mailbox == mailbox && waits(row) && (first == nullptr || row.due < first->due))
                first = &row;
        return first;
    }

    // Like the real store, it answers from the loop and never inside the call.
    static io::Task<> turn() { co_await boost::asio::post(boost::asio::use_awaitable); }

    queue::ClaimedMessage claim_message(const queue::ClaimRequest& request, queue::QueueId id) {
        queue::ClaimedMessage message;
        message.id = id;
        message.envelope.sender = senders_[id];
        message.size_bytes = content.size();
        message.accepted = accepted_[id];
        std::size_t recipients_max = request.recipients_max;
        for (const queue::RecipientsCap& cap : request.caps)
            if (cap.message == id) recipients_max = std::min(recipients_max, cap.recipients_max);
        for (FakeRow& row : rows_) {
            if (row.id != id || row.mailbox != request.mailbox || !waits(row) || row.due > request.now)
                continue;
            if (message.recipients.size() == recipients_max) break;
            row.state = queue::RecipientState::claimed;
            row.ending = false;
            message.recipients.push_back(queue::ClaimedRecipient{.row = row.row,
                                                                 .recipient = row.recipient,
                                                                 .route = "default",
                                                                 .attempts = row.attempts,
                                                                 .maybe_delivered = row.maybe_delivered,
                                                                 .uncertain_endings = row.times_uncertain,
                                                                 .first_tried = {}});
            message.stopped_for = paused_in_all(request.mailbox) - row.paused_at_accept;
        }
        return message;
    }

    base::Duration paused_in_all(const std::string& mailbox) {
        const queue::MailboxRecord& record = records_[mailbox];
        base::Duration total = record.stopped_total;
        if (record.stopped_since) total += clock_.wall() - *record.stopped_since;
        return total;
    }

    const base::Clock& clock_;
    std::function<void(std::string_view)> callback_;
    std::vector<FakeRow> rows_;
    std::map<queue::QueueId, std::string> senders_;  // as `sender` was when it came
    std::map<queue::QueueId, base::WallTime> accepted_;
    std::map<std::string, queue::MailboxRecord> records_;
    std::int64_t next_id_ = 1;
    std::int64_t next_row_ = 1;
};

}  // namespace mailramp::delivery::testing
