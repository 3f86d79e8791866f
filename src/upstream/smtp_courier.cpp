#include "mailramp/upstream/smtp_courier.h"

#include <algorithm>
#include <utility>

#include "mailramp/io/timer.h"
#include "mailramp/provider/reply_catalogue.h"
#include "upstream/connections.h"

namespace mailramp::upstream {
namespace {

using delivery::AttemptReport;
using delivery::Fate;
using smtp::RecipientFate;
using smtp::RecipientOutcome;

Fate fate_of(RecipientFate fate) {
    switch (fate) {
        case RecipientFate::delivered:
            return Fate::delivered;
        case RecipientFate::refused:
            return Fate::refused;
        case RecipientFate::not_tried:
            return Fate::not_tried;
        case RecipientFate::uncertain:
            return Fate::uncertain;
    }
    return Fate::uncertain;
}

enum class Content { sound, damaged };

AttemptReport report_of(const std::vector<RecipientOutcome>& outcomes, Content content) {
    AttemptReport report;
    for (const RecipientOutcome& outcome : outcomes) {
        const bool unsent = outcome.fate == RecipientFate::not_tried && content == Content::damaged;
        report.recipients.push_back(
            {.fate = unsent ? Fate::damaged : fate_of(outcome.fate), .answer = outcome.answer});
        if (outcome.fate == RecipientFate::delivered) report.receipt = outcome.answer.text;
    }
    return report;
}

AttemptReport nothing_tried(std::size_t recipients, const Refusal& refusal) {
    AttemptReport report;
    report.recipients.assign(recipients, {.answer = refusal.answer, .retry_after = refusal.retry_after});
    return report;
}

Refusal unknown_mailbox() {
    Refusal refusal;
    refusal.answer.channel = mail::Channel::local;
    refusal.answer.phase = mail::Phase::connect;
    refusal.answer.code = 554;
    refusal.answer.enhanced = "5.3.5";
    refusal.answer.text = "no mailbox of this name is configured any more";
    return refusal;
}

// A warm connection that ended before the server looked at the message says nothing about the message.
bool was_stale(provider::Dialect dialect, const std::vector<RecipientOutcome>& outcomes) {
    const auto says_nothing = [dialect](const RecipientOutcome& outcome) {
        const mail::Answer& answer = outcome.answer;
        return answer.channel == mail::Channel::smtp && answer.phase == mail::Phase::mail &&
               (answer.code == 0 || answer.code == 421) &&
               provider::classify(dialect, answer).action == provider::Action::retry;
    };
    const auto local = [](const RecipientOutcome& outcome) {
        return outcome.answer.channel == mail::Channel::local;
    };
    return std::ranges::any_of(outcomes, says_nothing) &&
           std::ranges::all_of(outcomes,
                               [&](const RecipientOutcome& o) { return says_nothing(o) || local(o); });
}

void count(const AttemptReport& report, MailboxStatus& counters) {
    for (const delivery::RecipientReport& recipient : report.recipients) {
        switch (recipient.fate) {
            case Fate::delivered:
                ++counters.recipients_delivered;
                break;
            case Fate::refused:
                ++counters.recipients_refused;
                break;
            case Fate::not_tried:
            case Fate::damaged:
                ++counters.recipients_not_tried;
                break;
            case Fate::uncertain:
                ++counters.recipients_uncertain;
                break;
        }
    }
}

}  // namespace

struct SmtpCourier::Impl {
    explicit Impl(const io::Executor& executor) : changed(executor) {}

    std::map<std::string, std::unique_ptr<Connections>, std::less<>> mailboxes;
    io::Event changed;  // a connection will end earlier than was known
    enum class Mode { running, stopping } mode = Mode::running;
};

SmtpCourier::SmtpCourier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SmtpCourier::~SmtpCourier() = default;

base::Result<std::unique_ptr<SmtpCourier>> SmtpCourier::create(std::vector<CourierMailbox> mailboxes,
                                                               const std::optional<io::TlsClient>& tls,
                                                               const std::vector<io::Endpoint>& own_listeners,
                                                               const io::Executor& executor,
                                                               const base::Clock& clock,
                                                               base::Logger logger) {
    auto impl = std::make_unique<Impl>(executor);
    for (CourierMailbox& mailbox : mailboxes) {
        const std::string name = mailbox.server.mailbox;
        if (auto good = check(mailbox.server); !good) return std::unexpected(good.error());
        if (mailbox.server.authentication == smtp::Authentication::xoauth2 && mailbox.tokens == nullptr)
            return base::fail(base::ErrorKind::invalid,
                              "mailbox " + name + ": there is no credential to log in with");
        if (mailbox.server.starttls == smtp::StartTls::required && !tls)
            return base::fail(base::ErrorKind::invalid,
                              "mailbox " + name + ": there are no CAs to verify its server");
        auto environment = std::make_shared<const SessionEnvironment>(
            SessionEnvironment{std::move(mailbox.server), tls, own_listeners, clock, executor, logger});
        auto connections = std::make_unique<Connections>(std::move(environment), mailbox.tokens,
                                                         [changed = &impl->changed] { changed->notify(); });
        if (!impl->mailboxes.emplace(name, std::move(connections)).second)
            return base::fail(base::ErrorKind::invalid, "mailbox " + name + ": there are two of this name");
    }
    return std::unique_ptr<SmtpCourier>(new SmtpCourier(std::move(impl)));
}

io::Task<AttemptReport> SmtpCourier::deliver(delivery::Submission submission) {
    const std::size_t recipients = submission.envelope.recipients.size();
    const auto found = impl_->mailboxes.find(submission.mailbox);
    if (found == impl_->mailboxes.end()) co_return nothing_tried(recipients, unknown_mailbox());
    Connections& connections = *found->second;
    Pool::Freshness freshness = Pool::Freshness::any;
    for (;;) {
        auto lease = co_await connections.acquire(freshness, submission.deadline);
        if (!lease) {
            AttemptReport report = nothing_tried(recipients, lease.error());
            count(report, connections.counters());
            co_return report;
        }
        smtp::OutgoingMessage message{submission.envelope, submission.size_bytes};
        const auto outcomes = co_await lease->session->submit(std::move(message), submission.content,
                                                              submission.before_end, submission.deadline);
        const Content content = lease->session->content_damaged() ? Content::damaged : Content::sound;
        const bool warm = lease->kind == Lease::Kind::warm;
        connections.release(std::move(*lease));
        if (warm && was_stale(connections.server().dialect, outcomes)) {
            ++connections.counters().connections_replaced;
            freshness = Pool::Freshness::required;  // so this happens once
            continue;
        }
        AttemptReport report = report_of(outcomes, content);
        count(report, connections.counters());
        co_return report;
    }
}

io::Task<> SmtpCourier::maintain() {
    while (impl_->mode == Impl::Mode::running) {
        base::SteadyTime next = base::SteadyTime::max();
        for (const auto& [name, connections] : impl_->mailboxes)
            next = std::min(next, connections->next().value_or(base::SteadyTime::max()));
        const bool changed = co_await impl_->changed.wait_until(next);
        if (changed) continue;
        for (const auto& [name, connections] : impl_->mailboxes)
            connections->tick();
    }
}

void SmtpCourier::stop() {
    impl_->mode = Impl::Mode::stopping;
    for (const auto& [name, connections] : impl_->mailboxes)
        connections->drain();
    impl_->changed.notify();
}

void SmtpCourier::abort() {
    stop();
    for (const auto& [name, connections] : impl_->mailboxes)
        connections->abort();
}

std::vector<MailboxStatus> SmtpCourier::status() const {
    std::vector<MailboxStatus> all;
    for (const auto& [name, connections] : impl_->mailboxes)
        all.push_back(connections->status());
    return all;
}

}  // namespace mailramp::upstream
