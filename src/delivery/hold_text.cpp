#include "mailramp/delivery/hold_text.h"

namespace mailramp::delivery {
namespace {

using provider::Action;
using queue::HoldReason;

std::string with_last(std::string cause, const provider::Verdict& last) {
    if (!last.cause.empty()) cause.append("; the last answer: ").append(last.cause);
    return cause;
}

HoldText refused(const provider::Verdict& last, const provider::Names& names) {
    // The catalogue or the mailbox may have changed since: then its row no longer speaks of a hold.
    const bool ends = last.action == Action::hold || last.action == Action::reject;
    if (ends && !last.remedy.empty()) return {std::string(last.cause), provider::fill(last.remedy, names)};
    return {"the server refused it", "see the reply; put right what it names, then retry or delete it"};
}

}  // namespace

HoldText explain_hold(HoldReason reason, const provider::Verdict& last, const provider::Names& names) {
    switch (reason) {
        case HoldReason::none:
        case HoldReason::refused:
            return refused(last, names);
        case HoldReason::expired:
            return {with_last("it was tried for as long as is allowed", last),
                    "put right what the reply names, then retry or delete it"};
        case HoldReason::uncertain:
            return {"it was sent and no reply came: it is perhaps delivered already",
                    "ask the recipient whether it has arrived, then retry or delete it"};
        case HoldReason::crashed:
            return {"mailramp ended again and again while it was being sent: it is perhaps delivered already",
                    "look in the log why mailramp ended, and ask the recipient whether it has arrived; then "
                    "retry or delete it"};
        case HoldReason::damaged:
            return {
                "its stored content is damaged: it is not what was accepted, and is not sent",
                "check the disk; restore the queue's folder from a backup and retry it, or delete it: its "
                "sender must then send it again"};
        case HoldReason::sender_stopped: {
            HoldText text = refused(last, names);
            text.cause = "not sent, since the server has lately refused its sender: " + text.cause;
            return text;
        }
        case HoldReason::by_operator:
            return {"an operator wants it to wait",
                    "mailramp queue release sends it; mailramp trace says who held it"};
    }
    return {};
}

}  // namespace mailramp::delivery
