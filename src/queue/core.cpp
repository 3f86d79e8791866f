#include "queue/core.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "queue/columns.h"

namespace mailramp::queue {

using base::ErrorKind;

namespace {

// Counting a message is so much cheaper than changing a row.
constexpr std::size_t counted_of_bulk_rows = 4;

}  // namespace

base::Result<std::unique_ptr<Core>> Core::open(const CoreOptions& options, base::WallTime now) {
    std::unique_ptr<Core> core(new Core(options));
    auto database = Database::open(options.database, options.vfs);
    if (!database) return std::unexpected(database.error());
    core->database_ = std::move(*database);
    if (auto ready = prepare_schema(*core->database_, options.deletion, now); !ready)
        return std::unexpected(ready.error());
    // What an earlier run wrote but could not sync is in the kernel's memory, not on the disk. It must get
    // there before anything is promised on top of it.
    if (auto proven = core->checkpoint(SQLITE_CHECKPOINT_TRUNCATE); !proven)
        return base::fail("the queue's disk does not take what is written", proven.error());
    if (auto started = core->start_instance(); !started) return std::unexpected(started.error());
    if (auto recovered = core->end_earlier_claims(now); !recovered) return std::unexpected(recovered.error());
    // Rows of the history are numbered without gaps: it is trimmed from its beginning.
    const auto history = core->database_->integer(
        "SELECT coalesce((SELECT max(row) FROM history)-(SELECT min(row) FROM history)+1,0)");
    if (!history) return std::unexpected(history.error());
    core->committed_.history_rows = static_cast<std::uint64_t>(*history);
    while (!core->counted() && core->committed_.messages < options.counted_at_open_max)
        if (auto counted = core->count_on(); !counted) return std::unexpected(counted.error());
    return core;
}

// ------------------------------------------------------------------ transactions

base::Result<> Core::begin() {
    database_->clear_damage();
    working_ = committed_;
    id_mark_working_ = id_mark_;
    ended_files_working_.clear();
    return database_->execute("BEGIN IMMEDIATE");
}

base::Result<> Core::commit() {
    if (auto committed = database_->execute("COMMIT"); !committed) return committed;
    committed_ = working_;
    id_mark_ = id_mark_working_;
    ended_files_.insert(ended_files_.end(), ended_files_working_.begin(), ended_files_working_.end());
    return {};
}

void Core::rollback() {
    // Some errors have rolled back already.
    if (database_->in_transaction()) std::ignore = database_->execute("ROLLBACK");
}

std::uint64_t Core::wal_bytes() const {
    return static_cast<std::uint64_t>(database_->wal_frames()) * wal_frame_bytes;
}

std::vector<BodyName> Core::take_ended_files() {
    return std::exchange(ended_files_, {});
}

void Core::moved(QueueId message, RecipientState from, RecipientState to) {
    if (!counts(message)) return;
    --working_.recipients.at(static_cast<std::size_t>(state_number(from)));
    ++working_.recipients.at(static_cast<std::size_t>(state_number(to)));
}

// ------------------------------------------------------------------ starting

base::Result<> Core::start_instance() {
    if (auto begun = begin(); !begun) return begun;
    auto done = run(*database_, "UPDATE meta SET value=value+1 WHERE key='instance'");
    const auto instance = database_->integer("SELECT value FROM meta WHERE key='instance'");
    if (done && !instance) done = std::unexpected(instance.error());
    const auto mark = database_->integer("SELECT value FROM meta WHERE key='id_mark'");
    if (done && !mark) done = std::unexpected(mark.error());
    if (done) {
        instance_ = *instance;
        first_id_ = QueueId(*mark);
        id_mark_working_ = *mark;
        done = reserve_ids(first_id_);
    }
    if (done) done = commit();
    if (!done) rollback();
    return done;
}

base::Result<> Core::reserve_ids(QueueId first_needed) {
    // Half a block ahead, so that ids can be given out while the next block is on its way to the disk.
    if (first_needed.value() + id_block / 2 <= id_mark_working_) return {};
    const std::int64_t mark = first_needed.value() + id_block;
    if (auto saved = run(*database_, "UPDATE meta SET value=? WHERE key='id_mark'", mark); !saved)
        return saved;
    id_mark_working_ = mark;
    return {};
}

base::Result<> Core::count_on() {
    if (committed_.counted) return {};
    Totals more = committed_;
    const auto slice = static_cast<std::int64_t>(options_.bulk_rows_max * counted_of_bulk_rows);
    std::int64_t found = 0;
    {
        Query messages(*database_, "SELECT id, size FROM message WHERE id>? AND id<? ORDER BY id LIMIT ?",
                       committed_.counted_to, first_id_.value(), slice);
        for (;; ++found) {
            const auto row = messages.next();
            if (!row) return std::unexpected(row.error());
            if (!*row) break;
            more.counted_to = messages.integer(0);
            ++more.messages;
            more.bytes += static_cast<std::uint64_t>(messages.integer(1));
        }
    }
    more.counted = found < slice;
    Query recipients(
        *database_,
        "SELECT state FROM recipient INDEXED BY recipient_of_message WHERE message>? AND message<?",
        committed_.counted_to, more.counted ? first_id_.value() : more.counted_to + 1);
    for (;;) {
        const auto row = recipients.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        const RecipientState state = state_from_number(recipients.integer(0));
        ++more.recipients.at(static_cast<std::size_t>(state_number(state)));
    }
    committed_ = more;
    return {};
}

base::Result<std::vector<std::string>> Core::mailboxes_with_recipients() {
    std::vector<std::string> names;
    // One step in the index for each name, instead of one for each recipient.
    for (;;) {
        Query first(*database_, "SELECT min(mailbox) FROM recipient INDEXED BY recipient_due");
        Query after(*database_, "SELECT min(mailbox) FROM recipient INDEXED BY recipient_due WHERE mailbox>?",
                    names.empty() ? std::string() : names.back());
        Query& query = names.empty() ? first : after;
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (query.is_null(0)) return names;
        names.push_back(query.text(0));
    }
}

base::Result<> Core::end_earlier_claims(base::WallTime now) {
    const auto mailboxes = mailboxes_with_recipients();
    if (!mailboxes) return std::unexpected(mailboxes.error());
    for (const std::string& mailbox : *mailboxes) {
        for (bool more = true; more;) {
            auto done = begin();
            if (done) {
                const auto slice = end_earlier_claims_of(mailbox, now);
                if (slice)
                    more = *slice;
                else
                    done = std::unexpected(slice.error());
            }
            if (done) done = commit();
            if (!done) {
                rollback();
                return done;
            }
        }
    }
    return {};
}

base::Result<bool> Core::end_earlier_claims_of(const std::string& mailbox, base::WallTime now) {
    // Nothing is counted yet, so no total has to follow.
    auto left = static_cast<std::int64_t>(options_.bulk_rows_max);
    const auto unsent = end_unsent(mailbox, left, now);
    if (!unsent) return std::unexpected(unsent.error());
    made_queued_ += static_cast<std::size_t>(*unsent);
    left -= *unsent;
    // First those for whom this was once too often: what is left is uncertain.
    for (const RecipientState to : {RecipientState::held, RecipientState::uncertain}) {
        const auto changed = end_uncertain(mailbox, to, left, now);
        if (!changed) return std::unexpected(changed.error());
        made_uncertain_ += static_cast<std::size_t>(*changed);
        left -= *changed;
    }
    return left == 0;
}

// Nobody can have got these: it is as if they had not been tried. There is no limit to that, since it makes
// no duplicates.
base::Result<std::int64_t> Core::end_unsent(const std::string& mailbox, std::int64_t rows_max,
                                            base::WallTime now) {
    if (auto noted = note_interrupted(mailbox, RecipientState::queued, 0, rows_max, now); !noted)
        return std::unexpected(noted.error());
    auto done = run(*database_,
                    "UPDATE recipient SET state=?, due=?, claim_until=0"
                    " WHERE row IN (SELECT row FROM recipient INDEXED BY recipient_due"
                    "  WHERE mailbox=? AND state=? AND claim_instance<>? AND claim_ending=0 LIMIT ?)",
                    state_number(RecipientState::queued), micros(now + options_.unsent_delay), mailbox,
                    state_number(RecipientState::claimed), instance_, rows_max);
    if (!done) return std::unexpected(done.error());
    return database_->changes();
}

// The end of data may have been sent, and nobody knows what the server made of it. It counts for them: what
// may have arrived must not be sent again at each start for ever.
base::Result<std::int64_t> Core::end_uncertain(const std::string& mailbox, RecipientState to,
                                               std::int64_t rows_max, base::WallTime now) {
    const bool held = to == RecipientState::held;
    const std::int64_t endings_min =
        held ? static_cast<std::int64_t>(options_.uncertain_attempts_max) - 1 : 0;
    if (auto noted = note_interrupted(mailbox, to, endings_min, rows_max, now); !noted)
        return std::unexpected(noted.error());
    auto done = run(*database_,
                    "UPDATE recipient SET state=?, maybe_delivered=1, attempts=attempts+1,"
                    " uncertain_endings=uncertain_endings+1, due=?, claim_until=0, hold_reason=?,"
                    " first_tried=CASE WHEN first_tried=0 THEN ? ELSE first_tried END,"
                    " answer_channel=?, answer_phase=?, answer_code=0, answer_enhanced='', answer_text=?"
                    " WHERE row IN (SELECT row FROM recipient INDEXED BY recipient_due"
                    "  WHERE mailbox=? AND state=? AND claim_instance<>? AND claim_ending=1"
                    "  AND uncertain_endings>=? LIMIT ?)",
                    state_number(to), micros(held ? now : now + options_.uncertain_delay),
                    hold_reason_number(held ? HoldReason::crashed : HoldReason::none), micros(now),
                    mail::to_string(mail::Channel::local), mail::to_string(mail::Phase::none),
                    std::string("mailramp stopped before the server had answered"), mailbox,
                    state_number(RecipientState::claimed), instance_, endings_min, rows_max);
    if (!done) return std::unexpected(done.error());
    return database_->changes();
}

// ------------------------------------------------------------------ accepting

base::Result<> Core::accept(const NewMessage& message) {
    const Acceptance& acceptance = message.acceptance;
    const mail::Envelope& envelope = acceptance.envelope;
    if (acceptance.recipients.empty())
        return base::fail(ErrorKind::invalid, "a message without recipients cannot be queued");
    if (auto sound = check_reported(acceptance); !sound) return sound;
    if (auto reserved = reserve_ids(message.id); !reserved) return reserved;
    std::optional<std::int64_t> body_instance;
    if (!message.content) body_instance = instance_;
    auto done =
        run(*database_,
            "INSERT INTO message(id,accepted,sender,header_from,message_id,client_address,listener,priority,"
            "size,checksum,eight_bit,smtputf8,ret,envid,body_instance,origin) "
            "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            message.id.value(), micros(acceptance.accepted), envelope.sender, acceptance.header_from,
            acceptance.message_id, acceptance.client_address, acceptance.listener, acceptance.priority,
            message.size_bytes, message.checksum, envelope.body == mail::BodyType::eight_bit_mime,
            envelope.smtputf8, ret_word(envelope.ret), envelope.envid, body_instance,
            acceptance.origin == Origin::report);
    if (!done) return done;
    if (message.content) {
        done = run(*database_, "INSERT INTO body(message,content) VALUES(?,?)", message.id.value(),
                   Blob{*message.content});
        if (!done) return done;
    }
    if (done = insert_recipients(message); !done) return done;
    if (done = end_reported(message); !done) return done;
    ++working_.messages;
    ++working_.accepted;
    working_.bytes += message.size_bytes;
    return {};
}

base::Result<> Core::insert_recipients(const NewMessage& message) {
    const Acceptance& acceptance = message.acceptance;
    std::string mailbox;
    std::int64_t pause = 0;
    bool first = true;
    for (const AcceptedRecipient& accepted : acceptance.recipients) {
        // Recipients of one mailbox stand together as a rule, so one look serves them all.
        if (first || accepted.mailbox != mailbox) {
            const auto total = stopped_total(accepted.mailbox, acceptance.accepted);
            if (!total) return std::unexpected(total.error());
            mailbox = accepted.mailbox;
            pause = *total;
            first = false;
        }
        auto done = run(*database_,
                        "INSERT INTO recipient(message,address,notify,orcpt,mailbox,route,state,priority,due,"
                        "mailbox_stopped_total_at_accept) VALUES(?,?,?,?,?,?,?,?,?,?)",
                        message.id.value(), accepted.recipient.address, accepted.recipient.notify,
                        accepted.recipient.orcpt, accepted.mailbox, accepted.route,
                        state_number(RecipientState::queued), acceptance.priority,
                        micros(acceptance.accepted), pause);
        if (!done) return done;
        ++working_.recipients.at(static_cast<std::size_t>(state_number(RecipientState::queued)));
    }
    return {};
}

// As long as a mailbox has stood still in all, the present time included.
base::Result<std::int64_t> Core::stopped_total(const std::string& mailbox, base::WallTime now) {
    Query query(*database_, "SELECT stopped_total, stopped_since FROM mailbox WHERE name=?", mailbox);
    const auto row = query.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return 0;
    std::int64_t total = query.integer(0);
    if (const std::int64_t since = query.integer(1); since != 0)
        total += std::max<std::int64_t>(0, micros(now) - since);
    return total;
}

// ------------------------------------------------------------------ housekeeping

base::Result<bool> Core::trim_history(base::WallTime now) {
    const std::uint64_t over = working_.history_rows > options_.history_rows_max
                                   ? working_.history_rows - options_.history_rows_max
                                   : 0;
    const auto slice = static_cast<std::int64_t>(options_.bulk_rows_max);
    // Rows are numbered in the order in which they ended, so the oldest are the first.
    auto done =
        run(*database_, "DELETE FROM history WHERE row IN (SELECT row FROM history ORDER BY row LIMIT ?)",
            std::min<std::int64_t>(static_cast<std::int64_t>(over), slice));
    if (!done) return std::unexpected(done.error());
    std::int64_t trimmed = database_->changes();
    if (auto events = trim_events(slice, now); !events) return std::unexpected(events.error());
    done = run(*database_,
               "DELETE FROM history WHERE row IN (SELECT row FROM history ORDER BY row LIMIT ?) AND ended<?",
               slice - trimmed, micros(now - options_.history_age_max));
    if (!done) return std::unexpected(done.error());
    trimmed += database_->changes();
    working_.history_rows -= static_cast<std::uint64_t>(trimmed);
    return trimmed == slice;
}

base::Result<bool> Core::give_back_pages() {
    const auto unused = database_->integer("PRAGMA freelist_count");
    if (!unused) return std::unexpected(unused.error());
    if (*unused <= options_.free_pages_max) return false;
    const auto slice = static_cast<std::int64_t>(options_.bulk_rows_max);
    const std::string pragma = "PRAGMA incremental_vacuum(" + std::to_string(slice) + ")";
    if (auto done = database_->execute(pragma.c_str()); !done) return std::unexpected(done.error());
    return *unused - slice > options_.free_pages_max;
}

base::Result<> Core::note_recovery() {
    return run(*database_, "UPDATE meta SET value=value+1 WHERE key='recoveries'");
}

// ------------------------------------------------------------------ content

base::Result<StoredBody> Core::body(QueueId id) {
    Query query(
        *database_,
        "SELECT size, checksum, body_instance, content FROM message LEFT JOIN body ON body.message=message.id"
        " WHERE message.id=?",
        id.value());
    const auto row = query.next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return base::fail(ErrorKind::not_found, "no message " + id.text() + " in the queue");
    StoredBody body;
    body.size_bytes = static_cast<std::uint64_t>(query.integer(0));
    body.checksum = static_cast<std::uint64_t>(query.integer(1));
    body.file = BodyName{id, query.integer(2)};
    if (!query.is_null(2)) return body;
    if (query.is_null(3)) return std::unexpected(damaged(body.file, "it is not in the database"));
    body.content = std::string(query.blob(3));
    Checksum checksum;
    checksum.add(*body.content);
    if (body.content->size() != body.size_bytes || checksum.value() != body.checksum)
        return std::unexpected(damaged(body.file, "its checksum is not the one that was stored with it"));
    return body;
}

base::Result<bool> Core::file_in_use(const BodyName& file) {
    Query query(*database_, "SELECT 1 FROM message WHERE id=? AND body_instance=?", file.id.value(),
                file.instance);
    return query.next();
}

}  // namespace mailramp::queue
