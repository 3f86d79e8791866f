// The part of Core that people use: looking at the queue, retrying and removing.
#include <algorithm>
#include <utility>

#include "queue/columns.h"
#include "queue/core.h"

namespace mailramp::queue {

using base::ErrorKind;

// ------------------------------------------------------------------ looking

base::Result<QueueCounts> Core::counts() {
    QueueCounts counts;
    const auto of = [this](RecipientState state) {
        return committed_.recipients.at(static_cast<std::size_t>(state_number(state)));
    };
    counts.messages = committed_.messages;
    counts.bytes = committed_.bytes;
    counts.queued = of(RecipientState::queued);
    counts.claimed = of(RecipientState::claimed);
    counts.held = of(RecipientState::held);
    counts.uncertain = of(RecipientState::uncertain);
    Query oldest(*database_, "SELECT accepted FROM message ORDER BY id LIMIT 1");
    const auto row = oldest.next();
    if (!row) return std::unexpected(row.error());
    if (*row) counts.oldest_accepted = wall_time(oldest.integer(0));
    return counts;
}

base::Result<MessageRow> Core::show(QueueId id) {
    MessageRow message;
    message.id = id;
    bool found = false;
    {
        Query query(
            *database_,
            "SELECT sender, header_from, message_id, client_address, listener, size, accepted FROM message"
            " WHERE id=?",
            id.value());
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        found = *row;
        if (found) read_description(message, query, 0);
    }
    if (auto read = read_recipients(message); !read) return std::unexpected(read.error());
    const auto ended = read_history(message);
    if (!ended) return std::unexpected(ended.error());
    if (!found && !*ended)
        return base::fail(ErrorKind::not_found, "no message " + id.text() + " in the queue or its history");
    return message;
}

base::Result<> Core::read_recipients(MessageRow& message) {
    Query query(*database_,
                "SELECT row, address, state, due, attempts, maybe_delivered, mailbox, route, answer_channel,"
                " answer_phase, answer_code, answer_enhanced, answer_text, hold_reason"
                " FROM recipient INDEXED BY recipient_of_message WHERE message=? ORDER BY row",
                message.id.value());
    for (;;) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        message.recipients.push_back(read_recipient(query, 0));
        message.recipients.back().hold_reason = hold_reason_from_number(query.integer(13));
    }
}

// Adds the recipients that have ended; true when there were any. Also fills in the message itself, which may
// be gone from the queue.
base::Result<bool> Core::read_history(MessageRow& message) {
    Query query(
        *database_,
        "SELECT recipient_row, address, state, ended, attempts, maybe_delivered, mailbox, route,"
        " answer_channel, answer_phase, answer_code, answer_enhanced, answer_text, sender, header_from,"
        " message_id, client_address, listener, size, accepted"
        " FROM history INDEXED BY history_of_message WHERE message=? ORDER BY row",
        message.id.value());
    for (bool any = false;; any = true) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return any;
        message.recipients.push_back(read_recipient(query, 0));
        read_description(message, query, 13);
    }
}

base::Result<ListSlice> Core::list(const ListRequest& request) {
    const bool ended = request.state == RecipientState::delivered || request.state == RecipientState::failed;
    return ended ? list_history(request) : list_live(request);
}

namespace {

// Keeps the recipients that were asked for; false when none is left.
bool keep_matching(MessageRow& message, const ListRequest& request) {
    std::erase_if(message.recipients, [&request](const RecipientRow& recipient) {
        return (request.state && recipient.state != *request.state) ||
               (request.mailbox && recipient.mailbox != *request.mailbox);
    });
    return !message.recipients.empty();
}

}  // namespace

// Reads messages in the order of their ids until the page or the slice is full. A filter that matches nothing
// therefore never reads the whole queue in one go.
base::Result<ListSlice> Core::list_live(const ListRequest& request) {
    ListSlice slice;
    Query query(
        *database_,
        "SELECT id, sender, header_from, message_id, client_address, listener, size, accepted FROM message"
        " WHERE id>? ORDER BY id",
        request.after ? request.after->value() : 0);
    for (std::size_t rows = 0;
         rows < options_.bulk_rows_max && slice.messages.size() < request.messages_max;) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return slice;
        MessageRow message;
        message.id = QueueId(query.integer(0));
        read_description(message, query, 1);
        if (auto read = read_recipients(message); !read) return std::unexpected(read.error());
        rows += 1 + message.recipients.size();
        slice.examined = message.id;
        if (keep_matching(message, request)) slice.messages.push_back(std::move(message));
    }
    const auto another = query.next();
    if (!another) return std::unexpected(another.error());
    slice.more = *another;
    return slice;
}

base::Result<ListSlice> Core::list_history(const ListRequest& request) {
    ListSlice slice;
    std::int64_t last = request.after ? request.after->value() : 0;
    for (std::size_t rows = 0;;) {
        Query query(*database_,
                    "SELECT message FROM history INDEXED BY history_of_message WHERE message>? ORDER BY "
                    "message LIMIT 1",
                    last);
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return slice;
        if (rows >= options_.bulk_rows_max || slice.messages.size() >= request.messages_max) {
            slice.more = true;
            return slice;
        }
        MessageRow message;
        message.id = QueueId(query.integer(0));
        last = message.id.value();
        if (auto read = read_history(message); !read) return std::unexpected(read.error());
        rows += message.recipients.size();
        slice.examined = message.id;
        if (keep_matching(message, request)) slice.messages.push_back(std::move(message));
    }
}

// ------------------------------------------------------------------ operating

base::Result<RetrySlice> Core::retry(std::optional<QueueId> id, std::int64_t after_row, base::WallTime now) {
    struct Waiting {
        std::int64_t row;
        RecipientState state;
    };
    RetrySlice slice;
    std::vector<Waiting> waiting;
    std::size_t rows = 0;
    {
        Query all(*database_, "SELECT row, state, mailbox FROM recipient WHERE row>? ORDER BY row LIMIT ?",
                  after_row, options_.bulk_rows_max);
        Query one(*database_,
                  "SELECT row, state, mailbox FROM recipient INDEXED BY recipient_of_message"
                  " WHERE message=? AND row>? ORDER BY row LIMIT ?",
                  id ? id->value() : 0, after_row, options_.bulk_rows_max);
        Query& query = id ? one : all;
        for (;; ++rows) {
            const auto row = query.next();
            if (!row) return std::unexpected(row.error());
            if (!*row) break;
            slice.last_row = query.integer(0);
            const RecipientState state = state_from_number(query.integer(1));
            if (state == RecipientState::claimed) continue;
            waiting.push_back({slice.last_row, state});
            const std::string mailbox = query.text(2);
            if (std::ranges::find(slice.mailboxes, mailbox) == slice.mailboxes.end())
                slice.mailboxes.push_back(mailbox);
        }
    }
    if (id && after_row == 0 && rows == 0)
        return base::fail(ErrorKind::not_found, "no message " + id->text() + " in the queue");
    for (const Waiting& recipient : waiting) {
        // What may have been delivered already stays marked as such.
        const RecipientState to =
            recipient.state == RecipientState::held ? RecipientState::queued : recipient.state;
        auto made_due = run(*database_, "UPDATE recipient SET state=?, due=?, hold_reason=0 WHERE row=?",
                            state_number(to), micros(now), recipient.row);
        if (!made_due) return std::unexpected(made_due.error());
        moved(recipient.state, to);
    }
    slice.recipients = waiting.size();
    slice.more = rows == options_.bulk_rows_max;
    return slice;
}

base::Result<RemoveSlice> Core::remove(QueueId id, base::WallTime now) {
    {
        Query held(
            *database_,
            "SELECT 1 FROM recipient INDEXED BY recipient_of_message WHERE message=? AND state=? LIMIT 1",
            id.value(), state_number(RecipientState::claimed));
        const auto some = held.next();
        if (!some) return std::unexpected(some.error());
        if (*some)
            return base::fail(
                ErrorKind::conflict,
                id.text() + " is being delivered at this moment: try again when the attempt has ended");
    }
    std::vector<std::pair<std::int64_t, RecipientState>> rows;
    {
        Query query(
            *database_,
            "SELECT row, state FROM recipient INDEXED BY recipient_of_message WHERE message=? ORDER BY row"
            " LIMIT ?",
            id.value(), options_.bulk_rows_max);
        for (;;) {
            const auto row = query.next();
            if (!row) return std::unexpected(row.error());
            if (!*row) break;
            rows.emplace_back(query.integer(0), state_from_number(query.integer(1)));
        }
    }
    if (rows.empty()) return base::fail(ErrorKind::not_found, "no message " + id.text() + " in the queue");
    for (const auto& [row, state] : rows) {
        auto ended = end_recipient(row, state, RecipientState::failed, 0, nullptr, "removed by hand", now);
        if (!ended) return std::unexpected(ended.error());
    }
    if (auto ended = end_message_if_done(id); !ended) return std::unexpected(ended.error());
    Query left(*database_, "SELECT 1 FROM recipient INDEXED BY recipient_of_message WHERE message=? LIMIT 1",
               id.value());
    const auto more = left.next();
    if (!more) return std::unexpected(more.error());
    return RemoveSlice{rows.size(), *more};
}

}  // namespace mailramp::queue
