// mailramp/delivery/options.h: every limit of the delivery side, by name.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "mailramp/base/clock.h"
#include "mailramp/provider/preset.h"
#include "mailramp/provider/reply_catalogue.h"
#include "mailramp/route/senders.h"

namespace mailramp::delivery {

// When a message is tried again, and when it is given to a human.
struct RetryOptions {
    base::Duration first_delay = std::chrono::minutes(1);  // after the first failed attempt
    double factor = 2.0;                                   // each delay is so much longer than the one before
    base::Duration delay_max = std::chrono::hours(1);
    double jitter = 0.2;  // a delay is drawn from [1 - jitter, 1 + jitter] of its value
    base::Duration retry_after_max = std::chrono::hours(1);  // what a server may ask for at most
    base::Duration age_max = std::chrono::days(5);  // then held; outages of its whole mailbox do not count
    std::size_t expiry_attempts_min = 5;            // but never before so many attempts
    base::Duration expiry_uptime_min = std::chrono::hours(6);  // and never sooner after a start
    std::size_t attempts_max = 500;                            // then held, whatever the clock says
    base::Duration uncertain_delay = std::chrono::minutes(5);  // before a possible duplicate is sent
    std::size_t uncertain_attempts_max = 3;  // that may have delivered it; then held, for a human to ask
    // A wall clock that runs ahead of the steady one by more than this has jumped: nothing ages by that.
    base::Duration clock_jump_min = std::chrono::minutes(1);
    std::size_t clock_jumps_max = 16;  // remembered one by one
};

// When a mailbox rests, and when it is tried again.
struct PauseOptions {
    base::Duration first_probe = std::chrono::minutes(1);
    base::Duration second_probe = std::chrono::minutes(5);
    base::Duration later_probes = std::chrono::minutes(15);
    // Transient trouble of the whole mailbox (network, token endpoint, 421 at login) counts for no message;
    // the mailbox waits, at first `rest_min`, doubling.
    base::Duration rest_min = std::chrono::seconds(1);
    base::Duration unreachable_rest_max = std::chrono::seconds(10);  // nobody answered
    base::Duration refused_rest_max = std::chrono::minutes(5);       // the server said "not now"
    base::Duration rest_asked_max =
        std::chrono::hours(24);  // longest wait that a verdict or a server asks for
    // After "too many connections" a message is tried again within this span, with one connection less.
    base::Duration crowded_delay_min = std::chrono::seconds(10);
    base::Duration crowded_delay_max = std::chrono::seconds(60);
    base::Duration connection_regain = std::chrono::minutes(5);  // so long for each connection to come back
};

// A sender that the server refuses in this mailbox's name is stopped before the mailbox is: Exchange
// throttles a mailbox for continuous SendAsDenied (Microsoft, "Continuous error throttling for SMTP AUTH
// submissions").
struct SenderBreakerOptions {
    // After a refusal nothing more of that sender is sent for so long, then one message tries; doubling.
    base::Duration first_probe = std::chrono::minutes(15);
    base::Duration probe_max = std::chrono::hours(24);
    // Once so many senders were refused within first_probe, senders that are not known to be good wait until
    // fewer were: many with one message each bring the throttling about as well as one with many.
    std::size_t refused_senders_max = 5;
    std::size_t senders_max = 1000;  // remembered for a mailbox; beyond it the one longest unheard of goes
};

// A message whose attempts end because the server hangs up while recipients are named goes to fewer of them
// at a time, so that one that the server cannot bear does not stop the others.
struct SplitOptions {
    std::size_t cuts_max = 2;        // of whole attempts
    std::size_t divisor = 10;        // from then on so many times fewer recipients after each
    std::size_t messages_max = 100;  // of a mailbox, remembered
};

// What a mailbox may do. Zero means no limit.
struct BudgetLimits {
    std::size_t messages_max = 30;  // in any `window`; a place is free one window after the final reply
    base::Duration window = std::chrono::seconds(60);
    std::size_t connections_max = 2;  // attempts side by side; at least 1
};

// One upstream identity that submits. The values come from a preset and the configuration.
struct MailboxOptions {
    std::string name;       // as configured; the queue's rows carry it
    provider::Names names;  // fills the placeholders of a remedy; `mailbox` is the address
    provider::Dialect dialect = provider::Dialect::exchange_online;
    BudgetLimits budget;
    route::SenderPolicy senders;  // what a message says it is from when this mailbox submits it
    SenderBreakerOptions sender_breaker;
    std::size_t recipients_max = 500;  // in one attempt
    base::Duration attempt_timeout = std::chrono::minutes(10);
};

// The header section of a message is held in memory while its sender is rewritten; what is in the queue has a
// shorter one (inbound::Options::header_bytes_max).
struct PresentationLimits {
    std::size_t header_bytes_max = 2 * 1024 * 1024;
    std::size_t piece_bytes = 64 * 1024;  // of content, at a time
};

// Who is told of mail that cannot be delivered.
struct BounceTarget {
    enum class Kind {
        postmaster,  // BounceOptions::postmaster; nobody if there is none
        sender,      // of the message
        address,
        none,
    };
    Kind kind = Kind::postmaster;
    std::string address = {};  // for Kind::address
    friend bool operator==(const BounceTarget&, const BounceTarget&) = default;
};

struct BounceOptions {
    std::string postmaster;                                   // empty: there is none
    BounceTarget to;                                          // for routes that do not say it themselves
    std::map<std::string, BounceTarget, std::less<>> routes;  // by name
    // Reports in any `window`, against storms and backscatter; beyond it mail stays held. Since the start.
    std::size_t per_address_max = 20;
    std::size_t in_all_max = 100;
    base::Duration window = std::chrono::hours(1);
    std::size_t addresses_max = 1000;               // counted one by one; further ones count as one
    std::uint64_t returned_bytes_max = 1ull << 20;  // a larger message comes back as its header section
    std::size_t header_bytes_max = 512 * 1024;      // a larger header section does not come back
    std::size_t recipients_max = 100;               // of one message in one report
    std::size_t piece_bytes = 64 * 1024;            // of content, at a time
    // When the queue cannot store a report, it is tried again, doubling.
    base::Duration store_pause_min = std::chrono::milliseconds(200);
    base::Duration store_pause_max = std::chrono::seconds(15);
};

struct DeliveryOptions {
    RetryOptions retry;
    BounceOptions bounce;
    PauseOptions pause;
    SplitOptions split;
    PresentationLimits presentation;
    // Added to names without a domain in To and Cc, as a message leaves. Empty: those stay as they are.
    std::string qualify_domain;
    // A permit whose holder ends before its claim is durable counts as used after this.
    base::Duration permit_lease = std::chrono::seconds(30);
    // A claim and its permit outlive the attempt's deadline by this, so that its end can be stored.
    base::Duration lease_grace = std::chrono::minutes(2);
    // What a drain adds to its timeout for storing the outcomes, and the marks of what did not end in time.
    base::Duration drain_grace = std::chrono::seconds(1);
    // When the store fails (a broken disk), each mailbox waits before it asks again, doubling.
    base::Duration store_pause_min = std::chrono::milliseconds(200);
    base::Duration store_pause_max = std::chrono::seconds(15);
};

}  // namespace mailramp::delivery
