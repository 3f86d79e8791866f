// The part of Core that deliveries use: what is due, claims, settlements, mailboxes.
#include <algorithm>
#include <set>
#include <utility>

#include "queue/columns.h"
#include "queue/core.h"

namespace mailramp::queue {

using base::ErrorKind;

// ------------------------------------------------------------------ claiming

namespace {

// A clock that is being set right by small steps has not been set back.
constexpr base::Duration clock_back_min = std::chrono::minutes(1);

}  // namespace

base::Result<ClaimResult> Core::claim(const ClaimRequest& request) {
    ClaimResult result;
    if (auto looked = look_ahead(request.mailbox, request.now); !looked)
        return std::unexpected(looked.error());
    auto work = next_work(request.mailbox, request.now);
    if (!work) return std::unexpected(work.error());
    if (work->now) {
        auto message = load_claimed(work->now->message, request.mailbox, request.now);
        if (!message) return std::unexpected(message.error());
        if (auto claimed = claim_recipients(request, *message); !claimed)
            return std::unexpected(claimed.error());
        if (auto saved = save_budget(request.mailbox, request.budget); !saved)
            return std::unexpected(saved.error());
        result.message = std::move(*message);
        work = next_work(request.mailbox, request.now);
        if (!work) return std::unexpected(work.error());
    }
    result.next_due = work->earliest;
    return result;
}

// What a clock has written that has been set back since waits for a time that nobody meant. Once for each
// mailbox, and again whenever the clock goes back.
base::Result<> Core::look_ahead(const std::string& mailbox, base::WallTime now) {
    if (now < latest_claim_ - clock_back_min) looked_ahead_.clear();
    latest_claim_ = now;
    if (looked_ahead_.contains(mailbox)) return {};
    auto left = static_cast<std::int64_t>(options_.bulk_rows_max);
    for (const RecipientState state : {RecipientState::queued, RecipientState::uncertain}) {
        const auto pulled = pull_forward(mailbox, state, now, left);
        if (!pulled) return std::unexpected(pulled.error());
        left -= *pulled;
    }
    if (left > 0) looked_ahead_.insert(mailbox);
    return {};
}

base::Result<std::int64_t> Core::pull_forward(const std::string& mailbox, RecipientState state,
                                              base::WallTime now, std::int64_t rows_max) {
    std::int64_t pulled = 0;
    std::int64_t below = std::int64_t{1} << 62;
    while (pulled < rows_max) {
        Query level(*database_,
                    "SELECT priority FROM recipient INDEXED BY recipient_due"
                    " WHERE mailbox=? AND state=? AND priority<? ORDER BY priority DESC LIMIT 1",
                    mailbox, state_number(state), below);
        const auto has_level = level.next();
        if (!has_level) return std::unexpected(has_level.error());
        if (!*has_level) break;
        below = level.integer(0);
        auto done =
            run(*database_,
                "UPDATE recipient SET due=? WHERE row IN (SELECT row FROM recipient INDEXED BY recipient_due"
                " WHERE mailbox=? AND state=? AND priority=? AND due>? LIMIT ?)",
                micros(now), mailbox, state_number(state), below, micros(now + options_.due_ahead_max),
                rows_max - pulled);
        if (!done) return std::unexpected(done.error());
        pulled += database_->changes();
    }
    return pulled;
}

base::Result<Core::NextWork> Core::next_work(const std::string& mailbox, base::WallTime now) {
    NextWork found;
    for (const RecipientState state : {RecipientState::queued, RecipientState::uncertain})
        if (auto looked = look_for_work(mailbox, state, now, found); !looked)
            return std::unexpected(looked.error());
    return found;
}

// One step in the index for each priority in use: a thousand messages that wait for tomorrow at a high
// priority cost as little as one.
base::Result<> Core::look_for_work(const std::string& mailbox, RecipientState state, base::WallTime now,
                                   NextWork& found) {
    std::int64_t below = std::int64_t{1} << 62;
    for (;;) {
        Query level(*database_,
                    "SELECT priority FROM recipient INDEXED BY recipient_due"
                    " WHERE mailbox=? AND state=? AND priority<? ORDER BY priority DESC LIMIT 1",
                    mailbox, state_number(state), below);
        const auto has_level = level.next();
        if (!has_level) return std::unexpected(has_level.error());
        if (!*has_level) return {};
        below = level.integer(0);
        Query first(*database_,
                    "SELECT due, message FROM recipient INDEXED BY recipient_due"
                    " WHERE mailbox=? AND state=? AND priority=? ORDER BY due LIMIT 1",
                    mailbox, state_number(state), below);
        const auto row = first.next();
        if (!row) return std::unexpected(row.error());
        const Due candidate{below, first.integer(0), QueueId(first.integer(1))};
        const base::WallTime due = wall_time(candidate.due);
        if (!found.earliest || due < *found.earliest) found.earliest = due;
        const bool better = !found.now || candidate.priority > found.now->priority ||
                            (candidate.priority == found.now->priority && candidate.due < found.now->due);
        if (due <= now && better) found.now = candidate;
    }
}

base::Result<ClaimedMessage> Core::load_claimed(QueueId id, const std::string& mailbox, base::WallTime now) {
    Query query(*database_,
                "SELECT accepted, sender, header_from, message_id, size, eight_bit, smtputf8, ret, envid,"
                " origin"
                " FROM message WHERE id=?",
                id.value());
    const auto row = query.next();
    if (!row) return std::unexpected(row.error());
    if (!*row)
        return base::fail(ErrorKind::io,
                          "the queue has a recipient of " + id.text() + ", but no such message");
    ClaimedMessage message;
    message.id = id;
    message.accepted = wall_time(query.integer(0));
    message.envelope.sender = query.text(1);
    message.header_from = query.text(2);
    message.message_id = query.text(3);
    message.size_bytes = static_cast<std::uint64_t>(query.integer(4));
    message.envelope.body =
        query.integer(5) != 0 ? mail::BodyType::eight_bit_mime : mail::BodyType::seven_bit;
    message.envelope.smtputf8 = query.integer(6) != 0;
    message.envelope.ret = ret_from_word(query.text(7));
    message.envelope.envid = query.text(8);
    message.origin = query.integer(9) != 0 ? Origin::report : Origin::client;
    const auto stopped = stopped_total(mailbox, now);
    if (!stopped) return std::unexpected(stopped.error());
    message.stopped_for = base::Duration(*stopped);
    return message;
}

base::Result<> Core::claim_recipients(const ClaimRequest& request, ClaimedMessage& message) {
    std::int64_t stopped_before = message.stopped_for.count();
    std::size_t recipients_max = request.recipients_max;
    for (const RecipientsCap& cap : request.caps)
        if (cap.message == message.id) recipients_max = std::min(recipients_max, cap.recipients_max);
    {
        Query query(*database_,
                    "SELECT row, address, notify, orcpt, route, attempts, maybe_delivered, first_tried,"
                    " mailbox_stopped_total_at_accept, state, uncertain_endings FROM recipient INDEXED BY "
                    "recipient_of_message"
                    " WHERE message=? AND mailbox=? AND state IN (?,?) AND due<=? ORDER BY row LIMIT ?",
                    message.id.value(), request.mailbox, state_number(RecipientState::queued),
                    state_number(RecipientState::uncertain), micros(request.now), recipients_max);
        for (;;) {
            const auto row = query.next();
            if (!row) return std::unexpected(row.error());
            if (!*row) break;
            ClaimedRecipient recipient;
            recipient.row = query.integer(0);
            recipient.recipient = mail::Recipient{query.text(1), query.text(2), query.text(3)};
            recipient.route = query.text(4);
            recipient.attempts = static_cast<int>(query.integer(5));
            recipient.maybe_delivered = query.integer(6) != 0;
            recipient.first_tried = wall_time(query.integer(7));
            stopped_before = query.integer(8);
            recipient.uncertain_endings = static_cast<int>(query.integer(10));
            moved(message.id, state_from_number(query.integer(9)), RecipientState::claimed);
            message.recipients.push_back(std::move(recipient));
        }
    }
    message.stopped_for =
        base::Duration(std::max<std::int64_t>(0, message.stopped_for.count() - stopped_before));
    for (const ClaimedRecipient& recipient : message.recipients) {
        auto claimed =
            run(*database_,
                "UPDATE recipient SET state=?, claim_instance=?, claim_attempt=claim_attempt+1,"
                " claim_until=?, claim_ending=0 WHERE row=?",
                state_number(RecipientState::claimed), instance_, micros(request.lease_until), recipient.row);
        if (!claimed) return claimed;
    }
    return {};
}

base::Result<> Core::save_budget(const std::string& mailbox, const std::string& budget) {
    return run(
        *database_,
        "INSERT INTO mailbox(name,budget) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET budget=excluded.budget",
        mailbox, Blob{budget});
}

// ------------------------------------------------------------------ settling

// Everything is checked before anything is written.
base::Result<> Core::mark_ending(QueueId id, const std::string& mailbox,
                                 const std::vector<std::int64_t>& rows) {
    for (const std::int64_t row : rows)
        if (auto ours = check_claim(row, id, mailbox); !ours) return ours;
    for (const std::int64_t row : rows)
        if (auto marked = run(*database_, "UPDATE recipient SET claim_ending=1 WHERE row=?", row); !marked)
            return marked;
    return {};
}

base::Result<> Core::check_claim(std::int64_t row, QueueId id, const std::string& mailbox) {
    Query query(*database_, "SELECT message, mailbox, state, claim_instance FROM recipient WHERE row=?", row);
    const auto found = query.next();
    if (!found) return std::unexpected(found.error());
    const bool ours = *found && query.integer(0) == id.value() && query.text(1) == mailbox &&
                      query.integer(2) == state_number(RecipientState::claimed) &&
                      query.integer(3) == instance_;
    if (!ours)
        return base::fail(ErrorKind::conflict,
                          "no attempt holds recipient " + std::to_string(row) + " of " + id.text());
    return {};
}

base::Result<> Core::settle(const Settlement& settlement) {
    if (auto sound = check_settlement(settlement); !sound) return sound;
    if (auto noted = note_attempt(settlement); !noted) return noted;
    for (const RecipientSettlement& one : settlement.recipients)
        if (auto settled = settle_recipient(settlement, one); !settled) return settled;
    if (auto ended = end_message_if_done(settlement.id); !ended) return ended;
    return save_budget(settlement.mailbox, settlement.budget);
}

// Everything is checked before anything is written.
base::Result<> Core::check_settlement(const Settlement& settlement) {
    std::set<std::int64_t> seen;
    for (const RecipientSettlement& one : settlement.recipients) {
        if (one.state == RecipientState::claimed || !seen.insert(one.row).second)
            return base::fail(ErrorKind::invalid,
                              "a settlement names each recipient once and ends its claim");
        if (auto ours = check_claim(one.row, settlement.id, settlement.mailbox); !ours) return ours;
    }
    return {};
}

base::Result<> Core::settle_recipient(const Settlement& settlement, const RecipientSettlement& one) {
    const int attempt = one.counts_as_attempt ? 1 : 0;
    if (one.state == RecipientState::delivered || one.state == RecipientState::failed)
        return end_recipient(settlement.id, one.row, RecipientState::claimed, one.state, attempt, &one.answer,
                             settlement.receipt, settlement.now);
    const bool uncertain = one.ended_uncertain || one.state == RecipientState::uncertain;
    const HoldReason reason = one.state == RecipientState::held ? one.hold_reason : HoldReason::none;
    const std::string text = storable(one.answer.text);
    auto settled =
        run(*database_,
            "UPDATE recipient SET state=?, due=?, attempts=attempts+?, maybe_delivered=maybe_delivered OR ?,"
            " uncertain_endings=uncertain_endings+?,"
            " first_tried=CASE WHEN first_tried=0 AND ? THEN ? ELSE first_tried END, claim_until=0, "
            "hold_reason=?, unreported=?,"
            " answer_channel=?, answer_phase=?, answer_code=?, answer_enhanced=?, answer_text=?"
            " WHERE row=?",
            state_number(one.state), micros(one.due), attempt, uncertain, uncertain ? 1 : 0, attempt,
            micros(settlement.now), hold_reason_number(reason),
            one.report && one.state == RecipientState::held, mail::to_string(one.answer.channel),
            mail::to_string(one.answer.phase), one.answer.code, storable(one.answer.enhanced), text, one.row);
    if (settled) moved(settlement.id, RecipientState::claimed, one.state);
    return settled;
}

// Moves a row into the history. Without an answer it keeps the last one.
base::Result<> Core::end_recipient(QueueId message, std::int64_t row, RecipientState from, RecipientState to,
                                   int attempts_more, const mail::Answer* answer, const std::string& receipt,
                                   base::WallTime now) {
    if (answer != nullptr) {
        auto noted =
            run(*database_,
                "UPDATE recipient SET answer_channel=?, answer_phase=?, answer_code=?, answer_enhanced=?,"
                " answer_text=? WHERE row=?",
                mail::to_string(answer->channel), mail::to_string(answer->phase), answer->code,
                storable(answer->enhanced), storable(answer->text), row);
        if (!noted) return noted;
    }
    auto copied =
        run(*database_,
            "INSERT INTO history(ended,message,recipient_row,accepted,sender,header_from,message_id,"
            "client_address,listener,size,address,mailbox,route,state,attempts,maybe_delivered,"
            "answer_channel,answer_phase,answer_code,answer_enhanced,answer_text,receipt)"
            " SELECT ?,m.id,r.row,m.accepted,m.sender,m.header_from,m.message_id,m.client_address,"
            "m.listener,m.size,r.address,r.mailbox,r.route,?,r.attempts+?,r.maybe_delivered,"
            "r.answer_channel,r.answer_phase,r.answer_code,r.answer_enhanced,r.answer_text,?"
            " FROM recipient AS r JOIN message AS m ON m.id=r.message WHERE r.row=?",
            micros(now), state_number(to), attempts_more, storable(receipt), row);
    if (!copied) return copied;
    ++working_.history_rows;
    if (counts(message)) --working_.recipients.at(static_cast<std::size_t>(state_number(from)));
    return run(*database_, "DELETE FROM recipient WHERE row=?", row);
}

// The message goes with its last recipient, and its file when that has committed.
base::Result<> Core::end_message_if_done(QueueId id) {
    {
        Query left(*database_,
                   "SELECT 1 FROM recipient INDEXED BY recipient_of_message WHERE message=? LIMIT 1",
                   id.value());
        const auto some = left.next();
        if (!some) return std::unexpected(some.error());
        if (*some) return {};
    }
    std::uint64_t size = 0;
    {
        Query message(*database_, "SELECT size, body_instance FROM message WHERE id=?", id.value());
        const auto row = message.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        size = static_cast<std::uint64_t>(message.integer(0));
        if (!message.is_null(1)) ended_files_working_.push_back(BodyName{id, message.integer(1)});
    }
    if (auto done = run(*database_, "DELETE FROM body WHERE message=?", id.value()); !done) return done;
    if (auto done = run(*database_, "DELETE FROM message WHERE id=?", id.value()); !done) return done;
    ++working_.settled;
    if (!counts(id)) return {};
    --working_.messages;
    working_.bytes -= size;
    return {};
}

// ------------------------------------------------------------------ mailboxes

base::Result<std::vector<MailboxRecord>> Core::mailboxes() {
    std::vector<MailboxRecord> records;
    Query query(
        *database_,
        "SELECT name, paused, pause_channel, pause_phase, pause_code, pause_enhanced, pause_text, "
        "pause_cause,"
        " pause_remedy, stopped_since, next_probe, probes, stopped_total, budget, by_operator FROM mailbox");
    for (;;) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return records;
        MailboxRecord record;
        record.name = query.text(0);
        record.paused = query.integer(1) != 0;
        record.pause_answer = read_answer(query, 2);
        record.pause_cause = query.text(7);
        record.pause_remedy = query.text(8);
        if (const std::int64_t since = query.integer(9); since != 0) record.stopped_since = wall_time(since);
        record.next_probe = wall_time(query.integer(10));
        record.probes = static_cast<int>(query.integer(11));
        record.stopped_total = base::Duration(query.integer(12));
        record.budget = std::string(query.blob(13));
        record.by_operator = query.integer(14) != 0;
        records.push_back(std::move(record));
    }
}

base::Result<std::vector<MailboxBacklog>> Core::backlogs() {
    std::vector<MailboxBacklog> all;
    const auto names = mailboxes_with_recipients();
    if (!names) return std::unexpected(names.error());
    for (const std::string& name : *names) {
        Query query(*database_,
                    "SELECT count(*) FROM"
                    " (SELECT 1 FROM recipient INDEXED BY recipient_due WHERE mailbox=? LIMIT ?)",
                    name, backlog_counted_max);
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        all.push_back({name, static_cast<std::uint64_t>(query.integer(0))});
    }
    return all;
}

base::Result<> Core::save(const MailboxRecord& record, base::WallTime now) {
    const std::int64_t since = record.stopped_since ? micros(*record.stopped_since) : 0;
    std::int64_t total = 0;
    {
        Query known(*database_, "SELECT stopped_total, stopped_since FROM mailbox WHERE name=?", record.name);
        const auto row = known.next();
        if (!row) return std::unexpected(row.error());
        if (*row) total = known.integer(0);
        // Kept here and not by the caller, so that a time is added once, however often its end is saved.
        const std::int64_t known_since = *row ? known.integer(1) : 0;
        if (known_since != 0 && known_since != since)
            total += std::max<std::int64_t>(0, (since != 0 ? since : micros(now)) - known_since);
    }
    return run(
        *database_,
        "INSERT OR REPLACE INTO mailbox(name,paused,pause_channel,pause_phase,pause_code,pause_enhanced,"
        "pause_text,pause_cause,pause_remedy,stopped_since,next_probe,probes,stopped_total,budget,by_"
        "operator)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        record.name, record.paused, mail::to_string(record.pause_answer.channel),
        mail::to_string(record.pause_answer.phase), record.pause_answer.code,
        storable(record.pause_answer.enhanced), storable(record.pause_answer.text),
        storable(record.pause_cause), storable(record.pause_remedy), since, micros(record.next_probe),
        record.probes, total, Blob{record.budget}, record.by_operator);
}

}  // namespace mailramp::queue
