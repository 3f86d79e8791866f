// alert/target.h: what becomes of an alert that is handed to somebody.
#pragma once

#include <string>

#include "mailramp/base/clock.h"

namespace mailramp::alert {

struct Sent {
    enum class End {
        taken,
        failed,   // may be taken later
        refused,  // will not be taken, however often it is tried
    };
    End end = End::failed;
    std::string words;             // "HTTP 200"; why not, and what to do. No secret in it
    base::Duration retry_after{};  // what the target asked for; 0: nothing
};

}  // namespace mailramp::alert
