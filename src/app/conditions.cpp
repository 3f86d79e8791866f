#include "app/conditions.h"

#include <bit>
#include <chrono>
#include <string>
#include <utility>

#include "mailramp/alert/expiry.h"

namespace mailramp::app {
namespace {

using alert::Condition;
using alert::Event;
using alert::Severity;
using Conditions = std::vector<Condition>;

constexpr std::string_view the_queue = "queue";  // the subject of what concerns all of it

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

// "3 h", "12 min"
std::string span(base::Duration duration) {
    const auto hours = std::chrono::floor<std::chrono::hours>(duration);
    if (hours.count() > 0) return std::to_string(hours.count()) + " h";
    const auto minutes = std::chrono::floor<std::chrono::minutes>(duration);
    if (minutes.count() > 0) return std::to_string(minutes.count()) + " min";
    return std::to_string(std::chrono::floor<std::chrono::seconds>(duration).count()) + " s";
}

std::string joined_sentences(const std::string& first, const std::string& second) {
    if (first.empty() || second.empty()) return first + second;
    return first + " " + second;
}

void add_paused(const delivery::MailboxStatus& mailbox, Conditions& wrong) {
    if (!mailbox.paused) return;
    Condition condition;
    condition.event = Event::mailbox_paused;
    condition.subject = mailbox.name;
    condition.mailbox = mailbox.name;
    condition.summary = "mailbox " + mailbox.name + " is paused; its mail waits, nothing is lost";
    condition.detail =
        mailbox.pause_answer.text.empty()
            ? mailbox.cause
            : joined_sentences(mailbox.cause, "The answer was: " + mail::to_string(mailbox.pause_answer));
    condition.remedy = mailbox.remedy;
    condition.relief = "mailbox " + mailbox.name + " sends again";
    wrong.push_back(std::move(condition));
}

// One for all of them: an application with many senders is one mistake. Told again when they have doubled.
void add_stopped_senders(const delivery::MailboxStatus& mailbox, Conditions& wrong) {
    const delivery::StoppedSenders& stopped = mailbox.stopped;
    if (stopped.number == 0) return;
    Condition condition;
    condition.event = Event::sender_stopped;
    condition.subject = mailbox.name;
    condition.mailbox = mailbox.name;
    condition.level = static_cast<int>(std::bit_width(stopped.number));
    condition.reminders = alert::Reminders::no;
    condition.summary = "mailbox " + mailbox.name + " may not send as " +
                        (stopped.number == 1 ? stopped.some.front()
                                             : std::to_string(stopped.number) + " senders of its mail") +
                        "; that mail is held";
    condition.detail = stopped.cause;
    if (stopped.number > 1) {
        condition.detail += " Among them:";
        for (const std::string& sender : stopped.some)
            condition.detail += " " + sender;
    }
    condition.remedy = stopped.remedy;
    condition.relief = "mailbox " + mailbox.name + " has no stopped senders any more";
    wrong.push_back(std::move(condition));
}

// Trouble that may pass by itself is given some time.
void add_token(const admin::TokenState& token, const alert::Thresholds& thresholds, Conditions& wrong) {
    const auto& failure = token.status.last_failure;
    if (!failure || failure->kind == oauth::TokenFailureClass::cancelled) return;
    Condition condition;
    condition.event = Event::token_failing;
    condition.subject = token.credential;
    condition.credential = token.credential;
    condition.severity = token.status.usable ? Severity::warning : Severity::error;
    condition.level = token.status.usable ? 0 : 1;
    if (failure->kind == oauth::TokenFailureClass::transient) condition.delay = thresholds.token_delay;
    condition.summary =
        "no new token for credential " + token.credential +
        (token.status.usable ? "; the old one is good for another " + span(token.status.expires_in)
                             : "; its mailboxes cannot send");
    condition.detail = joined_sentences(failure->cause, failure->message);
    condition.remedy = failure->remedy;
    condition.relief = "credential " + token.credential + " has a token again";
    wrong.push_back(std::move(condition));
}

Condition condition_of(const alert::Expiry& expiry) {
    Condition condition;
    condition.level = expiry.level;
    condition.severity = expiry.ended ? Severity::error : Severity::warning;
    condition.reminders = expiry.ended ? alert::Reminders::yes : alert::Reminders::no;
    return condition;
}

void add_secret(const admin::TokenState& token, base::WallTime now, Conditions& wrong) {
    if (!token.secret_expires) return;
    const auto expiry = alert::expiry_of(*token.secret_expires, now);
    if (!expiry) return;
    Condition condition = condition_of(*expiry);
    condition.event = Event::secret_expires;
    condition.subject = token.credential;
    condition.credential = token.credential;
    condition.summary = "the client secret of credential " + token.credential + " " + expiry->words;
    condition.detail = "Without a secret there are no tokens, and without tokens no mail is sent; it waits.";
    condition.remedy =
        "Entra admin center: App registrations, the application, Certificates & secrets: make a new client "
        "secret, put its value where client_secret says, and set secret_expires to its end.";
    condition.relief = "the client secret of credential " + token.credential + " is good for longer";
    wrong.push_back(std::move(condition));
}

// One of our own is renewed before the first warning; that this one was not has its reason in the log.
void add_certificate(const admin::CertificateState& certificate, base::WallTime now, Conditions& wrong) {
    const auto expiry = alert::expiry_of(certificate.ends, now);
    if (!expiry) return;
    Condition condition = condition_of(*expiry);
    condition.event = Event::certificate_expires;
    condition.subject = certificate.file;
    condition.summary = "the certificate that clients are shown " + expiry->words;
    condition.detail = "It is in " + certificate.file +
                       ". Clients that look at it do not send with one that has ended; others go on.";
    condition.remedy =
        certificate.own
            ? "It is made and renewed by mailramp, which could not do it: see certificate_failed in the log."
            : "Put its successor into the same file (and its key, if it is a new one); no restart is needed.";
    condition.relief = "the certificate that clients are shown is good for longer";
    wrong.push_back(std::move(condition));
}

void add_age(const Situation& situation, base::Duration age_max, Conditions& wrong) {
    if (age_max == base::Duration{} || !situation.counts || !situation.counts->oldest_accepted) return;
    const auto age =
        std::chrono::duration_cast<base::Duration>(situation.now - *situation.counts->oldest_accepted);
    if (age < age_max) return;
    const queue::QueueCounts& counts = *situation.counts;
    Condition condition;
    condition.event = Event::queue_old;
    condition.subject = the_queue;
    condition.severity = Severity::warning;
    condition.summary = "the oldest message in the queue has waited for " + span(age);
    condition.detail = std::to_string(counts.messages) +
                       " messages; recipients: " + std::to_string(counts.queued + counts.claimed) +
                       " to send, " + std::to_string(counts.uncertain) + " perhaps sent already, " +
                       std::to_string(counts.held) + " held for a human.";
    condition.remedy = "mailramp status; mailramp queue list";
    condition.relief = "no message in the queue is older than " + span(age_max) + " any more";
    wrong.push_back(std::move(condition));
}

void add_queue(const Situation& situation, Conditions& wrong) {
    Condition condition;
    condition.subject = the_queue;
    condition.remedy = "mailramp status";
    condition.relief = "the queue takes mail again";
    if (situation.stalled) {
        condition.event = Event::queue_failed;
        condition.detail = situation.stalled->reason;
        condition.summary = "the queue's disk does not answer; new mail has to wait";
    } else if (situation.health.state == queue::StoreState::failed) {
        condition.event = Event::queue_failed;
        condition.detail = situation.health.reason;
        condition.summary = "the queue's disk fails; new mail is refused for now (451)";
    } else if (situation.health.state == queue::StoreState::full) {
        condition.event = Event::queue_full;
        condition.detail = situation.health.reason;
        condition.summary = "there is no room for new mail; it is refused for now (452)";
    } else {
        return;
    }
    wrong.push_back(std::move(condition));
}

void add_disk(const Situation& situation, std::uint64_t free_min, Conditions& wrong) {
    const std::uint64_t free = situation.health.disk_free_bytes;
    if (free >= free_min) return;
    Condition condition;
    condition.event = Event::disk_low;
    condition.subject = the_queue;
    condition.severity = Severity::warning;
    condition.summary = "the queue's disk has only " + mebibytes(free) + " free";
    condition.detail = "Less than " + mebibytes(free_min) +
                       " (alert.disk_free_min). Below queue.disk_free_min new mail is refused (452).";
    condition.remedy = "Make room on that disk: df -h, then delete what is not needed, or enlarge it.";
    condition.relief = "the queue's disk has enough room again";
    wrong.push_back(std::move(condition));
}

}  // namespace

std::vector<Condition> conditions_of(const Situation& situation, const alert::Thresholds& thresholds) {
    Conditions wrong;
    add_queue(situation, wrong);
    add_disk(situation, thresholds.disk_free_bytes_min, wrong);
    add_age(situation, thresholds.queue_age_max, wrong);
    for (const admin::TokenState& token : situation.tokens) {
        add_token(token, thresholds, wrong);
        add_secret(token, situation.now, wrong);
    }
    for (const admin::CertificateState& certificate : situation.certificates)
        add_certificate(certificate, situation.now, wrong);
    for (const delivery::MailboxStatus& mailbox : situation.mailboxes) {
        add_paused(mailbox, wrong);
        add_stopped_senders(mailbox, wrong);
    }
    return wrong;
}

}  // namespace mailramp::app
