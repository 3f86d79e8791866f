// mailramp/delivery/courier.h: the seam between "this is due" and "this is how it went".
//
// Implemented by upstream::SmtpCourier (later: by Graph) and by the couriers of tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/mail/answer.h"
#include "mailramp/mail/envelope.h"

namespace mailramp::delivery {

// Reads the content from `offset`, at most `octets_max`, empty at the end. CRLF line ends, not dot-stuffed.
using ContentReader =
    std::function<io::Task<base::Result<std::string>>(std::uint64_t offset, std::size_t octets_max)>;

// Awaited once the last octet of content is out, just before the end of data, with those recipients whom the
// server has accepted (indices into Envelope::recipients): only they may get the message, and only when this
// has succeeded. An error ends the attempt without the end of data, as not tried, with a local 451. The call
// may outlive the attempt when the courier does not wait for it for ever.
using BeforeEnd = std::function<io::Task<base::Result<>>(std::vector<std::size_t> accepted)>;

// One attempt: a message, through one mailbox, to some of its recipients.
struct Submission {
    std::string queue_id;     // for the log
    std::string mailbox;      // the configured name
    mail::Envelope envelope;  // recipients: those of this attempt
    std::uint64_t size_bytes = 0;
    ContentReader content;
    // May be empty.
    BeforeEnd before_end;
    // For all that comes before the content. Content that flows may go on past it, and once the last octet is
    // out the final reply is awaited as long as the courier allows: giving up there makes duplicates. The
    // claim stays with this instance meanwhile; a permit whose lease runs out counts as used from then.
    base::SteadyTime deadline;
};

enum class Fate {
    delivered,  // the server answered 250 after the end of data
    refused,    // the answer says so, for this recipient or for all
    not_tried,  // the attempt ended before this recipient's turn; the answer says why
    uncertain,  // the last octet went out and no final reply came
    damaged,    // what the ContentReader gave was ErrorKind::invalid: no attempt will ever send it
};

struct RecipientReport {
    Fate fate = Fate::not_tried;
    mail::Answer answer;
    base::Duration retry_after{};  // what the server asked for; 0: nothing
};

struct AttemptReport {
    std::vector<RecipientReport> recipients;  // in the order of Submission::envelope.recipients
    std::string receipt;                      // text of the final 250
};

class Courier {
  public:
    virtual ~Courier() = default;
    // Tries once. Never throws, always reports on every recipient. Several run at once, at most as many for a
    // mailbox as its connections_max. A pooled connection that has died in the meantime is replaced inside
    // and is no attempt.
    [[nodiscard]] virtual io::Task<AttemptReport> deliver(Submission submission) = 0;
};

}  // namespace mailramp::delivery
