#include "delivery/delivery_log.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>

#include "mailramp/base/events.h"
#include "mailramp/delivery/hold_text.h"
#include "mailramp/mail/answer.h"
#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::delivery {

namespace events = base::events;
using queue::RecipientState;

std::string utc(base::WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

namespace {

const char* held_because(queue::HoldReason reason) {
    switch (reason) {
        case queue::HoldReason::none:
        case queue::HoldReason::refused:
            return "the answer will not change by itself";
        case queue::HoldReason::expired:
            return "tried for as long as is allowed";
        case queue::HoldReason::uncertain:
        case queue::HoldReason::crashed:
            return "another attempt might be another copy";
        case queue::HoldReason::damaged:
            return "accepted mail that cannot be sent as it was";
        case queue::HoldReason::sender_stopped:
            return "not sent: the server has lately refused this sender";
        case queue::HoldReason::by_operator:
            return "an operator wants it to wait";
    }
    return "";
}

}  // namespace

void DeliveryLog::settled(const MailboxOptions& mailbox, const queue::ClaimedMessage& message,
                          const Outcome& outcome, const std::string& receipt, base::WallTime now) const {
    const std::string id = message.id.text();
    const auto delay = std::chrono::floor<std::chrono::milliseconds>(now - message.accepted);
    for (std::size_t i = 0; i < outcome.recipients.size(); ++i) {
        const RecipientOutcome& recipient = outcome.recipients[i];
        const queue::RecipientSettlement& row = recipient.settlement;
        const std::string& to = message.recipients[i].recipient.address;
        const int attempt = message.recipients[i].attempts + 1;
        const std::string answer = mail::to_string(row.answer);
        switch (row.state) {
            case RecipientState::delivered:
                logger_.info(events::message_delivered, "",
                             {{"queue_id", id},
                              {"mailbox", mailbox.name},
                              {"to", to},
                              {"attempt", attempt},
                              {"delay_ms", delay.count()},
                              {"answer", answer},
                              {"receipt", receipt}});
                break;
            case RecipientState::queued:
                if (recipient.untouched) break;
                logger_.info(events::message_deferred, "",
                             {{"queue_id", id},
                              {"mailbox", mailbox.name},
                              {"to", to},
                              {"attempt", attempt},
                              {"answer", answer},
                              {"next", utc(row.due)}});
                break;
            case RecipientState::held:
                held(mailbox, id, message.recipients[i], recipient);
                break;
            case RecipientState::uncertain:
                logger_.warning(events::message_uncertain, "it may have been delivered, and is sent again",
                                {{"queue_id", id},
                                 {"mailbox", mailbox.name},
                                 {"to", to},
                                 {"attempt", attempt},
                                 {"answer", answer},
                                 {"next", utc(row.due)}});
                break;
            case RecipientState::claimed:
            case RecipientState::failed:
            case RecipientState::deleted:
                break;  // no attempt ends this way
        }
    }
}

void DeliveryLog::held(const MailboxOptions& mailbox, const std::string& id,
                       const queue::ClaimedRecipient& to, const RecipientOutcome& recipient) const {
    const queue::RecipientSettlement& row = recipient.settlement;
    const std::string answer = mail::to_string(row.answer);
    const HoldText text = explain_hold(row.hold_reason, recipient.verdict, mailbox.names);
    const char* const why = held_because(row.hold_reason);
    // Acknowledged mail is lost unless somebody acts; what is held for other reasons is only late.
    if (row.hold_reason == queue::HoldReason::damaged)
        logger_.error(events::message_held, why,
                      {{"queue_id", id},
                       {"mailbox", mailbox.name},
                       {"to", to.recipient.address},
                       {"attempt", to.attempts + 1},
                       {"hold_reason", queue::to_string(row.hold_reason)},
                       {"answer", answer},
                       {"cause", text.cause},
                       {"remedy", text.remedy}});
    else
        logger_.warning(events::message_held, why,
                        {{"queue_id", id},
                         {"mailbox", mailbox.name},
                         {"to", to.recipient.address},
                         {"attempt", to.attempts + 1},
                         {"hold_reason", queue::to_string(row.hold_reason)},
                         {"answer", answer},
                         {"cause", text.cause},
                         {"remedy", text.remedy}});
}

void DeliveryLog::sender_stopped(const MailboxOptions& mailbox, const std::string& sender,
                                 const mail::Answer& answer, const provider::Verdict& verdict) const {
    logger_.error(events::sender_stopped,
                  "the mailbox may not send as this address; its mail is held, so that the server does not "
                  "throttle the whole mailbox",
                  {{"mailbox", mailbox.name},
                   {"sender", sender},
                   {"answer", mail::to_string(answer)},
                   {"cause", verdict.cause},
                   {"remedy", provider::fill(verdict.remedy, mailbox.names)}});
}

void DeliveryLog::sender_waits(const MailboxOptions& mailbox, const queue::ClaimedMessage& message,
                               const std::string& sender, base::Duration wait) const {
    logger_.warning(
        events::sender_waits,
        "not tried: the server has refused several senders lately, and throttles the whole mailbox for more; "
        "set senders: collapse, or list in allowed_senders only what the mailbox may send as",
        {{"mailbox", mailbox.name},
         {"queue_id", message.id.text()},
         {"sender", sender},
         {"wait_seconds", std::chrono::ceil<std::chrono::seconds>(wait).count()}});
}

void DeliveryLog::paused(const MailboxOptions& mailbox, const Pause& pause) const {
    logger_.error(events::mailbox_paused, "its mail waits, nothing is lost",
                  {{"mailbox", mailbox.name},
                   {"answer", mail::to_string(pause.reason().answer)},
                   {"cause", pause.reason().cause},
                   {"remedy", pause.reason().remedy},
                   {"next_probe", utc(pause.next_probe())}});
}

void DeliveryLog::resting(const MailboxOptions& mailbox, const Pause& pause, Repeated repeated) const {
    const std::string answer = mail::to_string(pause.reason().answer);
    const std::string until = utc(pause.next_probe());
    switch (repeated) {
        case Repeated::no:
            logger_.warning(events::mailbox_resting, "tried again by itself",
                            {{"mailbox", mailbox.name},
                             {"answer", answer},
                             {"cause", pause.reason().cause},
                             {"until", until}});
            break;
        case Repeated::yes:
            logger_.debug(events::mailbox_resting, "still",
                          {{"mailbox", mailbox.name}, {"answer", answer}, {"until", until}});
            break;
    }
}

void DeliveryLog::resumed(const MailboxOptions& mailbox, const std::string& after) const {
    logger_.info(events::mailbox_resumed, "", {{"mailbox", mailbox.name}, {"after", after}});
}

void DeliveryLog::claim_failed(const MailboxOptions& mailbox, const base::Error& error) const {
    logger_.warning(events::delivery_waits, "the queue or the budget cannot be asked now",
                    {{"mailbox", mailbox.name}, {"reason", error.message}});
}

void DeliveryLog::outcome_unsaved(const MailboxOptions& mailbox, const std::string& queue_id,
                                  const base::Error& error) const {
    logger_.error(events::outcome_unsaved, "how the attempt ended cannot be stored now",
                  {{"queue_id", queue_id}, {"mailbox", mailbox.name}, {"reason", error.message}});
}

void DeliveryLog::pause_unsaved(const MailboxOptions& mailbox, const base::Error& error) const {
    logger_.warning(events::delivery_waits, "the state of the mailbox cannot be stored now",
                    {{"mailbox", mailbox.name}, {"reason", error.message}});
}

void DeliveryLog::mailbox_unknown(std::string_view mailbox, std::uint64_t recipients) const {
    logger_.error(events::delivery_waits, unconfigured_cause,
                  {{"mailbox", mailbox}, {"recipients", recipients}, {"reason", unconfigured_remedy}});
}

}  // namespace mailramp::delivery
