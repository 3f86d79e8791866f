// queue/core.h: the queue as tables: what each operation reads and writes, one transaction at a time.
//
// Synchronous, single-threaded, without Asio: group commit calls it on the store's thread, unit tests call it
// directly. Operations check their input before they write, so an operation that is refused (not_found,
// conflict, invalid) has changed nothing; after any other error the transaction must be rolled back.
// Counters follow the disk: they move when a transaction commits.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/queue/queue_id.h"
#include "mailramp/queue/queue_store.h"
#include "queue/body_files.h"
#include "queue/database.h"
#include "queue/schema.h"

namespace mailramp::queue {

// Queue ids reserved on the disk at a time.
inline constexpr std::int64_t id_block = 100'000;

struct CoreOptions {
    std::filesystem::path database = {};  // canonical; exists, possibly empty
    const char* vfs = nullptr;            // null: SQLite's own
    Deletion deletion = Deletion::quick;
    std::size_t bulk_rows_max = 500;  // rows that one slice of a bulk operation reads or changes
    base::Duration unsent_delay = std::chrono::minutes(1);     // after a crash before the end of data
    base::Duration due_ahead_max = std::chrono::hours(3);      // see SqliteStoreOptions
    base::Duration uncertain_delay = std::chrono::minutes(5);  // after a crash past it
    std::size_t uncertain_attempts_max = 3;                    // then held
    base::Duration history_age_max = std::chrono::hours(24 * 14);
    std::uint64_t history_rows_max = 100'000;  // and as many events
    std::size_t events_of_message_max = 100;   // then its oldest goes
    std::size_t counted_at_open_max = 20'000;  // messages; a larger queue is counted while it works
    std::int64_t free_pages_max = 16'384;      // unused pages above this are given back to the file system
};

// A message whose last octet is in.
struct NewMessage {
    QueueId id;
    Acceptance acceptance;
    std::uint64_t size_bytes = 0;
    std::uint64_t checksum = 0;
    std::optional<std::string> content;  // nothing: the content is this instance's file
};

// Where a message's content lies and what it must be.
struct StoredBody {
    std::uint64_t size_bytes = 0;
    std::uint64_t checksum = 0;
    std::optional<std::string> content;  // nothing: it is a file
    BodyName file;
};

// How far an order has come. Its record in the table of events grows with it.
struct OrderPlace {
    std::int64_t after_row = 0;
    std::int64_t event_row = 0;  // 0: there is none yet
};

// Part of an order.
struct OrderSlice {
    std::size_t messages = 0, recipients = 0, busy = 0;
    OrderPlace place;  // go on here
    QueueId last_message;
    bool more = false;
    std::vector<std::string> mailboxes;  // something of them became due
};

struct HistorySlice {
    std::vector<HistoryRow> rows;
    std::optional<std::int64_t> examined;
    bool more = false;
};

// Part of a page: `examined` is the last message looked at, matching or not.
struct ListSlice {
    std::vector<MessageRow> messages;
    std::optional<QueueId> examined;
    bool more = false;
};

class Core {
  public:
    // Opens the database, proves with a checkpoint that the disk takes what it is given, starts a new
    // instance, and ends the claims of earlier ones.
    [[nodiscard]] static base::Result<std::unique_ptr<Core>> open(const CoreOptions& options,
                                                                  base::WallTime now);

    // ---- transactions
    [[nodiscard]] base::Result<> begin();
    // On an error nothing is known about the disk; see GroupCommit.
    [[nodiscard]] base::Result<> commit();
    void rollback();
    [[nodiscard]] Damage damage() const { return database_->damage(); }
    [[nodiscard]] base::Result<CheckpointProgress> checkpoint(int mode) {
        return database_->checkpoint(mode);
    }
    [[nodiscard]] std::uint64_t wal_bytes() const;
    // Content files whose messages the committed transactions have ended. The caller removes them.
    [[nodiscard]] std::vector<BodyName> take_ended_files();

    // ---- within a transaction
    [[nodiscard]] base::Result<> reserve_ids(QueueId first_needed);
    [[nodiscard]] base::Result<> accept(const NewMessage& message);
    [[nodiscard]] base::Result<ClaimResult> claim(const ClaimRequest& request);
    [[nodiscard]] base::Result<> mark_ending(QueueId id, const std::string& mailbox,
                                             const std::vector<std::int64_t>& rows);
    [[nodiscard]] base::Result<> settle(const Settlement& settlement);
    [[nodiscard]] base::Result<> save(const MailboxRecord& record, base::WallTime now);
    [[nodiscard]] base::Result<OrderSlice> operate(const Order& order, OrderPlace place);
    [[nodiscard]] base::Result<> leave_unreported(QueueId id, const std::vector<std::int64_t>& rows);
    [[nodiscard]] base::Result<std::size_t> want_report(QueueId id);
    // True: there is more to trim.
    [[nodiscard]] base::Result<bool> trim_history(base::WallTime now);
    // True: there are more unused pages than there may be.
    [[nodiscard]] base::Result<bool> give_back_pages();
    // A small change whose commit shows that the disk works again.
    [[nodiscard]] base::Result<> note_recovery();

    // ---- within or outside one
    [[nodiscard]] base::Result<StoredBody> body(QueueId id);
    [[nodiscard]] base::Result<bool> file_in_use(const BodyName& file);
    [[nodiscard]] base::Result<std::vector<MailboxRecord>> mailboxes();
    [[nodiscard]] base::Result<std::vector<MailboxBacklog>> backlogs();
    [[nodiscard]] base::Result<ListSlice> list(const ListRequest& request);
    [[nodiscard]] base::Result<MessageRow> show(QueueId id);
    [[nodiscard]] base::Result<MessageTrace> trace(QueueId id);
    [[nodiscard]] base::Result<HistorySlice> history(const HistoryRequest& request);
    [[nodiscard]] base::Result<QueueCounts> counts();
    [[nodiscard]] base::Result<std::optional<Unreported>> next_unreported(std::size_t recipients_max);

    // ---- outside one
    // What open() found is counted slice by slice, while others work: what has come since is counted as it
    // comes, and what changes meanwhile counts as changed once the counting has passed it.
    [[nodiscard]] bool counted() const { return committed_.counted; }
    [[nodiscard]] base::Result<> count_on();

    // ---- as of the last commit
    [[nodiscard]] std::int64_t instance() const { return instance_; }
    [[nodiscard]] QueueId first_id() const { return first_id_; }
    [[nodiscard]] std::uint64_t content_bytes() const { return committed_.bytes; }
    [[nodiscard]] std::uint64_t accepted() const { return committed_.accepted; }
    [[nodiscard]] std::uint64_t settled() const { return committed_.settled; }
    // Of the claims of earlier instances, recipients: those that open() could not be sure about (some of
    // them held), and those that cannot have been sent.
    [[nodiscard]] std::size_t made_uncertain() const { return made_uncertain_; }
    [[nodiscard]] std::size_t made_queued() const { return made_queued_; }

  private:
    struct Totals {
        bool counted = false;
        std::int64_t counted_to = 0;  // messages up to this one, of those that open() found
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
        std::array<std::uint64_t, 8> recipients{};  // by state number
        std::uint64_t history_rows = 0;
        std::uint64_t accepted = 0, settled = 0;  // messages, since the start
    };
    struct Due {
        std::int64_t priority = 0;
        std::int64_t due = 0;
        QueueId message;
    };
    // A recipient that an order means.
    struct Meant {
        std::int64_t row = 0;
        QueueId message;
        RecipientState state = RecipientState::queued;
        HoldReason hold_reason = HoldReason::none;
        std::string mailbox;
    };
    struct Looked {
        std::vector<Meant> meant;
        std::size_t rows = 0;
        std::int64_t last_row = 0;
    };
    struct NextWork {
        std::optional<Due> now;                  // the best of what is due
        std::optional<base::WallTime> earliest;  // of all that waits
    };

    explicit Core(const CoreOptions& options) : options_(options) {}

    [[nodiscard]] base::Result<> start_instance();
    [[nodiscard]] base::Result<> end_earlier_claims(base::WallTime now);
    [[nodiscard]] base::Result<bool> end_earlier_claims_of(const std::string& mailbox, base::WallTime now);
    [[nodiscard]] base::Result<std::int64_t> end_unsent(const std::string& mailbox, std::int64_t rows_max,
                                                        base::WallTime now);
    [[nodiscard]] base::Result<std::int64_t> end_uncertain(const std::string& mailbox, RecipientState to,
                                                           std::int64_t rows_max, base::WallTime now);
    [[nodiscard]] base::Result<std::vector<std::string>> mailboxes_with_recipients();

    [[nodiscard]] base::Result<> insert_recipients(const NewMessage& message);
    [[nodiscard]] base::Result<> check_reported(const Acceptance& acceptance);
    [[nodiscard]] base::Result<> end_reported(const NewMessage& message);
    [[nodiscard]] base::Result<std::int64_t> stopped_total(const std::string& mailbox, base::WallTime now);

    [[nodiscard]] base::Result<> look_for_work(const std::string& mailbox, RecipientState state,
                                               base::WallTime now, NextWork& found);
    [[nodiscard]] base::Result<> look_ahead(const std::string& mailbox, base::WallTime now);
    [[nodiscard]] base::Result<std::int64_t> pull_forward(const std::string& mailbox, RecipientState state,
                                                          base::WallTime now, std::int64_t rows_max);
    [[nodiscard]] base::Result<NextWork> next_work(const std::string& mailbox, base::WallTime now);
    [[nodiscard]] base::Result<ClaimedMessage> load_claimed(QueueId id, const std::string& mailbox,
                                                            base::WallTime now);
    [[nodiscard]] base::Result<> claim_recipients(const ClaimRequest& request, ClaimedMessage& message);
    [[nodiscard]] base::Result<> save_budget(const std::string& mailbox, const std::string& budget);

    [[nodiscard]] base::Result<> check_claim(std::int64_t row, QueueId id, const std::string& mailbox);
    [[nodiscard]] base::Result<> check_settlement(const Settlement& settlement);
    [[nodiscard]] base::Result<> settle_recipient(const Settlement& settlement,
                                                  const RecipientSettlement& one);
    [[nodiscard]] base::Result<> end_recipient(QueueId message, std::int64_t row, RecipientState from,
                                               RecipientState to, int attempts_more,
                                               const mail::Answer* answer, const std::string& receipt,
                                               base::WallTime now);
    [[nodiscard]] base::Result<> end_message_if_done(QueueId id);
    [[nodiscard]] base::Result<> note_attempt(const Settlement& settlement);
    [[nodiscard]] base::Result<> note_interrupted(const std::string& mailbox, RecipientState to,
                                                  std::int64_t endings_min, std::int64_t rows_max,
                                                  base::WallTime now);
    [[nodiscard]] base::Result<> make_room_for_event(QueueId message);
    [[nodiscard]] base::Result<> trim_events(std::int64_t rows_max, base::WallTime now);

    [[nodiscard]] base::Result<Looked> look_for(const Order& order, std::int64_t after_row);
    [[nodiscard]] base::Result<> refuse_while_claimed(QueueId id);
    [[nodiscard]] base::Result<bool> carry_out(const Order& order, const Meant& meant);
    [[nodiscard]] base::Result<> make_due(const Meant& meant, base::WallTime now);
    [[nodiscard]] base::Result<std::int64_t> note_order(const Order& order, std::int64_t event_row,
                                                        const std::vector<Meant>& done);
    [[nodiscard]] base::Result<bool> read_description(MessageRow& message);
    [[nodiscard]] base::Result<> read_events(MessageTrace& trace, bool of_many);

    [[nodiscard]] base::Result<> read_recipients(MessageRow& message);
    [[nodiscard]] base::Result<bool> read_history(MessageRow& message);
    [[nodiscard]] base::Result<ListSlice> list_live(const ListRequest& request);
    [[nodiscard]] base::Result<ListSlice> list_history(const ListRequest& request);

    // Whether the totals know of this message.
    [[nodiscard]] bool counts(QueueId message) const {
        return working_.counted || message.value() <= working_.counted_to || message >= first_id_;
    }
    void moved(QueueId message, RecipientState from, RecipientState to);

    CoreOptions options_;
    std::unique_ptr<Database> database_;
    std::int64_t instance_ = 0;
    QueueId first_id_;
    std::int64_t id_mark_ = 0, id_mark_working_ = 0;  // ids below it are reserved on the disk
    std::size_t made_uncertain_ = 0, made_queued_ = 0;
    Totals committed_, working_;
    base::WallTime latest_claim_{};
    std::set<std::string> looked_ahead_;  // mailboxes, since the clock was last set back
    std::vector<BodyName> ended_files_, ended_files_working_;
};

}  // namespace mailramp::queue
