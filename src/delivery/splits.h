// delivery/splits.h: which messages go to fewer recipients at a time; pure.
//
// A server that hangs up as soon as it hears of one recipient takes all others of the attempt along, each
// time anew. After some such ends the message is submitted in smaller groups, down to single recipients,
// until only the one that the server cannot bear is left waiting. What it remembers is lost with the process:
// after a start it counts from the beginning.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "mailramp/delivery/options.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

class Splits {
  public:
    explicit Splits(SplitOptions options) : options_(options) {}

    // An attempt with so many recipients ended because the connection did, while they were being named.
    void cut(queue::QueueId message, std::size_t recipients);
    // For the next claim.
    [[nodiscard]] std::vector<queue::RecipientsCap> caps() const;

  private:
    struct Entry {
        queue::QueueId message;
        std::size_t cuts = 0;
        std::size_t recipients_max = 0;  // in one attempt; 0: as many as there are
    };

    SplitOptions options_;
    std::deque<Entry> entries_;  // the one that was cut last is the last
};

}  // namespace mailramp::delivery
