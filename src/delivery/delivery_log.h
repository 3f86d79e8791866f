// delivery/delivery_log.h: what the delivery side tells the operator, one function an event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "delivery/moment.h"
#include "delivery/outcome.h"
#include "delivery/pause.h"
#include "mailramp/base/log.h"
#include "mailramp/delivery/options.h"
#include "mailramp/queue/queue_store.h"

namespace mailramp::delivery {

inline constexpr std::string_view unconfigured_cause = "mail waits for a mailbox that is not configured";
inline constexpr std::string_view unconfigured_remedy =
    "put the mailbox back into the configuration and restart, or delete its mail";

class DeliveryLog {
  public:
    explicit DeliveryLog(base::Logger logger) : logger_(logger) {}

    // One line for each recipient that was delivered, put off, held or left uncertain. Those that went back
    // untouched, because their mailbox is paused or rests, have none: the mailbox has one.
    void settled(const MailboxOptions& mailbox, const queue::ClaimedMessage& message, const Outcome& outcome,
                 const std::string& receipt, base::WallTime now) const;
    // Once for each sender that the server refuses, until it takes one of its messages.
    void sender_stopped(const MailboxOptions& mailbox, const std::string& sender, const mail::Answer& answer,
                        const provider::Verdict& verdict) const;
    // A message that was not tried since the server has refused too many other senders lately.
    void sender_waits(const MailboxOptions& mailbox, const queue::ClaimedMessage& message,
                      const std::string& sender, base::Duration wait) const;
    void paused(const MailboxOptions& mailbox, const Pause& pause) const;
    // The same trouble again, or the first of it.
    enum class Repeated { no, yes };
    void resting(const MailboxOptions& mailbox, const Pause& pause, Repeated repeated) const;
    void resumed(const MailboxOptions& mailbox, const std::string& after) const;
    void claim_failed(const MailboxOptions& mailbox, const base::Error& error) const;
    void outcome_unsaved(const MailboxOptions& mailbox, const std::string& queue_id,
                         const base::Error& error) const;
    void pause_unsaved(const MailboxOptions& mailbox, const base::Error& error) const;
    // `recipients`: as many as wait, as far as is known.
    void mailbox_unknown(std::string_view mailbox, std::uint64_t recipients) const;

  private:
    void held(const MailboxOptions& mailbox, const std::string& id, const queue::ClaimedRecipient& to,
              const RecipientOutcome& recipient) const;

    base::Logger logger_;
};

// "2026-01-02T03:04:05Z", for logs.
[[nodiscard]] std::string utc(base::WallTime time);

}  // namespace mailramp::delivery
