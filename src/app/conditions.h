// app/conditions.h: all that is wrong with a running daemon and that somebody should be told; pure.
#pragma once

#include <optional>
#include <vector>

#include "mailramp/admin/context.h"
#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"
#include "mailramp/base/clock.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::app {

// How it stands.
struct Situation {
    base::WallTime now;
    std::vector<delivery::MailboxStatus> mailboxes;
    std::vector<admin::TokenState> tokens;
    std::vector<admin::CertificateState> certificates;
    queue::StoreHealth health;
    std::optional<queue::QueueCounts> counts;    // nothing: not known yet
    std::optional<admin::StalledQueue> stalled;  // the disk does not answer
};

[[nodiscard]] std::vector<alert::Condition> conditions_of(const Situation& situation,
                                                          const alert::Thresholds& thresholds);

}  // namespace mailramp::app
