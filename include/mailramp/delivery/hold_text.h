// mailramp/delivery/hold_text.h: why a recipient is held and what to do about it, for people; pure.
#pragma once

#include <string>

#include "mailramp/provider/reply_catalogue.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

struct HoldText {
    std::string cause;
    std::string remedy;
};

// `last` is the verdict of the last answer. Only what the server refused for good is explained by it alone:
// the remedy of any other answer speaks of tries that a held recipient no longer gets. `names` fill the
// remedy.
[[nodiscard]] HoldText explain_hold(queue::HoldReason reason, const provider::Verdict& last,
                                    const provider::Names& names);

}  // namespace mailramp::delivery
