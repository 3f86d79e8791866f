// The part of Core that does what operators say.
#include <algorithm>
#include <utility>

#include "queue/columns.h"
#include "queue/core.h"

namespace mailramp::queue {

using base::ErrorKind;

namespace {

// To remove a recipient is to write its history, and to delete its message and the content: so much more than
// to change a row that a slice has fewer of them.
constexpr std::size_t removing_costs = 4;

std::size_t rows_of_slice(Verb verb, std::size_t bulk_rows_max) {
    return verb == Verb::remove ? std::max<std::size_t>(bulk_rows_max / removing_costs, 1) : bulk_rows_max;
}

// What an order changes; the rest it leaves as it is.
bool concerns(Verb verb, RecipientState state, HoldReason reason) {
    switch (verb) {
        case Verb::count:
        case Verb::retry:
        case Verb::remove:
            return true;
        case Verb::hold:
            return state == RecipientState::queued || state == RecipientState::uncertain;
        case Verb::release:
            return state == RecipientState::held && reason == HoldReason::by_operator;
    }
    return false;
}

RecipientState outcome_of(Verb verb, RecipientState before) {
    switch (verb) {
        case Verb::count:
            return before;
        case Verb::retry:
        case Verb::release:
            // What may have been delivered already stays marked as such.
            return before == RecipientState::held ? RecipientState::queued : before;
        case Verb::hold:
            return RecipientState::held;
        case Verb::remove:
            return RecipientState::deleted;
    }
    return before;
}

}  // namespace

base::Result<OrderSlice> Core::operate(const Order& order, OrderPlace place) {
    if (order.id && order.verb == Verb::remove)
        if (auto free = refuse_while_claimed(*order.id); !free) return std::unexpected(free.error());
    auto looked = look_for(order, place.after_row);
    if (!looked) return std::unexpected(looked.error());
    if (order.id && place.after_row == 0 && looked->rows == 0)
        return base::fail(ErrorKind::not_found, "no message " + order.id->text() + " in the queue");
    OrderSlice slice;
    std::vector<Meant> done;
    for (Meant& meant : looked->meant) {
        if (meant.state == RecipientState::claimed) {
            ++slice.busy;
            continue;
        }
        const auto changed = carry_out(order, meant);
        if (!changed) return std::unexpected(changed.error());
        if (!*changed) continue;
        ++slice.recipients;
        const bool due = order.verb == Verb::retry || order.verb == Verb::release;
        if (due && std::ranges::find(slice.mailboxes, meant.mailbox) == slice.mailboxes.end())
            slice.mailboxes.push_back(meant.mailbox);
        if (slice.last_message != meant.message) ++slice.messages;
        slice.last_message = meant.message;
        done.push_back(std::move(meant));
    }
    if (order.verb == Verb::remove) {
        QueueId last;
        for (const Meant& meant : done) {
            if (std::exchange(last, meant.message) == meant.message) continue;
            if (auto ended = end_message_if_done(meant.message); !ended)
                return std::unexpected(ended.error());
        }
    }
    slice.place = {looked->last_row, place.event_row};
    slice.more = looked->rows == rows_of_slice(order.verb, options_.bulk_rows_max);
    if (order.verb == Verb::count || done.empty()) return slice;
    const auto noted = note_order(order, place.event_row, done);
    if (!noted) return std::unexpected(noted.error());
    slice.place.event_row = *noted;
    return slice;
}

base::Result<> Core::refuse_while_claimed(QueueId id) {
    Query held(*database_,
               "SELECT 1 FROM recipient INDEXED BY recipient_of_message WHERE message=? AND state=? LIMIT 1",
               id.value(), state_number(RecipientState::claimed));
    const auto some = held.next();
    if (!some) return std::unexpected(some.error());
    if (!*some) return {};
    return base::fail(ErrorKind::conflict,
                      id.text() + " is being delivered at this moment: try again when the attempt has ended");
}

// The next rows, and those among them that the order means. The recipients of a message follow one another,
// so each message is looked at once.
base::Result<Core::Looked> Core::look_for(const Order& order, std::int64_t after_row) {
    Looked looked;
    const std::size_t rows_max = rows_of_slice(order.verb, options_.bulk_rows_max);
    Query all(*database_,
              "SELECT row, message, state, hold_reason, mailbox, route, address FROM recipient WHERE row>?"
              " ORDER BY row LIMIT ?",
              after_row, rows_max);
    Query one(*database_,
              "SELECT row, message, state, hold_reason, mailbox, route, address FROM recipient"
              " INDEXED BY recipient_of_message WHERE message=? AND row>? ORDER BY row LIMIT ?",
              order.id ? order.id->value() : 0, after_row, rows_max);
    Query& query = order.id ? one : all;
    const bool by_message = order.filter.looks_at_message();
    MessageRow message;
    bool taken = !by_message;
    for (;; ++looked.rows) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return looked;
        RecipientRow recipient;
        recipient.row = looked.last_row = query.integer(0);
        const QueueId id(query.integer(1));
        recipient.state = state_from_number(query.integer(2));
        recipient.mailbox = query.text(4);
        recipient.route = query.text(5);
        recipient.address = query.text(6);
        const HoldReason reason = hold_reason_from_number(query.integer(3));
        if (!order.filter.takes(recipient)) continue;
        if (by_message && message.id != id) {
            message = MessageRow{};
            message.id = id;
            const auto found = read_description(message);
            if (!found) return std::unexpected(found.error());
            taken = *found && order.filter.takes(message);
        }
        if (!taken) continue;
        looked.meant.push_back({recipient.row, id, recipient.state, reason, std::move(recipient.mailbox)});
    }
}

// False: it is not one that the verb changes.
base::Result<bool> Core::carry_out(const Order& order, const Meant& meant) {
    if (!concerns(order.verb, meant.state, meant.hold_reason)) return false;
    base::Result<> done;
    switch (order.verb) {
        case Verb::count:
            return true;
        case Verb::retry:
        case Verb::release:
            done = make_due(meant, order.now);
            break;
        case Verb::hold:
            done = run(*database_, "UPDATE recipient SET state=?, hold_reason=? WHERE row=?",
                       state_number(RecipientState::held), hold_reason_number(HoldReason::by_operator),
                       meant.row);
            moved(meant.message, meant.state, RecipientState::held);
            break;
        case Verb::remove:
            done = end_recipient(meant.message, meant.row, meant.state, RecipientState::deleted, 0, nullptr,
                                 "deleted by " + order.by, order.now);
            break;
    }
    if (!done) return std::unexpected(done.error());
    return true;
}

base::Result<> Core::make_due(const Meant& meant, base::WallTime now) {
    const RecipientState to = outcome_of(Verb::retry, meant.state);
    moved(meant.message, meant.state, to);
    return run(*database_, "UPDATE recipient SET state=?, due=?, hold_reason=0, unreported=0 WHERE row=?",
               state_number(to), micros(now), meant.row);
}

// One row for all slices of an order, so that an order for a million messages does not drive everything else
// out of the table: it names the messages between which it changed some, and the filter. Returns the row.
base::Result<std::int64_t> Core::note_order(const Order& order, std::int64_t event_row,
                                            const std::vector<Meant>& done) {
    const auto [first, last] = std::ranges::minmax(done, {}, &Meant::message);
    if (event_row != 0) {
        auto grown = run(*database_,
                         "UPDATE event SET recipients=recipients+?, first_message=min(first_message,?),"
                         " last_message=max(last_message,?) WHERE row=?",
                         done.size(), first.message.value(), last.message.value(), event_row);
        if (!grown) return std::unexpected(grown.error());
        return event_row;
    }
    const QueueId message = order.id.value_or(QueueId());
    if (auto room = make_room_for_event(message); !room) return std::unexpected(room.error());
    const HoldReason reason = order.verb == Verb::hold ? HoldReason::by_operator : HoldReason::none;
    auto noted = run(
        *database_,
        "INSERT INTO event(at,message,first_message,last_message,kind,state,hold_reason,recipients,mailbox,"
        "due,verb,actor,scope) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
        micros(order.now), message.value(), first.message.value(), last.message.value(),
        static_cast<int>(Event::Kind::ordered), state_number(outcome_of(order.verb, done.front().state)),
        hold_reason_number(reason), done.size(), order.id ? done.front().mailbox : std::string(),
        micros(order.now), std::string_view(to_string(order.verb)), storable(order.by),
        order.id ? std::string() : storable(order.filter.text()));
    if (!noted) return std::unexpected(noted.error());
    return database_->last_rowid();
}

}  // namespace mailramp::queue
