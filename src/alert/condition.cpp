#include "mailramp/alert/condition.h"

namespace mailramp::alert {

std::string_view to_string(Event event) {
    switch (event) {
        case Event::mailbox_paused:
            return "mailbox_paused";
        case Event::sender_stopped:
            return "sender_stopped";
        case Event::token_failing:
            return "token_failing";
        case Event::secret_expires:
            return "secret_expires";
        case Event::certificate_expires:
            return "certificate_expires";
        case Event::queue_old:
            return "queue_old";
        case Event::queue_full:
            return "queue_full";
        case Event::queue_failed:
            return "queue_failed";
        case Event::disk_low:
            return "disk_low";
        case Event::test:
            return "test";
    }
    return "";
}

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::warning:
            return "warning";
        case Severity::error:
            return "error";
    }
    return "";
}

}  // namespace mailramp::alert
