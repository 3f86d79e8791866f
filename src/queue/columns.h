// queue/columns.h: groups of columns that several statements read in the same order.
#pragma once

#include <string>
#include <string_view>

#include "mailramp/mail/answer.h"
#include "mailramp/mail/envelope.h"
#include "mailramp/queue/queue_store.h"
#include "queue/database.h"

namespace mailramp::queue {

// channel, phase, code, enhanced, text, from column `first` on.
[[nodiscard]] mail::Answer read_answer(const Query& query, int first);

// row, address, state, due, attempts, maybe_delivered, mailbox, route, and its answer, from column `first`
// on. The history has the time of the end in the place of `due`.
[[nodiscard]] RecipientRow read_recipient(const Query& query, int first);

// Fills in what is known of the message itself: sender, header_from, message_id, client_address, listener,
// size, accepted, from column `first` on.
void read_description(MessageRow& message, const Query& query, int first);

// RFC 3461 §4.3, as on the wire: "FULL", "HDRS", or empty.
[[nodiscard]] const char* ret_word(mail::DsnReturn ret);
[[nodiscard]] mail::DsnReturn ret_from_word(std::string_view word);

// What may be stored of an answer's text: it came from the network, and the sender of a settlement may have
// forgotten to clean it.
[[nodiscard]] std::string storable(std::string_view text);

// The longest receipt, cause or remedy that is stored.
inline constexpr std::size_t stored_text_bytes_max = 1024;

}  // namespace mailramp::queue
