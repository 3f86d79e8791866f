// simulation/book.h: what was promised and what has happened, kept outside of the daemon, and the rules that
// it is compared with at each step.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/delivery/options.h"
#include "mailramp/queue/queue_store.h"
#include "simulation/machine.h"

namespace mailramp::simulation {

enum class Rule {
    durable,      // acknowledged: in the queue, or delivered
    intact,       // delivered as it was sent
    once,         // delivered once, but for what the daemon itself counts as perhaps repeated
    plan,         // never tried sooner than the retry plan says, never more often
    rate,         // messages a minute, as the provider sees them
    connections,  // at once, likewise
    token_alone,  // one token request at a time
    token_pace,   // within the back-off plan
    drains,       // everything ends when the faults do
    secrets,      // none in a line of the log
    counts,       // the queue's counts are those of its rows
};
[[nodiscard]] std::string_view name_of(Rule rule);

// One transmission of a message by a client. Each has a tag of its own, and so have its recipients.
struct Parcel {
    enum class Answer { none, accepted, refused };
    std::string mailbox;
    std::string content;  // CRLF line ends, not dot-stuffed
    std::vector<std::string> recipients;
    Answer answer = Answer::none;  // to the end of data
    bool removed = false;          // by an operator
    std::optional<queue::QueueId> id;
    std::map<std::string, int> copies;  // delivered, by recipient
};

// What the rules are about. The daemon is configured with the same, unless a control spoils it.
struct Terms {
    std::size_t messages_max = 6;  // in any 60 seconds
    std::size_t connections_max = 2;
    delivery::RetryOptions retry;
    base::Duration token_pause_min = std::chrono::seconds(1);  // after a failure, doubling
    base::Duration token_pause_max = std::chrono::minutes(5);
    base::Duration token_refusal_pause = std::chrono::minutes(1);  // after one that a human has to mend
    base::Duration token_refresh_min = std::chrono::seconds(60);   // between two that a 535 forces
};

class Book {
  public:
    Book(Machine& machine, Terms terms) : machine_(machine), terms_(terms) {}

    // ---- what happens
    Parcel& parcel(const std::string& tag) { return parcels_[tag]; }
    void accepted(const std::string& tag, queue::QueueId id);
    void delivered(const std::string& mailbox, const std::string& content,
                   const std::vector<std::string>& recipients);
    void logged(const base::LogRecord& record);
    void add_secret(std::string secret) { secrets_.push_back(std::move(secret)); }
    enum class TokenEnd { granted, refused, failed };
    void token_asked();
    void token_answered(TokenEnd end, base::Duration retry_after);
    void token_dropped() { --tokens_in_flight_; }
    void connections(const std::string& mailbox, std::size_t number);
    void claimed(const queue::ClaimedMessage& message);
    void settling(const queue::Settlement& settlement);  // for the first time, or again
    void settled(const queue::Settlement& settlement);
    // An operator has made some due, or all.
    void made_due();
    void clock_jumped();
    // A new run of the daemon. `doubts` of the last one: see may_repeat().
    void started();
    // As the daemon counts: recipients that it tried again although they may have been served, and messages
    // that it refused although they may be kept.
    void may_repeat(std::uint64_t recipients, std::uint64_t refused);

    // ---- what is compared
    // `rows` as the queue has listed them, all of them, since `listed`.
    void audit(const std::vector<queue::MessageRow>& rows, const std::set<std::string>& promised);
    [[nodiscard]] std::set<std::string> promised() const;  // tags that were acknowledged so far
    void compare_counts(const queue::QueueCounts& counts, const std::vector<queue::MessageRow>& rows);
    void broke(Rule rule, const std::string& what);

    [[nodiscard]] const std::map<std::string, Parcel>& parcels() const { return parcels_; }
    [[nodiscard]] std::map<std::string, Parcel>& parcels() { return parcels_; }
    [[nodiscard]] const std::vector<std::pair<Rule, std::string>>& broken() const { return broken_; }
    [[nodiscard]] std::uint64_t copies() const { return copies_; }
    [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }
    [[nodiscard]] std::uint64_t lines() const { return lines_; }

  private:
    struct Plan {
        base::SteadyTime not_before;
        std::size_t counted = 0;                // attempts
        std::optional<base::SteadyTime> ended;  // the last one, stored or not
    };

    Machine& machine_;
    Terms terms_;
    std::map<std::string, Parcel> parcels_;
    std::vector<std::pair<Rule, std::string>> broken_;
    std::vector<std::string> secrets_;
    std::uint64_t copies_ = 0, duplicates_ = 0, lines_ = 0;
    std::set<std::string> refused_sent_;
    std::uint64_t repeated_ = 0, repeated_before_ = 0, maybe_kept_ = 0, maybe_kept_before_ = 0;
    std::map<std::string, std::deque<base::SteadyTime>> recent_;    // of each mailbox, at the provider
    std::map<std::pair<queue::QueueId, std::string>, Plan> plans_;  // of each recipient
    std::map<std::int64_t, std::string> addresses_;                 // of the rows that are claimed
    bool jumped_ = false;                                           // the wall clock, ever
    bool restarted_jumped_ = false;                                 // and a run began after that

    int tokens_in_flight_ = 0;
    int token_failures_ = 0;  // in a row
    base::SteadyTime token_not_before_;
    std::deque<base::SteadyTime> token_granted_;
};

}  // namespace mailramp::simulation
