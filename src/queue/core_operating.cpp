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
    counts.complete = committed_.counted;
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
    const auto found = read_description(message);
    if (!found) return std::unexpected(found.error());
    if (auto read = read_recipients(message); !read) return std::unexpected(read.error());
    const auto ended = read_history(message);
    if (!ended) return std::unexpected(ended.error());
    if (!*found && !*ended)
        return base::fail(ErrorKind::not_found, "no message " + id.text() + " in the queue or its history");
    return message;
}

// False: it is not in the queue.
base::Result<bool> Core::read_description(MessageRow& message) {
    Query query(*database_,
                "SELECT sender, header_from, message_id, client_address, listener, size, accepted, eight_bit,"
                " smtputf8, ret, envid FROM message WHERE id=?",
                message.id.value());
    const auto row = query.next();
    if (!row || !*row) return row;
    queue::read_description(message, query, 0);
    message.body = query.integer(7) != 0 ? mail::BodyType::eight_bit_mime : mail::BodyType::seven_bit;
    message.smtputf8 = query.integer(8) != 0;
    message.ret = ret_from_word(query.text(9));
    message.envid = query.text(10);
    return true;
}

base::Result<> Core::read_recipients(MessageRow& message) {
    Query query(*database_,
                "SELECT row, address, state, due, attempts, maybe_delivered, mailbox, route, answer_channel,"
                " answer_phase, answer_code, answer_enhanced, answer_text, hold_reason, notify, orcpt"
                " FROM recipient INDEXED BY recipient_of_message WHERE message=? ORDER BY row",
                message.id.value());
    for (;;) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
        RecipientRow& recipient = message.recipients.emplace_back(read_recipient(query, 0));
        recipient.hold_reason = hold_reason_from_number(query.integer(13));
        recipient.notify = query.text(14);
        recipient.orcpt = query.text(15);
    }
}

// Adds the recipients that have ended; true when there were any. Also fills in the message itself, which may
// be gone from the queue.
base::Result<bool> Core::read_history(MessageRow& message) {
    Query query(
        *database_,
        "SELECT recipient_row, address, state, ended, attempts, maybe_delivered, mailbox, route,"
        " answer_channel, answer_phase, answer_code, answer_enhanced, answer_text, sender, header_from,"
        " message_id, client_address, listener, size, accepted, receipt"
        " FROM history INDEXED BY history_of_message WHERE message=? ORDER BY row",
        message.id.value());
    for (bool any = false;; any = true) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return any;
        message.recipients.push_back(read_recipient(query, 0));
        queue::read_description(message, query, 13);
        message.recipients.back().receipt = query.text(20);
    }
}

base::Result<ListSlice> Core::list(const ListRequest& request) {
    return request.filter.state && has_ended(*request.filter.state) ? list_history(request)
                                                                    : list_live(request);
}

namespace {

// Keeps the recipients that were asked for; false when none is left.
bool keep_matching(MessageRow& message, const Filter& filter) {
    if (!filter.takes(message)) return false;
    std::erase_if(message.recipients,
                  [&filter](const RecipientRow& recipient) { return !filter.takes(recipient); });
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
        queue::read_description(message, query, 1);
        slice.examined = message.id;
        ++rows;
        if (!request.filter.takes(message)) continue;
        if (auto read = read_recipients(message); !read) return std::unexpected(read.error());
        rows += message.recipients.size();
        if (keep_matching(message, request.filter)) slice.messages.push_back(std::move(message));
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
        if (keep_matching(message, request.filter)) slice.messages.push_back(std::move(message));
    }
}

// By row, the latest first.
base::Result<HistorySlice> Core::history(const HistoryRequest& request) {
    constexpr std::int64_t behind_all = std::int64_t{1} << 62;
    HistorySlice slice;
    Query all(*database_,
              "SELECT recipient_row, address, state, ended, attempts, maybe_delivered, mailbox, route,"
              " answer_channel, answer_phase, answer_code, answer_enhanced, answer_text, sender, header_from,"
              " message_id, client_address, listener, size, accepted, receipt, row, message"
              " FROM history WHERE row<? ORDER BY row DESC",
              request.before.value_or(behind_all));
    Query one(*database_,
              "SELECT recipient_row, address, state, ended, attempts, maybe_delivered, mailbox, route,"
              " answer_channel, answer_phase, answer_code, answer_enhanced, answer_text, sender, header_from,"
              " message_id, client_address, listener, size, accepted, receipt, row, message"
              " FROM history INDEXED BY history_of_message WHERE message=? AND row<? ORDER BY row DESC",
              request.id ? request.id->value() : 0, request.before.value_or(behind_all));
    Query& query = request.id ? one : all;
    for (std::size_t rows = 0; rows < options_.bulk_rows_max && slice.rows.size() < request.rows_max;
         ++rows) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return slice;
        HistoryRow entry;
        entry.row = query.integer(21);
        entry.message.id = QueueId(query.integer(22));
        queue::read_description(entry.message, query, 13);
        entry.message.recipients.push_back(read_recipient(query, 0));
        entry.message.recipients[0].receipt = query.text(20);
        slice.examined = entry.row;
        const base::WallTime ended = entry.message.recipients[0].due;
        const bool in_time = (!request.ended_before || ended < *request.ended_before) &&
                             (!request.ended_after || ended >= *request.ended_after);
        if (in_time && keep_matching(entry.message, request.filter)) slice.rows.push_back(std::move(entry));
    }
    const auto another = query.next();
    if (!another) return std::unexpected(another.error());
    slice.more = *another;
    return slice;
}

}  // namespace mailramp::queue
