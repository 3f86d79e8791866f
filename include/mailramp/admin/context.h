// mailramp/admin/context.h: what the admin socket can see and do; filled in by app/.
//
// Everything is read and called on the event loop. What is referred to must outlive the server.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/alert/notifier.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/io/async.h"
#include "mailramp/mail/answer.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::admin {

// A number that only grows, or one that is true now; the name is part of the API (docs/admin-api.md).
struct Counter {
    std::string_view name;
    std::uint64_t value = 0;
};

struct CounterGroup {
    std::string_view name;  // the area that counts: "inbound", "delivery", "upstream"
    std::vector<Counter> counters;
};

// One credential's token.
struct TokenState {
    std::string credential;
    oauth::TokenStatus status;
    std::optional<base::WallTime> secret_expires = {};  // as configured
};

// What TLS clients are shown.
struct CertificateState {
    std::string file;
    base::WallTime ends;
    bool own = false;  // made, and renewed, by us
};

// What an answer means to a human.
struct Explanation {
    std::string cause;
    std::string remedy;
};

// A queue whose disk does not answer, and what was known of it before.
struct StalledQueue {
    std::string reason;  // for how long, and what to do
    queue::QueueCounts last_counts;
};

struct AdminContext {
    const base::Clock& clock;
    queue::QueueStore& store;
    std::string version;
    // The addresses that clients are served on, as Listener::name() has them.
    std::function<std::vector<std::string>()> listeners;
    std::function<std::vector<delivery::MailboxStatus>()> mailboxes;
    std::function<std::vector<TokenState>()> tokens;
    // As Dispatcher::try_senders_again(); before a retry.
    std::function<void()> try_senders_again;
    // As Dispatcher::resume().
    std::function<base::Result<>(const std::string& name)> resume_mailbox;
    std::function<std::vector<CounterGroup>()> counters;
    // What stands behind a recipient's state: why it is held, else what the catalogue of its mailbox's
    // provider says to its answer; without it recipients are shown unexplained.
    std::function<Explanation(const queue::RecipientRow& recipient)> explain;
    // Nothing while the disk answers; without it the disk is taken to.
    std::function<std::optional<StalledQueue>()> stalled_queue = {};
    // Without it, TLS is not offered.
    std::function<std::vector<CertificateState>()> certificates = {};
    // Who is told of trouble; without it, nobody.
    std::function<std::vector<alert::TargetStatus>()> alert_targets = {};
    // As Notifier::try_targets().
    std::function<io::Task<std::vector<alert::Trial>>()> try_alerts = {};
    // As Dispatcher::pause().
    std::function<base::Result<>(const std::string& name, const std::string& cause)> pause_mailbox = {};
};

}  // namespace mailramp::admin
