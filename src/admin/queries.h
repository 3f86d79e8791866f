// admin/queries.h: the query fields of the requests that look at mail or change it. Pure.
//
// Each function takes the fields it knows and refuses all others: a misspelt filter must not become an order
// for everything.
#pragma once

#include <cstdint>

#include "admin/target.h"
#include "mailramp/admin/options.h"
#include "mailramp/base/result.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::admin {

[[nodiscard]] base::Result<queue::QueueId> read_id(std::string_view text);

// The filter, `after`, `limit`.
[[nodiscard]] base::Result<queue::ListRequest> read_list_request(const Target& target,
                                                                 const AdminOptions& options);
// The filter, `id`, `before`, `limit`, `ended_before`, `ended_after`.
[[nodiscard]] base::Result<queue::HistoryRequest> read_history_request(const Target& target,
                                                                       const AdminOptions& options);
// The filter, `after`, `all`. Verb and whose order it is are for the caller to add. An order to delete must
// have a filter or say `all=true`.
[[nodiscard]] base::Result<queue::Order> read_order(const Target& target, queue::Verb verb);
// `offset`, and nothing else.
[[nodiscard]] base::Result<std::uint64_t> read_offset(const Target& target);
// `reason`, and nothing else; may be missing.
[[nodiscard]] base::Result<std::string> read_reason(const Target& target);

}  // namespace mailramp::admin
