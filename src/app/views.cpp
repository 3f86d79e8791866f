#include "app/views.h"

namespace mailramp::app {
namespace {

admin::CounterGroup of(const inbound::Counters& counters) {
    return {"inbound",
            {{"sessions", counters.sessions},
             {"sessions_open", counters.sessions_open},
             {"sessions_refused", counters.sessions_refused},
             {"sessions_tls", counters.sessions_tls},
             {"tls_failed", counters.tls_failed},
             {"logins", counters.logins},
             {"logins_refused", counters.logins_refused},
             {"messages_accepted", counters.messages_accepted},
             {"messages_rejected", counters.messages_rejected},
             {"messages_aborted", counters.messages_aborted},
             {"bytes_accepted", counters.bytes_accepted},
             {"answers_lost", counters.answers_lost}}};
}

admin::CounterGroup of(const delivery::DeliveryCounters& counters) {
    return {"delivery",
            {{"attempts", counters.attempts},
             {"delivered", counters.delivered},
             {"deferred", counters.deferred},
             {"held", counters.held},
             {"uncertain", counters.uncertain},
             {"repeated_uncertain", counters.repeated_uncertain},
             {"paused", counters.paused},
             {"resumed", counters.resumed},
             {"store_failures", counters.store_failures},
             {"mailbox_unknown", counters.mailbox_unknown}}};
}

// All mailboxes together.
admin::CounterGroup of(const std::vector<upstream::MailboxStatus>& mailboxes) {
    upstream::MailboxStatus sum;
    for (const upstream::MailboxStatus& mailbox : mailboxes) {
        sum.connections_in_use += mailbox.connections_in_use;
        sum.connections_idle += mailbox.connections_idle;
        sum.connections_opened += mailbox.connections_opened;
        sum.connections_failed += mailbox.connections_failed;
        sum.connections_reused += mailbox.connections_reused;
        sum.connections_replaced += mailbox.connections_replaced;
        sum.tokens_refused += mailbox.tokens_refused;
    }
    return {"upstream",
            {{"connections_in_use", sum.connections_in_use},
             {"connections_idle", sum.connections_idle},
             {"connections_opened", sum.connections_opened},
             {"connections_failed", sum.connections_failed},
             {"connections_reused", sum.connections_reused},
             {"connections_replaced", sum.connections_replaced},
             {"tokens_refused", sum.tokens_refused}}};
}

}  // namespace

std::vector<admin::CounterGroup> counter_groups(const inbound::Counters& inbound,
                                                const delivery::DeliveryCounters& delivery,
                                                const std::vector<upstream::MailboxStatus>& upstream) {
    return {of(inbound), of(delivery), of(upstream)};
}

}  // namespace mailramp::app
