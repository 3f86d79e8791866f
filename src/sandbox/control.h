// sandbox/control.h: the interface through which a test steers the sandbox and looks into it.
//
//     PUT    /control/fail       {"name": "451", "count": 2, "mailbox": "relay@contoso.test"}; the last two
//     may be left out DELETE /control/fail       all faults; with ?name=451 only that one GET /control/fail
//     the faults that are armed GET    /control/messages   what was received, newest last GET /control/state
//     counters
#pragma once

#include "sandbox/http_server.h"
#include "sandbox/recorder.h"

namespace mailramp::sandbox {

// All must outlive it.
struct Control {
    Faults& faults;
    const Recorder& recorder;
    const MailboxLimits& limits;
    const SessionCounters& sessions;
    const TokenService& tokens;

    [[nodiscard]] HttpAnswer answer(const HttpCall& call) const;
};

}  // namespace mailramp::sandbox
