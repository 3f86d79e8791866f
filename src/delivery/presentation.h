// delivery/presentation.h: a stored message as the server is to see it.
//
// The queue keeps a message as it came. Who it is from is decided anew for each attempt, by the policy of the
// mailbox that submits it: recipients of one message may belong to different mailboxes, and a policy that an
// administrator corrects holds for the mail that waits. Everything else goes out octet for octet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/delivery/courier.h"
#include "mailramp/delivery/options.h"
#include "mailramp/io/async.h"
#include "mailramp/queue/queue_store.h"
#include "mailramp/route/senders.h"

namespace mailramp::delivery {

struct Presentation {
    std::string envelope_sender;
    std::string from;  // the address in From; may be empty
    std::uint64_t size_bytes = 0;
    ContentReader content;  // refers to the store, which must outlive it
};

// Reads as much of the content as the header section needs. `qualify_domain` is added to names without a
// domain in To and Cc, unless it is empty. `policy`, `message` and `qualify_domain` must outlive the task.
// The error is the store's, or ErrorKind::invalid when the stored header section is no header section.
[[nodiscard]] io::Task<base::Result<Presentation>> present(queue::QueueStore& store,
                                                           const queue::ClaimedMessage& message,
                                                           const route::SenderPolicy& policy,
                                                           std::string_view qualify_domain,
                                                           PresentationLimits limits);

}  // namespace mailramp::delivery
