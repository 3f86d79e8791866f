#include "mailramp/queue/queue_store.h"

namespace mailramp::queue {

const char* to_string(RecipientState state) {
    switch (state) {
        case RecipientState::queued:
            return "queued";
        case RecipientState::claimed:
            return "claimed";
        case RecipientState::held:
            return "held";
        case RecipientState::uncertain:
            return "uncertain";
        case RecipientState::delivered:
            return "delivered";
        case RecipientState::failed:
            return "failed";
        case RecipientState::deleted:
            return "deleted";
    }
    return "unknown";
}

const char* to_string(HoldReason reason) {
    switch (reason) {
        case HoldReason::none:
            return "none";
        case HoldReason::refused:
            return "refused";
        case HoldReason::expired:
            return "expired";
        case HoldReason::uncertain:
            return "uncertain";
        case HoldReason::crashed:
            return "crashed";
        case HoldReason::damaged:
            return "damaged";
        case HoldReason::sender_stopped:
            return "sender_stopped";
        case HoldReason::by_operator:
            return "operator";
    }
    return "none";
}

const char* to_string(Verb verb) {
    switch (verb) {
        case Verb::count:
            return "count";
        case Verb::retry:
            return "retry";
        case Verb::hold:
            return "hold";
        case Verb::release:
            return "release";
        case Verb::remove:
            return "delete";
    }
    return "count";
}

std::optional<RecipientState> recipient_state_from(std::string_view word) {
    for (const RecipientState state :
         {RecipientState::queued, RecipientState::claimed, RecipientState::held, RecipientState::uncertain,
          RecipientState::delivered, RecipientState::failed, RecipientState::deleted})
        if (word == to_string(state)) return state;
    return std::nullopt;
}

}  // namespace mailramp::queue
