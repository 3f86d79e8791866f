// mailramp/queue/queue_store.h: the durable home of accepted mail.
//
// Disk is the truth. Every call that changes something returns after its effect is durable. All calls are
// made on the event loop, from coroutines; nothing here blocks it. A store outlives every StagedMessage and
// Task. Times are wall times, given by the caller. No operation holds the store's thread longer than about 10
// ms: bulk operations work through at most `bulk_rows_max` rows a transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/mail/answer.h"
#include "mailramp/mail/envelope.h"
#include "mailramp/queue/bounce_queue.h"
#include "mailramp/queue/queue_id.h"
#include "mailramp/queue/reservation.h"

namespace mailramp::queue {

enum class RecipientState {
    queued,     // will be tried at `due`
    claimed,    // an attempt holds it (instance, attempt); after a crash it is uncertain if mark_ending()
                // had been called for it, else queued
    held,       // waits for a human: the HoldReason says why
    uncertain,  // an attempt ended after the last octet without a final reply; will be tried at `due`
    delivered,  // only in the history
    failed,     // only in the history: it cannot be delivered, and that was reported
    deleted,    // only in the history: a human took it out of the queue, unsent
};

[[nodiscard]] const char* to_string(RecipientState state);
// It is only in the history.
[[nodiscard]] constexpr bool has_ended(RecipientState state) {
    return state == RecipientState::delivered || state == RecipientState::failed ||
           state == RecipientState::deleted;
}
[[nodiscard]] std::optional<RecipientState> recipient_state_from(std::string_view word);

// Why a recipient is held: its last answer alone does not tell.
enum class HoldReason {
    none,            // it is not held
    refused,         // the answer will not change by itself
    expired,         // tried for as long as is allowed; the answer is only the last one
    uncertain,       // perhaps delivered: an attempt, of several as a rule, ended without a final reply
    crashed,         // perhaps delivered: the daemon ended in its attempts too often
    damaged,         // the stored content is not what was accepted
    sender_stopped,  // not tried: the server has lately refused another message of its sender
    by_operator,     // a human wanted it to wait
};

[[nodiscard]] const char* to_string(HoldReason reason);

// Where a message comes from.
enum class Origin {
    client,
    report,  // mailramp's own: what becomes of it is never reported
};

// ------------------------------------------------------------------ accepting

// Held recipients of another message, marked for a report.
struct Reported {
    QueueId id;
    std::vector<std::int64_t> rows;
};

struct AcceptedRecipient {
    mail::Recipient recipient;
    std::string mailbox;  // the configured name of the mailbox that submits it
    std::string route;    // the name of the route that chose it
};

// What is known about a message when its last octet is in; the content is in the StagedMessage.
struct Acceptance {
    mail::Envelope envelope;  // its `recipients` is ignored: `recipients` below counts
    std::vector<AcceptedRecipient> recipients;
    std::string header_from;     // the address in the From field, or empty
    std::string message_id;      // the Message-ID field's value with its angle brackets
    std::string client_address;  // "127.0.0.1"
    std::string listener;        // Listener::name()
    int priority = 0;            // higher goes first
    base::WallTime accepted;
    Origin origin = Origin::client;
    // Of whom this message reports: they go into the history as failed in the transaction that stores it.
    // ErrorKind::conflict when one of them is no longer held and marked; then nothing is stored.
    std::optional<Reported> reported = {};
};

// A message on its way in. Dropping it without commit() leaves no trace. At most one operation at a time.
class StagedMessage {
  public:
    virtual ~StagedMessage() = default;
    [[nodiscard]] virtual QueueId id() const = 0;
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    // Adds content as it will be submitted (CRLF line ends, not dot-stuffed). Returns at once while the
    // content fits in memory; afterwards waits for the file workers, which bounds what is in flight.
    [[nodiscard]] virtual io::Task<base::Result<>> append(std::string octets) = 0;
    // Makes the message survive power loss. Only after this may the client be told 250. On an error nothing
    // was promised; ErrorKind::limit (disk or size limit: 452 4.3.1), ErrorKind::unavailable (a failed sync:
    // 451 4.3.0).
    [[nodiscard]] virtual io::Task<base::Result<>> commit(Acceptance acceptance) = 0;
};

// ------------------------------------------------------------------ delivering

struct RecipientsCap {
    QueueId message;
    std::size_t recipients_max = 1;  // in one claim
};

struct ClaimRequest {
    std::string mailbox;
    base::WallTime now;
    base::WallTime lease_until;  // after this another instance may take it
    std::size_t recipients_max = 500;
    // Stored with the mailbox in the same transaction when a message was claimed: the budget with this
    // message counted in.
    std::string budget;
    std::vector<RecipientsCap> caps = {};  // messages of which fewer are claimed
};

struct ClaimedRecipient {
    std::int64_t row = 0;
    mail::Recipient recipient;
    std::string route;
    int attempts = 0;              // ended before this one, those that do not count left out
    bool maybe_delivered = false;  // an earlier attempt ended uncertain
    int uncertain_endings = 0;     // so many did
    base::WallTime first_tried;    // epoch: never
};

// One message with those of its recipients that are due for one mailbox. The claim is durable.
struct ClaimedMessage {
    QueueId id;
    mail::Envelope envelope;  // its `recipients` is empty; see below
    std::vector<ClaimedRecipient> recipients;
    std::uint64_t size_bytes = 0;
    std::string header_from;
    std::string message_id;
    base::WallTime accepted;
    Origin origin = Origin::client;
    // How long the mailbox has stood still, in all, since this message came: that time does not age it.
    base::Duration stopped_for{};
};

struct ClaimResult {
    std::optional<ClaimedMessage> message;  // nothing: nothing is due
    // Of what is left: the earliest due time, past or future; nothing: nothing waits for this mailbox.
    std::optional<base::WallTime> next_due;
};

// How an attempt ended for one recipient.
struct RecipientSettlement {
    std::int64_t row = 0;
    RecipientState state = RecipientState::queued;  // queued, held, uncertain, delivered or failed
    base::WallTime due;                             // for queued and uncertain
    bool counts_as_attempt = true;
    mail::Answer answer;
    bool ended_uncertain = false;               // it may have been delivered, whatever state it is in now
    HoldReason hold_reason = HoldReason::none;  // for held
    bool report = false;                        // for held: marks it for the BounceQueue
};

struct Settlement {
    QueueId id;
    std::string mailbox;
    base::WallTime now;
    std::vector<RecipientSettlement> recipients;
    std::string receipt;  // the provider's words after 250, for the history
    std::string budget;   // stored with the mailbox in the same transaction
};

struct MailboxRecord {
    std::string name;
    bool paused = false;
    bool by_operator = false;  // paused by one, and only one ends it
    mail::Answer pause_answer;
    std::string pause_cause;   // in plain words
    std::string pause_remedy;  // what to type
    // The mailbox stands still from here on: it is paused, or rests because of trouble that is no message's.
    std::optional<base::WallTime> stopped_since;
    base::WallTime next_probe;
    int probes = 0;
    base::Duration stopped_total{};  // without the present one
    std::string budget;              // opaque to the store
};

// What is in the queue for one mailbox, configured or not.
struct MailboxBacklog {
    std::string mailbox;
    std::uint64_t recipients = 0;  // counted up to backlog_counted_max
};

inline constexpr std::uint64_t backlog_counted_max = 10'000;

// ------------------------------------------------------------------ looking and operating

struct RecipientRow {
    std::int64_t row = 0;
    std::string address;
    RecipientState state = RecipientState::queued;
    HoldReason hold_reason = HoldReason::none;
    base::WallTime due;
    int attempts = 0;
    bool maybe_delivered = false;
    std::string mailbox;
    std::string route;
    mail::Answer answer;
    std::string notify;   // of the DSN parameters (RFC 3461), as the client gave them; not in the history
    std::string orcpt;    // likewise
    std::string receipt;  // in the history: the provider's words after 250, or who deleted it
};

struct MessageRow {
    QueueId id;
    std::string sender;
    std::string header_from;
    std::string message_id;
    std::string client_address;
    std::string listener;
    std::uint64_t size_bytes = 0;
    base::WallTime accepted;
    // Of the envelope, as far as the message is still in the queue.
    mail::BodyType body = mail::BodyType::seven_bit;
    bool smtputf8 = false;
    mail::DsnReturn ret = mail::DsnReturn::unset;
    std::string envid;
    std::vector<RecipientRow> recipients;
};

// Which recipients somebody means. What is left empty lets everybody through; what is given must hold.
struct Filter {
    std::optional<RecipientState> state = {};
    std::optional<std::string> mailbox = {};
    std::optional<std::string> route = {};
    // An address, "@domain" for all of a domain, or "<>" for the null sender; case does not matter.
    std::optional<std::string> sender = {};
    std::optional<std::string> recipient = {};
    std::optional<std::string> message_id = {};  // with or without its angle brackets
    std::optional<base::WallTime> accepted_before = {};
    std::optional<base::WallTime> accepted_after = {};

    [[nodiscard]] bool all() const;               // it lets everybody through
    [[nodiscard]] bool looks_at_message() const;  // the recipient alone does not tell
    [[nodiscard]] bool takes(const RecipientRow& row) const;
    // Of a message, all but its recipients.
    [[nodiscard]] bool takes(const MessageRow& message) const;
    // "state held, mailbox alerts"; "all".
    [[nodiscard]] std::string text() const;
};

struct ListRequest {
    std::optional<QueueId> after = {};  // keyset paging: rows behind this one
    std::size_t messages_max = 100;
    Filter filter = {};
};

struct ListPage {
    std::vector<MessageRow> messages;
    // Give it as `after` for the next page; nothing: this was the last. A page may have fewer messages than
    // were asked for, or none, and still not be the last: nobody waits long for rare ones.
    std::optional<QueueId> next;
};

// What became of recipients, the latest first.
struct HistoryRequest {
    std::optional<std::int64_t> before = {};  // keyset paging: rows before this one
    std::size_t rows_max = 100;
    std::optional<QueueId> id = {};
    Filter filter = {};
    std::optional<base::WallTime> ended_before = {};
    std::optional<base::WallTime> ended_after = {};
};

struct HistoryRow {
    std::int64_t row = 0;
    MessageRow message;  // with the one recipient; its `due` is when it ended
};

struct HistoryPage {
    std::vector<HistoryRow> rows;
    std::optional<std::int64_t> next;  // as in ListPage; give it as `before`
};

// What an operator may do to recipients that wait.
enum class Verb {
    count,    // nothing: says to how many it would be done
    retry,    // makes queued, held and uncertain ones due now
    hold,     // queued and uncertain ones wait until they are released or retried
    release,  // those that an operator holds are queued, and due now
    remove,   // puts them into the history, unsent
};

[[nodiscard]] const char* to_string(Verb verb);

struct Order {
    Verb verb = Verb::count;
    std::optional<QueueId> id = {};  // of this message; nothing: of all
    Filter filter = {};
    std::string by = {};  // who wants it, for the records: "root (uid 0, pid 4711)"
    base::WallTime now = {};
    std::int64_t after_row = 0;  // go on where OrderResult::next says
};

struct OrderResult {
    std::size_t messages = 0;    // that were concerned
    std::size_t recipients = 0;  // to which it was done
    std::size_t busy = 0;        // that an attempt holds: they were left alone
    // There is more to do: give the order again with it as `after_row`. Nobody waits long for an answer.
    std::optional<std::int64_t> next = {};
};

// One thing that happened to a message between its acceptance and its end.
struct Event {
    enum class Kind {
        tried,        // an attempt ended without an end for these recipients
        interrupted,  // the daemon stopped in an attempt, and the next start found it
        ordered,      // an operator wanted it
    };
    base::WallTime at;
    Kind kind = Kind::tried;
    RecipientState state = RecipientState::queued;  // what became of them
    HoldReason hold_reason = HoldReason::none;
    std::size_t recipients = 0;
    std::string address;  // of the first of them
    std::string mailbox;
    base::WallTime due;
    mail::Answer answer;
    std::string verb;   // of an order
    std::string by;     // who gave it
    std::string scope;  // of an order that was given for many messages: its filter
};

// All that is known of one message.
struct MessageTrace {
    MessageRow message;
    std::vector<Event> events;  // the earliest first
};

struct QueueCounts {
    std::uint64_t messages = 0;
    std::uint64_t queued = 0, claimed = 0, held = 0, uncertain = 0;  // recipients
    std::uint64_t bytes = 0;
    std::optional<base::WallTime> oldest_accepted;
    // False for a while after the start of a daemon with a very large queue: the numbers still grow.
    bool complete = true;
};

enum class StoreState { open, full, failed };

// Cheap, no I/O: kept in memory by the store.
struct StoreHealth {
    StoreState state = StoreState::open;
    std::string reason;  // for `full` and `failed`: what is wrong and what to do
    std::uint64_t commits = 0, commits_failed = 0, messages_accepted = 0, messages_settled = 0;
    // Messages refused because their commit failed. Should the machine stop before the disk works again, they
    // may come back and be sent although the client was told to try again.
    std::uint64_t refused_but_maybe_sent = 0;
    std::uint64_t checkpoints_failed = 0;
    std::uint64_t wal_bytes = 0;
    // On the disk of the queue, for users other than root; as of the last operation.
    std::uint64_t disk_free_bytes = std::uint64_t{1} << 62;
};

class QueueStore {
  public:
    virtual ~QueueStore() = default;

    // Keeps room for a message that is to come (0: of unknown size), so that it is not refused for want of
    // room later. No I/O. ErrorKind::limit: there is none; unavailable: the disk fails. The reservation must
    // not outlive the store.
    [[nodiscard]] virtual base::Result<Reservation> reserve(std::uint64_t size_bytes) = 0;
    // Content beyond `inline_bytes_max` (or beyond the store's own limit, if that is less) goes to a file as
    // it arrives: the caller gives less when memory is tight.
    // Content beyond `room` is refused when there is no more.
    [[nodiscard]] virtual std::unique_ptr<StagedMessage> stage(std::size_t inline_bytes_max,
                                                               Reservation room) = 0;

    // Called on the event loop whenever something of a mailbox may have become due (accepted, retried).
    virtual void on_due(std::function<void(std::string_view mailbox)> callback) = 0;

    [[nodiscard]] virtual io::Task<base::Result<ClaimResult>> claim_due(ClaimRequest request) = 0;
    // The content, from `offset`, at most `octets_max`; empty at its end. The piece that reaches the end is
    // given only when the checksum of the whole is right. ErrorKind::invalid: the content is damaged, hold
    // the message; not_found: there is no such message; io: the disk could not be read now.
    [[nodiscard]] virtual io::Task<base::Result<std::string>> read(QueueId id, std::uint64_t offset,
                                                                   std::size_t octets_max) = 0;
    // The end of data is about to be sent to these rows of a claim: should the daemon die before it settles
    // them, they are uncertain; without this they go back into the queue, since nobody can have them.
    // ErrorKind::conflict: this instance has not claimed one of them.
    [[nodiscard]] virtual io::Task<base::Result<>> mark_ending(QueueId id, std::string mailbox,
                                                               std::vector<std::int64_t> rows) = 0;
    // Delivered and failed rows go to the bounded history; the message goes when its last row went. An
    // outcome is not forgotten while the disk fails: the call then returns when it has been stored after all.
    [[nodiscard]] virtual io::Task<base::Result<>> settle(Settlement settlement) = 0;

    [[nodiscard]] virtual io::Task<base::Result<std::vector<MailboxRecord>>> mailboxes() = 0;
    // Those that have recipients in the queue, in any state.
    [[nodiscard]] virtual io::Task<base::Result<std::vector<MailboxBacklog>>> backlogs() = 0;
    // `stopped_total` is the store's affair and ignored here: a record with another `stopped_since` than the
    // stored one, or none, adds the time that has passed between them, or until now.
    [[nodiscard]] virtual io::Task<base::Result<>> save(MailboxRecord record) = 0;

    [[nodiscard]] virtual io::Task<base::Result<ListPage>> list(ListRequest request) = 0;
    // ErrorKind::not_found when there is no such message.
    [[nodiscard]] virtual io::Task<base::Result<MessageRow>> show(QueueId id) = 0;
    [[nodiscard]] virtual io::Task<base::Result<QueueCounts>> counts() = 0;
    // The same with what happened to it.
    [[nodiscard]] virtual io::Task<base::Result<MessageTrace>> trace(QueueId id) = 0;
    [[nodiscard]] virtual io::Task<base::Result<HistoryPage>> history(HistoryRequest request) = 0;
    // Does as an operator says, in slices between which others get their turn, and for about
    // SqliteStoreOptions::answer_time. ErrorKind::not_found: no such message in the queue; conflict: one
    // message is to be removed while an attempt holds a recipient of it.
    [[nodiscard]] virtual io::Task<base::Result<OrderResult>> operate(Order order) = 0;

    [[nodiscard]] virtual StoreHealth health() const = 0;

    // Null: this store knows nothing of reports.
    [[nodiscard]] virtual BounceQueue* bounces() { return nullptr; }
};

}  // namespace mailramp::queue
