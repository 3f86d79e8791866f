// mailramp/queue/bounce_queue.h: the held recipients whose sender, or postmaster, is to be told.
//
// A recipient is marked in the transaction that holds it, and loses the mark in the one that stores the
// report or decides against one. So a crash at any instant makes neither two reports nor none. All calls are
// made on the event loop; see QueueStore.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/mail/answer.h"
#include "mailramp/mail/envelope.h"
#include "mailramp/queue/queue_id.h"

namespace mailramp::queue {

enum class HoldReason;
enum class Origin;

struct UnreportedRecipient {
    std::int64_t row = 0;
    mail::Recipient recipient;
    HoldReason hold_reason{};
    base::WallTime ended;  // of the last attempt
    mail::Answer answer;
};

// Those of one message that were to go through the same mailbox by the same route.
struct Unreported {
    QueueId id;
    mail::Envelope envelope;  // without its recipients
    Origin origin{};
    std::uint64_t size_bytes = 0;
    std::string message_id;
    base::WallTime accepted;
    std::string mailbox;
    std::string route;
    std::vector<UnreportedRecipient> recipients;
};

class BounceQueue {
  public:
    virtual ~BounceQueue() = default;
    // Called on the event loop when a recipient has been marked.
    virtual void on_unreported(std::function<void()> callback) = 0;
    // Some message with such recipients, at most so many of them; nothing: there is none.
    [[nodiscard]] virtual io::Task<base::Result<std::optional<Unreported>>> next_unreported(
        std::size_t recipients_max) = 0;
    // They stay held, and nobody is told.
    [[nodiscard]] virtual io::Task<base::Result<>> leave_unreported(QueueId id,
                                                                    std::vector<std::int64_t> rows) = 0;
    // An operator wants a report: marks the held recipients of a message, and says how many.
    // ErrorKind::not_found: no such message; conflict: none of its recipients is held.
    [[nodiscard]] virtual io::Task<base::Result<std::size_t>> want_report(QueueId id) = 0;
};

}  // namespace mailramp::queue
