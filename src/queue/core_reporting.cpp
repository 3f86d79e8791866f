// Recipients that are held and to be reported: see BounceQueue.
#include "mailramp/base/result.h"
#include "queue/columns.h"
#include "queue/core.h"

namespace mailramp::queue {

using base::ErrorKind;

// Before anything is written: what was found wrong here leaves the transaction to the other operations.
base::Result<> Core::check_reported(const Acceptance& acceptance) {
    if (!acceptance.reported) return {};
    for (const std::int64_t row : acceptance.reported->rows) {
        Query query(*database_,
                    "SELECT 1 FROM recipient WHERE row=? AND message=? AND state=? AND unreported=1", row,
                    acceptance.reported->id.value(), state_number(RecipientState::held));
        const auto found = query.next();
        if (!found) return std::unexpected(found.error());
        if (!*found)
            return base::fail(ErrorKind::conflict, "recipient " + std::to_string(row) + " of " +
                                                       acceptance.reported->id.text() +
                                                       " is no longer to be reported");
    }
    return {};
}

base::Result<> Core::end_reported(const NewMessage& message) {
    if (!message.acceptance.reported) return {};
    const Reported& reported = *message.acceptance.reported;
    for (const std::int64_t row : reported.rows) {
        auto ended = end_recipient(reported.id, row, RecipientState::held, RecipientState::failed, 0, nullptr,
                                   "bounced as " + message.id.text(), message.acceptance.accepted);
        if (!ended) return ended;
    }
    return end_message_if_done(reported.id);
}

base::Result<std::optional<Unreported>> Core::next_unreported(std::size_t recipients_max) {
    Unreported found;
    {
        Query first(*database_,
                    "SELECT r.message, r.mailbox, r.route, m.sender, m.size, m.message_id, m.accepted,"
                    " m.eight_bit, m.smtputf8, m.ret, m.envid, m.origin"
                    " FROM recipient AS r INDEXED BY recipient_unreported JOIN message AS m ON m.id=r.message"
                    " WHERE r.unreported=1 AND r.state=? ORDER BY r.message LIMIT 1",
                    state_number(RecipientState::held));
        const auto row = first.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return std::nullopt;
        found.id = QueueId(first.integer(0));
        found.mailbox = first.text(1);
        found.route = first.text(2);
        found.envelope.sender = first.text(3);
        found.size_bytes = static_cast<std::uint64_t>(first.integer(4));
        found.message_id = first.text(5);
        found.accepted = wall_time(first.integer(6));
        found.envelope.body =
            first.integer(7) != 0 ? mail::BodyType::eight_bit_mime : mail::BodyType::seven_bit;
        found.envelope.smtputf8 = first.integer(8) != 0;
        found.envelope.ret = ret_from_word(first.text(9));
        found.envelope.envid = first.text(10);
        found.origin = first.integer(11) != 0 ? Origin::report : Origin::client;
    }
    // A held recipient has the time of its last attempt in the place of the next one.
    Query query(
        *database_,
        "SELECT row, address, notify, orcpt, hold_reason, due, answer_channel, answer_phase,"
        " answer_code, answer_enhanced, answer_text FROM recipient INDEXED BY recipient_unreported"
        " WHERE unreported=1 AND message=? AND state=? AND mailbox=? AND route=? ORDER BY row LIMIT ?",
        found.id.value(), state_number(RecipientState::held), found.mailbox, found.route, recipients_max);
    for (;;) {
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (!*row) return found;
        UnreportedRecipient& recipient = found.recipients.emplace_back();
        recipient.row = query.integer(0);
        recipient.recipient = mail::Recipient{query.text(1), query.text(2), query.text(3)};
        recipient.hold_reason = hold_reason_from_number(query.integer(4));
        recipient.ended = wall_time(query.integer(5));
        recipient.answer = read_answer(query, 6);
    }
}

base::Result<> Core::leave_unreported(QueueId id, const std::vector<std::int64_t>& rows) {
    for (const std::int64_t row : rows) {
        auto left =
            run(*database_, "UPDATE recipient SET unreported=0 WHERE row=? AND message=?", row, id.value());
        if (!left) return left;
    }
    return {};
}

base::Result<std::size_t> Core::want_report(QueueId id) {
    {
        Query known(*database_, "SELECT 1 FROM message WHERE id=?", id.value());
        const auto some = known.next();
        if (!some) return std::unexpected(some.error());
        if (!*some) return base::fail(ErrorKind::not_found, "no message " + id.text() + " in the queue");
    }
    auto marked = run(*database_, "UPDATE recipient SET unreported=1 WHERE message=? AND state=?", id.value(),
                      state_number(RecipientState::held));
    if (!marked) return std::unexpected(marked.error());
    const std::int64_t recipients = database_->changes();
    if (recipients == 0)
        return base::fail(ErrorKind::conflict,
                          "no recipient of " + id.text() + " is held: there is nothing to report");
    return static_cast<std::size_t>(recipients);
}

}  // namespace mailramp::queue
