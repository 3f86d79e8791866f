// The part of Core that remembers what happened to a message between its acceptance and its end. The hot
// path, a message that is accepted and delivered at once, writes nothing here.
#include <algorithm>
#include <utility>

#include "queue/columns.h"
#include "queue/core.h"
#include "queue/schema.h"

namespace mailramp::queue {

using base::ErrorKind;

namespace {

// Recipients that one attempt left in one state with one answer share an event.
struct Group {
    const RecipientSettlement* first = nullptr;
    std::size_t recipients = 0;
    base::WallTime due;
};

bool leaves_it_waiting(RecipientState state) {
    return state == RecipientState::queued || state == RecipientState::held ||
           state == RecipientState::uncertain;
}

bool same_outcome(const RecipientSettlement& one, const RecipientSettlement& other) {
    return one.state == other.state && one.hold_reason == other.hold_reason && one.answer == other.answer;
}

Event::Kind kind_from(std::int64_t number) {
    for (const Event::Kind kind : {Event::Kind::tried, Event::Kind::interrupted})
        if (number == static_cast<int>(kind)) return kind;
    return Event::Kind::ordered;
}

}  // namespace

base::Result<> Core::note_attempt(const Settlement& settlement) {
    std::vector<Group> groups;
    for (const RecipientSettlement& one : settlement.recipients) {
        // Nobody said anything, and nothing but the claim ends: it has not been tried.
        const bool untouched = one.state == RecipientState::queued && !one.counts_as_attempt &&
                               one.answer.channel == mail::Channel::none;
        if (!leaves_it_waiting(one.state) || untouched) continue;
        const auto same = std::ranges::find_if(
            groups, [&one](const Group& group) { return same_outcome(*group.first, one); });
        if (same == groups.end()) {
            groups.push_back({&one, 1, one.due});
        } else {
            ++same->recipients;
            same->due = std::min(same->due, one.due);
        }
    }
    for (const Group& group : groups) {
        const RecipientSettlement& one = *group.first;
        if (auto room = make_room_for_event(settlement.id); !room) return room;
        auto noted =
            run(*database_,
                "INSERT INTO "
                "event(at,message,kind,state,hold_reason,recipients,address,mailbox,due,answer_channel,"
                "answer_phase,answer_code,answer_enhanced,answer_text)"
                " SELECT ?,message,?,?,?,?,address,mailbox,?,?,?,?,?,? FROM recipient WHERE row=?",
                micros(settlement.now), static_cast<int>(Event::Kind::tried), state_number(one.state),
                hold_reason_number(one.hold_reason), group.recipients, micros(group.due),
                mail::to_string(one.answer.channel), mail::to_string(one.answer.phase), one.answer.code,
                storable(one.answer.enhanced), storable(one.answer.text), one.row);
        if (!noted) return noted;
    }
    return {};
}

// Of the recipients that end_unsent() or end_uncertain() is about to change.
base::Result<> Core::note_interrupted(const std::string& mailbox, RecipientState to, std::int64_t endings_min,
                                      std::int64_t rows_max, base::WallTime now) {
    const bool sent = to != RecipientState::queued;
    const HoldReason reason = to == RecipientState::held ? HoldReason::crashed : HoldReason::none;
    const base::Duration delay = sent ? options_.uncertain_delay : options_.unsent_delay;
    return run(*database_,
               "INSERT INTO event(at,message,kind,state,hold_reason,recipients,address,mailbox,due)"
               " SELECT ?,message,?,?,?,count(*),min(address),mailbox,? FROM recipient"
               " WHERE row IN (SELECT row FROM recipient INDEXED BY recipient_due"
               "  WHERE mailbox=? AND state=? AND claim_instance<>? AND claim_ending=? AND"
               "  uncertain_endings>=? LIMIT ?)"
               " GROUP BY message",
               micros(now), static_cast<int>(Event::Kind::interrupted), state_number(to),
               hold_reason_number(reason), micros(to == RecipientState::held ? now : now + delay), mailbox,
               state_number(RecipientState::claimed), instance_, sent, endings_min, rows_max);
}

// A message that is tried for weeks keeps its latest events.
base::Result<> Core::make_room_for_event(QueueId message) {
    return run(
        *database_,
        "DELETE FROM event WHERE row=(SELECT row FROM event INDEXED BY event_of_message WHERE message=?"
        " ORDER BY row LIMIT 1)"
        " AND (SELECT count(*) FROM event INDEXED BY event_of_message WHERE message=?)>=?",
        message.value(), message.value(), options_.events_of_message_max);
}

// By age and number, as the history. Rows are in the order of their numbers.
base::Result<> Core::trim_events(std::int64_t rows_max, base::WallTime now) {
    // At most so many: a message that lost its oldest ones has left gaps.
    const auto present =
        database_->integer("SELECT coalesce((SELECT max(row) FROM event)-(SELECT min(row) FROM event)+1,0)");
    if (!present) return std::unexpected(present.error());
    const std::int64_t over = *present - static_cast<std::int64_t>(options_.history_rows_max);
    auto done = run(*database_, "DELETE FROM event WHERE row IN (SELECT row FROM event ORDER BY row LIMIT ?)",
                    std::clamp<std::int64_t>(over, 0, rows_max));
    if (!done) return done;
    return run(*database_,
               "DELETE FROM event WHERE row IN (SELECT row FROM event ORDER BY row LIMIT ?) AND at<?",
               rows_max, micros(now - options_.history_age_max));
}

base::Result<MessageTrace> Core::trace(QueueId id) {
    auto message = show(id);
    if (!message) return std::unexpected(message.error());
    MessageTrace trace{std::move(*message), {}};
    for (const bool of_many : {false, true})
        if (auto read = read_events(trace, of_many); !read) return std::unexpected(read.error());
    std::ranges::stable_sort(trace.events, {}, &Event::at);
    return trace;
}

// Those of the message alone, or the orders for many that may have concerned it.
base::Result<> Core::read_events(MessageTrace& trace, bool of_many) {
    const std::int64_t id = trace.message.id.value();
    Query query(*database_,
                "SELECT at, kind, state, hold_reason, recipients, address, mailbox, due, answer_channel,"
                " answer_phase, answer_code, answer_enhanced, answer_text, verb, actor, scope"
                " FROM event INDEXED BY event_of_message WHERE message=?"
                " AND (message<>0 OR (first_message<=? AND last_message>=?)) ORDER BY row",
                of_many ? 0 : id, id, id);
    for (;;) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        Event event;
        event.at = wall_time(query.integer(0));
        event.kind = kind_from(query.integer(1));
        event.state = state_from_number(query.integer(2));
        event.hold_reason = hold_reason_from_number(query.integer(3));
        event.recipients = static_cast<std::size_t>(query.integer(4));
        event.address = query.text(5);
        event.mailbox = query.text(6);
        event.due = wall_time(query.integer(7));
        event.answer = read_answer(query, 8);
        event.verb = query.text(13);
        event.by = query.text(14);
        event.scope = query.text(15);
        trace.events.push_back(std::move(event));
    }
}

}  // namespace mailramp::queue
