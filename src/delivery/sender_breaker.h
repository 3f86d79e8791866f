// delivery/sender_breaker.h: which senders a mailbox does not try for now; pure.
//
// A sender is MAIL FROM and From together, as the server sees them. One refusal that is about the sender
// stops all of its messages; they are held with that answer, without being sent. After a while one message
// tries. The mailbox's own address is none of its business: without that there is no mail at all. What it
// remembers is lost with the process: after a start each sender is tried once.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/delivery/options.h"
#include "mailramp/mail/answer.h"

namespace mailramp::delivery {

class SenderBreaker {
  public:
    explicit SenderBreaker(SenderBreakerOptions options) : options_(options) {}

    // The answer that stopped this sender, if it may not be tried now. Nothing: it may; when it was stopped
    // before, the caller tries for all others, and they wait for what it hears. The pointer is good until
    // the next call.
    [[nodiscard]] const mail::Answer* stopped(const std::string& sender, base::SteadyTime now);
    // The server refused the sender; true if it was not stopped already.
    bool refused(const std::string& sender, const mail::Answer& answer, base::SteadyTime now);
    // The server said something else, so that the sender is good, or unknown.
    enum class Heard { accepted, nothing };
    void heard(const std::string& sender, Heard heard, base::SteadyTime now);
    // How long a sender has to wait because too many others were refused lately; zero: not at all. A sender
    // that was taken or refused before is judged by stopped() alone.
    [[nodiscard]] base::Duration crowded(const std::string& sender, base::SteadyTime now) const;
    // A human asked for another try: all may go.
    void clear() { stopped_.clear(); }

    // The first few that are stopped, by name, each with the answer that did it.
    [[nodiscard]] std::vector<std::pair<std::string, mail::Answer>> first(std::size_t number) const;
    [[nodiscard]] std::size_t size() const { return stopped_.size(); }

  private:
    struct Stopped {
        mail::Answer answer;
        base::SteadyTime probe;  // when one may try
        base::SteadyTime heard;
        base::Duration wait{};
    };
    void forget_oldest();
    void remember_good(const std::string& sender);

    SenderBreakerOptions options_;
    std::set<std::string> good_;  // taken lately, at most senders_max
    std::map<std::string, Stopped> stopped_;
};

}  // namespace mailramp::delivery
