// inbound/context.h: what every session of a server shares.
#pragma once

#include <cstdint>
#include <memory>
#include <random>

#include "inbound/authenticator.h"
#include "inbound/log_pace.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/inbound/options.h"
#include "mailramp/inbound/server.h"
#include "mailramp/queue/queue_store.h"
#include "mailramp/route/recipients.h"
#include "mailramp/route/router.h"

namespace mailramp::inbound {

// What all sessions together hold in memory of unfinished messages, against `session_bytes_max`.
class MemoryBudget {
  public:
    explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    [[nodiscard]] bool take(std::size_t bytes) {
        if (bytes > bytes_max_ - used_) return false;
        used_ += bytes;
        return true;
    }
    void give_back(std::size_t bytes) { used_ -= bytes; }
    [[nodiscard]] std::size_t left() const { return bytes_max_ - used_; }

  private:
    std::size_t bytes_max_;
    std::size_t used_ = 0;
};

// Owned by the server; outlives every session. Event loop only.
struct Context {
    const Options& options;
    queue::QueueStore& store;
    const route::Router& router;
    const route::Recipients& recipients;  // its content may change between two calls
    const base::Clock& clock;
    base::Logger logger;
    Counters counters;
    MemoryBudget memory;
    std::mt19937_64 random;  // for Message-IDs: they must be unique, not secret
    bool stopping = false;
    Certificates certificates;
    std::unique_ptr<Authenticator> authenticator;  // null: there are no users
    LogPace busy_logins;                           // the authenticator has no time
    LogPace unable_logins;                         // it has nothing to compare with
};

}  // namespace mailramp::inbound
