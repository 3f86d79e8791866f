// delivery/outcome.h: from what the courier reports to what the queue stores; pure.
//
// Every recipient of an attempt ends in exactly one state. What reaches further than the message (login,
// token, quota, throttle, network) is not an attempt of it, never ages it and never fails it.
#pragma once

#include <vector>

#include "delivery/moment.h"
#include "delivery/pause.h"
#include "mailramp/delivery/budget_store.h"
#include "mailramp/delivery/courier.h"
#include "mailramp/delivery/options.h"
#include "mailramp/provider/reply_catalogue.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

// What was true when the attempt ended.
struct AttemptFacts {
    Moment now;
    base::Duration age{};     // of the message, without the time its mailbox stood still
    base::Duration uptime{};  // of this run
    double chance = 0;        // in [0,1): one for all recipients, so that they stay together
    bool stopping = false;    // the daemon: a connection that breaks now was cut by us
};

struct RecipientOutcome {
    queue::RecipientSettlement settlement;
    provider::Verdict verdict;  // of its answer
    bool untouched = false;     // back in the queue as if nothing had happened: it was not about this message
};

struct Outcome {
    std::vector<RecipientOutcome> recipients;  // in the order of the claim
    MailboxNews news;
    bool cut_while_naming = false;     // the connection ended when the server heard of the recipients
    LeaseUse permit = LeaseUse::used;  // whether the server may have counted a message
};

// `verdicts` and `report` have one element for each recipient of the claim; the verdict of one that was
// delivered is not looked at. Remedies in the news have their placeholders filled from `mailbox`.
[[nodiscard]] Outcome conclude(const DeliveryOptions& options, const MailboxOptions& mailbox,
                               const queue::ClaimedMessage& claimed, const AttemptReport& report,
                               const std::vector<provider::Verdict>& verdicts, const AttemptFacts& facts);

// The daemon stops when the end of data may be out: nobody knows what the server made of it for those
// recipients whom it has accepted (indices). The others cannot have the message.
[[nodiscard]] Outcome conclude_interrupted(const DeliveryOptions& options,
                                           const queue::ClaimedMessage& claimed,
                                           const std::vector<std::size_t>& accepted,
                                           const AttemptFacts& facts);
// Not tried, since the server has lately refused `refusal` to its sender: held, as that message was.
[[nodiscard]] Outcome conclude_sender_stopped(const queue::ClaimedMessage& claimed,
                                              const mail::Answer& refusal, const provider::Verdict& verdict,
                                              base::WallTime now);
// The message was claimed, but the server cannot have got it.
[[nodiscard]] Outcome conclude_untouched(const queue::ClaimedMessage& claimed, base::WallTime now);

}  // namespace mailramp::delivery
