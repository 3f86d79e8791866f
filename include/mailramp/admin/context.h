// mailramp/admin/context.h: what the admin socket can see and do; filled in by app/.
//
// Everything is read and called on the event loop. What is referred to must outlive the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/mail/answer.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::admin {

// One configured mailbox as an administrator sees it.
struct MailboxView {
    std::string name;
    std::string address;
    bool paused = false;
    mail::Answer pause_answer;
    std::string pause_cause;
    std::string pause_remedy;
    base::WallTime paused_since;
    base::WallTime next_probe;
    int probes = 0;
    std::size_t in_flight = 0;      // messages being submitted
    std::size_t in_flight_max = 0;  // connections that it may use
    std::size_t budget_used = 0;    // messages in the window that ends now
    std::size_t budget_max = 0;     // 0: no such limit
    base::Duration budget_window{};
};

// A number that only grows, or one that is true now; the name is part of the API (docs/admin-api.md).
struct Counter {
    std::string_view name;
    std::uint64_t value = 0;
};

struct CounterGroup {
    std::string_view name;  // the area that counts: "inbound", "delivery", "upstream"
    std::vector<Counter> counters;
};

struct AdminContext {
    const base::Clock& clock;
    queue::QueueStore& store;
    std::string version;
    std::vector<const oauth::TokenCache*> tokens;
    // The addresses that clients are served on, as Listener::name() has them.
    std::function<std::vector<std::string>()> listeners;
    std::function<std::vector<MailboxView>()> mailboxes;
    // Ends the pause of a mailbox now. ErrorKind::not_found: there is no such mailbox; resuming one that is
    // not paused is no error.
    std::function<io::Task<base::Result<>>(std::string name)> resume_mailbox;
    std::function<std::vector<CounterGroup>()> counters;
};

}  // namespace mailramp::admin
