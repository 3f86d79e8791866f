// app/views.h: the areas' counters, under the names that the admin API documents.
#pragma once

#include <vector>

#include "mailramp/admin/context.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/inbound/server.h"
#include "mailramp/upstream/smtp_courier.h"

namespace mailramp::app {

[[nodiscard]] std::vector<admin::CounterGroup> counter_groups(
    const inbound::Counters& inbound, const delivery::DeliveryCounters& delivery,
    const std::vector<upstream::MailboxStatus>& upstream);

}  // namespace mailramp::app
