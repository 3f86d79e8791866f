// admin/views.h: what the API shows, as JSON. docs/admin-api.md lists the same fields. Pure.
//
// Text that came from the network is made printable here: JSON must be UTF-8, and whoever shows it to a
// terminal should not have to think of escape sequences.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "mailramp/admin/context.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/mail/answer.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::admin {

// RFC 3339 in UTC with milliseconds; null for the epoch, which stands for "never".
[[nodiscard]] boost::json::value time_view(base::WallTime time);
[[nodiscard]] boost::json::value time_view(const std::optional<base::WallTime>& time);
[[nodiscard]] boost::json::value answer_view(const mail::Answer& answer);  // null when nobody has spoken yet

using Explain = std::function<Explanation(const queue::RecipientRow& recipient)>;

// At most `recipients_max` of the recipients; `recipients_total` says how many there are.
[[nodiscard]] boost::json::object message_view(const queue::MessageRow& message, std::size_t recipients_max,
                                               const Explain& explain);
// A recipient that has ended, with what is known of its message, in one object.
[[nodiscard]] boost::json::object history_view(const queue::HistoryRow& row, const Explain& explain);
// message_view() with `events`: all that happened, from the acceptance to the ends, in the order of time.
[[nodiscard]] boost::json::object trace_view(const queue::MessageTrace& trace, const Explain& explain);
[[nodiscard]] boost::json::object order_view(const queue::OrderResult& result);
[[nodiscard]] boost::json::object queue_view(const queue::QueueCounts& counts,
                                             const queue::StoreHealth& health);
// As queue_view(), with the counts of before and the state "stalled".
[[nodiscard]] boost::json::object stalled_view(const StalledQueue& stalled, const queue::StoreHealth& health);
[[nodiscard]] boost::json::object mailbox_view(const delivery::MailboxStatus& mailbox);
[[nodiscard]] boost::json::object token_view(const TokenState& token);
[[nodiscard]] boost::json::object certificate_view(const CertificateState& certificate);
[[nodiscard]] boost::json::object alert_target_view(const alert::TargetStatus& target);
[[nodiscard]] boost::json::object trial_view(const alert::Trial& trial);
[[nodiscard]] boost::json::object counters_view(std::span<const CounterGroup> groups);
[[nodiscard]] boost::json::object health_view(const queue::StoreHealth& health);
[[nodiscard]] boost::json::object health_view(const StalledQueue& stalled);

// {"error": {"kind", "message"}}
[[nodiscard]] boost::json::object error_view(std::string_view kind, std::string_view message);
[[nodiscard]] std::string_view kind_word(base::ErrorKind kind);
[[nodiscard]] std::string_view state_word(queue::StoreState state);

}  // namespace mailramp::admin
