// mailramp/alert/notifier.h: tells somebody what is wrong, over a webhook, by a command, and in the log.
//
// Mail never waits for it: whoever knows what is wrong says so and goes on; each target has a bounded queue
// and a coroutine of its own, so that one that hangs or fails delays nobody else. What a target does not take
// is tried again with growing pauses, a bounded number of times, and logged once until it takes something.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/io/async.h"
#include "mailramp/io/http_client.h"

namespace mailramp::alert {

// How a test alert ended.
struct Trial {
    std::string target;  // "webhook https://hooks.slack.com", "exec /usr/local/bin/notify"
    bool taken = false;
    std::string words;  // "HTTP 200"; or why not
};

struct TargetStatus {
    std::string target;
    std::uint64_t taken = 0;
    std::uint64_t lost = 0;  // given up, or pushed out of a full queue
    std::size_t waiting = 0;
    std::string trouble;  // why the last attempt failed; empty: it did not
};

class Notifier {
  public:
    // Lives on one event loop. `http` and `clock` must outlive it, and it the running of the loop.
    Notifier(Options options, const std::string& host, io::HttpClient& http, const io::Executor& executor,
             const base::Clock& clock, base::Logger logger);
    ~Notifier();

    [[nodiscard]] const Thresholds& thresholds() const;
    // All that is wrong now. To be called every few seconds; returns at once.
    void observe(const std::vector<Condition>& wrong);
    // Hands a test alert to every target at once, past their queues, and waits for all of them, at most
    // Options::trial_timeout. Empty: none is configured.
    [[nodiscard]] io::Task<std::vector<Trial>> try_targets();
    [[nodiscard]] std::vector<TargetStatus> targets() const;
    // Tells nothing more and kills a command that runs: for the end of the daemon.
    void stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::alert
