// delivery/pause.h: whether a mailbox may work at all: open, resting or paused; pure.
//
// A pause follows an answer that a human has to do something about. It keeps every message, lets one of them
// try now and then (the probe), and ends by itself when a probe gets past what stopped the mailbox. A rest
// follows transient trouble of the whole mailbox (network, token endpoint, "try later" at login); it is
// short, and after it one attempt goes alone until one has worked. The mailbox stands still in both, and no
// message ages meanwhile; only a rest that a message may have caused itself leaves the time to run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "delivery/moment.h"
#include "mailramp/base/clock.h"
#include "mailramp/delivery/options.h"
#include "mailramp/mail/answer.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

// What one attempt tells about its mailbox, as opposed to its message.
struct MailboxNews {
    enum class Kind {
        nothing,  // no word of the server about anything
        works,    // it talked about the message or a recipient, or took it
        crowded,  // too many connections
        rest,     // transient, of the whole mailbox
        pause,    // a human has to do something
    };
    Kind kind = Kind::nothing;
    mail::Phase reached = mail::Phase::none;  // how far the attempt came
    mail::Answer answer;                      // for crowded, rest and pause: the words
    std::string cause;                        // plain
    std::string remedy;                       // placeholders filled in
    base::Duration asked{};                   // by a verdict or the server: not sooner than this
    bool of_message = false;                  // for rest: perhaps caused by the message, which counts it
};

class Pause {
  public:
    enum class Standing { open, resting, paused };

    // What an attempt may do, drawn when it begins.
    struct Ticket {
        std::uint64_t epoch = 0;  // what happened to the mailbox before; later events make its news stale
        bool alone = false;       // a probe, or the first after a rest
    };
    struct Leave {
        bool granted = false;
        std::optional<base::SteadyTime> ask_again;  // nothing: when an attempt has ended, or never
    };
    enum class Change {
        none,
        paused,        // from now on
        still_paused,  // the probe found no improvement
        resumed,       // the pause is over
        rests,         // from now on, or again
        recovered,     // an attempt after a rest has worked
    };

    explicit Pause(PauseOptions options) : options_(options) {}

    // Goes on with a pause of an earlier run. Its probe comes within `later_probes`, whatever the wall clock
    // did. A rest goes on, too, but is tried at once.
    void restore(const queue::MailboxRecord& record, Moment now);
    // Writes all but the name, the budget and the total.
    void describe(queue::MailboxRecord& record) const;

    [[nodiscard]] Leave leave(base::SteadyTime now) const;
    // After a granted leave().
    [[nodiscard]] Ticket begin();
    // The attempt came to nothing: there was no message, or the store failed.
    void withdraw(Ticket ticket);
    [[nodiscard]] Change end(Ticket ticket, const MailboxNews& news, Moment now, double chance);
    // By an operator: over at once. False: there was neither a pause nor a rest.
    bool resume();
    // By an operator: without probes, and until resume(). What is under way goes on, and tells nothing.
    void order(std::string cause, std::string remedy, Moment now);

    [[nodiscard]] Standing standing() const { return standing_; }
    [[nodiscard]] const MailboxNews& reason() const { return reason_; }  // of the pause or rest
    // Since when the mailbox has stood still; nothing while it works.
    [[nodiscard]] std::optional<base::WallTime> stopped_since() const { return stopped_since_; }
    [[nodiscard]] base::WallTime next_probe() const { return next_wall_; }  // or the end of the rest
    [[nodiscard]] bool ordered() const { return ordered_; }                 // there is no next probe

  private:
    [[nodiscard]] base::Duration probe_interval() const;
    [[nodiscard]] Change end_probe(const MailboxNews& news, Moment now, double chance);
    void start_pause(const MailboxNews& news, Moment now);
    void start_rest(const MailboxNews& news, Moment now, double chance);
    void open();
    void wait(base::Duration duration, Moment now);

    PauseOptions options_;
    Standing standing_ = Standing::open;
    std::uint64_t epoch_ = 1;
    bool alone_under_way_ = false;
    bool ordered_ = false;  // paused by an operator
    MailboxNews reason_;
    std::optional<base::WallTime> stopped_since_;
    base::SteadyTime next_;  // probe, or end of the rest
    base::WallTime next_wall_;
    int probes_ = 0;  // that found the pause justified
    int rests_ = 0;   // in a row
};

}  // namespace mailramp::delivery
