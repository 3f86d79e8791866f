// One message, from the budget's permit and the store's claim to the settlement.
#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "delivery/bounce_policy.h"
#include "delivery/dispatcher_impl.h"
#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::delivery {

using queue::RecipientState;

namespace {

// The store has no such claim: an earlier settlement has come through after all, although its commit was said
// to have failed. Repeating it would change nothing.
bool is_final(base::ErrorKind kind) {
    return kind == base::ErrorKind::not_found || kind == base::ErrorKind::conflict ||
           kind == base::ErrorKind::invalid;
}

// The server judges both: they are one sender for the breaker, and to people.
std::string sender_of(const Presentation& presented) {
    const std::string envelope =
        presented.envelope_sender.empty() ? std::string("<>") : base::to_lower(presented.envelope_sender);
    const std::string from = base::to_lower(presented.from);
    return from.empty() || from == envelope ? envelope : envelope + " (From: " + from + ")";
}

// An attempt that did not begin, because our side could not read the message.
AttemptReport unreadable(const queue::ClaimedMessage& message, const base::Error& error) {
    const bool damaged = error.kind == base::ErrorKind::invalid;
    RecipientReport failed;
    failed.answer.channel = mail::Channel::local;
    if (damaged) {
        failed.fate = Fate::damaged;
        failed.answer.text = base::printable(error.message, mail::answer_text_bytes_max);
    } else {
        failed.fate = Fate::not_tried;
        failed.answer.phase = mail::Phase::body;
        failed.answer.code = 451;
        failed.answer.enhanced = "4.3.0";
        failed.answer.text = "the content could not be read: " + error.message;
    }
    AttemptReport report;
    report.recipients.assign(message.recipients.size(), failed);
    return report;
}

}  // namespace

io::Task<> Dispatcher::Impl::attempt(Mailbox& mailbox, Schedule::Attempt begun) {
    // From the loop, never inside whoever woke the mailbox: co_spawn would begin at once.
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    Loan loan = co_await borrow(mailbox.options.name);
    if (!loan.granted() || draining_) {
        co_await give_back(loan.permit, LeaseUse::unused);
        co_await give_back(loan.connection, LeaseUse::unused);
        if (loan.error) {
            ++counters_.store_failures;
            if (!mailbox.store_failing) log_.claim_failed(mailbox.options, *loan.error);
            mailbox.store_failing = true;
            mailbox.schedule.store_failed(begun, clock_.steady());
        } else {
            mailbox.schedule.refused(begun, loan.ask_again, clock_.steady());
        }
        co_return attempt_ended(mailbox);
    }
    const base::WallTime asked = mailbox.schedule.claim_time(clock_.wall());
    base::Result<queue::ClaimResult> claimed = co_await claim(mailbox, asked);
    if (!claimed || !claimed->message) {
        co_await give_back(loan.permit, LeaseUse::unused);
        co_await give_back(loan.connection, LeaseUse::unused);
        mailbox.schedule.budget_changed();
        if (claimed) {
            mailbox.schedule.nothing_due(begun, asked, claimed->next_due, now());
        } else {
            mailbox.schedule.store_failed(begun, clock_.steady());
        }
        co_return attempt_ended(mailbox);
    }
    mailbox.schedule.found(begun, claimed->next_due, now());
    pump(mailbox);  // there may be more
    co_await fly(mailbox, begun, std::move(loan), std::move(*claimed->message));
}

// A connection first: without one a permit would only take a place away from somebody.
io::Task<Loan> Dispatcher::Impl::borrow(std::string mailbox) {
    Loan loan;
    BudgetRequest request;
    request.mailbox = std::move(mailbox);
    request.lease = options_.permit_lease;
    for (const Lendable what : {Lendable::connection, Lendable::permit}) {
        request.what = what;
        base::Result<BudgetAnswer> answer = co_await budget_.acquire(request);
        if (!answer) {
            loan.error = std::move(answer.error());
            break;
        }
        if (!answer->lease) {
            loan.ask_again = answer->ask_again;
            break;
        }
        std::optional<BudgetLease>& lent = what == Lendable::connection ? loan.connection : loan.permit;
        lent = std::move(answer->lease);
    }
    co_return loan;
}

// A failure is not worth more than a count: the lender takes the lease back by itself when it runs out.
io::Task<> Dispatcher::Impl::give_back(std::optional<BudgetLease> lent, LeaseUse use) {
    if (!lent) co_return;
    const base::Result<> released = co_await budget_.release(std::move(*lent), use);
    if (!released) ++counters_.store_failures;
}

io::Task<bool> Dispatcher::Impl::keep(BudgetLease lent, base::Duration lease) {
    const base::Result<> kept = co_await budget_.renew(std::move(lent), lease);
    if (!kept) ++counters_.store_failures;
    co_return kept.has_value();
}

io::Task<base::Result<queue::ClaimResult>> Dispatcher::Impl::claim(Mailbox& mailbox, base::WallTime asked) {
    queue::ClaimRequest request;
    request.mailbox = mailbox.options.name;
    request.now = asked;
    request.lease_until = asked + mailbox.options.attempt_timeout + options_.lease_grace;
    request.recipients_max = std::max<std::size_t>(mailbox.options.recipients_max, 1);
    request.caps = mailbox.splits.caps();
    request.budget = budget_.record(mailbox.options.name);
    base::Result<queue::ClaimResult> claimed = co_await store_.claim_due(std::move(request));
    if (!claimed) {
        ++counters_.store_failures;
        if (!mailbox.store_failing) log_.claim_failed(mailbox.options, claimed.error());
    }
    mailbox.store_failing = !claimed;
    if (claimed && claimed->message)
        base::check(!claimed->message->recipients.empty(), "a claimed message has recipients");
    co_return claimed;
}

io::Task<> Dispatcher::Impl::fly(Mailbox& mailbox, Schedule::Attempt begun, Loan loan,
                                 queue::ClaimedMessage message) {
    // The claim may have waited for the disk for long: what was lent must still be ours.
    const base::Duration lease = mailbox.options.attempt_timeout + options_.lease_grace;
    bool ours = !draining_;
    if (ours) ours = co_await keep(*loan.connection, lease);
    if (ours) ours = co_await keep(*loan.permit, lease);
    if (!ours || draining_) {
        co_await return_untouched(mailbox, begun, std::move(loan), std::move(message));
        co_return;
    }
    base::Result<Presentation> presented = co_await present(store_, message, mailbox.options.senders,
                                                            options_.qualify_domain, options_.presentation);
    if (draining_) {
        co_await return_untouched(mailbox, begun, std::move(loan), std::move(message));
        co_return;
    }
    // Nobody knows whether Exchange Online takes the null sender from a client: a report goes out as the
    // mailbox.
    if (presented && message.origin == queue::Origin::report && presented->envelope_sender.empty() &&
        mailbox.options.dialect == provider::Dialect::exchange_online)
        presented->envelope_sender = mailbox.options.names.mailbox;
    const std::string sender = presented ? sender_of(*presented) : std::string();
    if (const mail::Answer* refusal = mailbox.senders.stopped(sender, clock_.steady())) {
        const provider::Verdict verdict = provider::classify(mailbox.options.dialect, *refusal);
        Outcome held = conclude_sender_stopped(message, *refusal, verdict, clock_.wall());
        co_await return_untried(mailbox, begun, std::move(loan), std::move(message), std::move(held));
        co_return;
    }
    const bool as_mailbox = sender == base::to_lower(mailbox.options.names.mailbox);
    const base::Duration crowded =
        as_mailbox ? base::Duration::zero() : mailbox.senders.crowded(sender, clock_.steady());
    if (presented && crowded > base::Duration::zero()) {
        Outcome later = conclude_untouched(message, clock_.wall() + crowded);
        log_.sender_waits(mailbox.options, message, sender, crowded);
        co_await return_untried(mailbox, begun, std::move(loan), std::move(message), std::move(later));
        co_return;
    }
    const SharedFlight flight = begin_flight(mailbox, std::move(message), Flight::Stage::submitting);
    flight->as_mailbox = as_mailbox;
    AttemptReport report;
    if (presented) {
        ++counters_.attempts;
        for (const queue::ClaimedRecipient& recipient : flight->message.recipients)
            if (recipient.maybe_delivered) ++counters_.repeated_uncertain;
        Submission submitted = submission(flight, std::move(*presented));
        report = co_await courier_.deliver(std::move(submitted));
    } else {
        report = unreadable(flight->message, presented.error());
    }
    flight->stage = Flight::Stage::settling;
    Outcome outcome = judge(*flight, report);
    hear_of_sender(mailbox, sender, report, outcome);
    if (outcome.cut_while_naming) mailbox.splits.cut(flight->message.id, outcome.recipients.size());
    const LeaseUse use = outcome.permit;
    co_await give_back(std::move(loan.permit), use);
    co_await give_back(std::move(loan.connection), LeaseUse::used);
    mailbox.schedule.budget_changed();
    if (!flight->abandoned) {
        const Pause::Change change = mailbox.schedule.heard(begun, outcome.news, now(), chance());
        announce(mailbox, change);
        co_await settle(*flight, std::move(outcome), std::move(report.receipt));
    }
    flights_.remove(flight);
    mailbox.schedule.ended();
    attempt_ended(mailbox);
}

// Whether the server takes mail from this sender, as far as this attempt tells.
void Dispatcher::Impl::hear_of_sender(Mailbox& mailbox, const std::string& sender,
                                      const AttemptReport& report, const Outcome& outcome) {
    SenderBreaker::Heard heard = SenderBreaker::Heard::nothing;
    for (std::size_t i = 0; i < report.recipients.size(); ++i) {
        const RecipientReport& recipient = report.recipients[i];
        const provider::Verdict& verdict = outcome.recipients[i].verdict;
        if (recipient.fate == Fate::delivered) heard = SenderBreaker::Heard::accepted;
        if (recipient.fate != Fate::refused || verdict.radius != provider::Radius::sender) continue;
        if (verdict.action == provider::Action::pause) return;  // the mailbox itself: all of its mail waits
        if (mailbox.senders.refused(sender, recipient.answer, clock_.steady()))
            log_.sender_stopped(mailbox.options, sender, recipient.answer, verdict);
        return;
    }
    mailbox.senders.heard(sender, heard, clock_.steady());
}

io::Task<> Dispatcher::Impl::return_untouched(Mailbox& mailbox, Schedule::Attempt begun, Loan loan,
                                              queue::ClaimedMessage message) {
    Outcome untouched = conclude_untouched(message, clock_.wall());
    co_await return_untried(mailbox, begun, std::move(loan), std::move(message), std::move(untouched));
}

// The server has not heard of the message.
io::Task<> Dispatcher::Impl::return_untried(Mailbox& mailbox, Schedule::Attempt begun, Loan loan,
                                            queue::ClaimedMessage message, Outcome outcome) {
    co_await give_back(std::move(loan.permit), LeaseUse::unused);
    co_await give_back(std::move(loan.connection), LeaseUse::unused);
    mailbox.schedule.withdrawn(begun);
    const SharedFlight flight = begin_flight(mailbox, std::move(message), Flight::Stage::settling);
    co_await settle(*flight, std::move(outcome), std::string());
    flights_.remove(flight);
    mailbox.schedule.ended();
    attempt_ended(mailbox);
}

SharedFlight Dispatcher::Impl::begin_flight(Mailbox& mailbox, queue::ClaimedMessage message,
                                            Flight::Stage stage) {
    flights_.push_front(std::make_shared<Flight>(mailbox, std::move(message), stage));
    return flights_.front();
}

Submission Dispatcher::Impl::submission(const SharedFlight& flight, Presentation presented) {
    const queue::ClaimedMessage& message = flight->message;
    Submission submission;
    submission.queue_id = message.id.text();
    submission.mailbox = flight->mailbox.options.name;
    submission.envelope = message.envelope;
    submission.envelope.sender = std::move(presented.envelope_sender);
    submission.envelope.recipients.clear();
    for (const queue::ClaimedRecipient& recipient : message.recipients)
        submission.envelope.recipients.push_back(recipient.recipient);
    submission.size_bytes = presented.size_bytes;
    submission.deadline = clock_.steady() + flight->mailbox.options.attempt_timeout;
    submission.content = std::move(presented.content);
    submission.before_end = [this, flight](std::vector<std::size_t> accepted) {
        return mark_ending(flight, std::move(accepted));
    };
    return submission;
}

// From here on the server may get the message, for those recipients whom it has accepted. Whoever has given
// the attempt up meanwhile has stored that it was not tried, and that must stay true.
io::Task<base::Result<>> Dispatcher::Impl::mark_ending(SharedFlight flight,
                                                       std::vector<std::size_t> accepted) {
    std::vector<std::int64_t> rows;
    for (const std::size_t index : accepted)
        rows.push_back(flight->message.recipients[index].row);
    const base::Result<> marked =
        co_await store_.mark_ending(flight->message.id, flight->mailbox.options.name, std::move(rows));
    if (!marked) {
        ++counters_.store_failures;
        co_return marked;
    }
    if (flight->abandoned || flight->stage == Flight::Stage::settling)
        co_return base::fail(base::ErrorKind::unavailable, "the attempt has ended meanwhile");
    flight->stage = Flight::Stage::ending;
    flight->accepted = std::move(accepted);
    co_return base::Result<>{};
}

Outcome Dispatcher::Impl::judge(const Flight& flight, const AttemptReport& report) {
    std::vector<provider::Verdict> verdicts;
    verdicts.reserve(report.recipients.size());
    for (const RecipientReport& recipient : report.recipients) {
        provider::Verdict verdict = provider::classify(flight.mailbox.options.dialect, recipient.answer);
        if (flight.as_mailbox && verdict.radius == provider::Radius::sender)
            verdict = provider::of_own_address(std::move(verdict));
        verdicts.push_back(std::move(verdict));
    }
    return conclude(options_, flight.mailbox.options, flight.message, report, verdicts,
                    facts(flight.message));
}

AttemptFacts Dispatcher::Impl::facts(const queue::ClaimedMessage& message) {
    const Moment moment = now();
    jumps_.observe(moment);
    const base::Duration age = jumps_.since(message.accepted, moment) - message.stopped_for;
    return AttemptFacts{.now = moment,
                        .age = std::max(age, base::Duration::zero()),
                        .uptime = between(started_, moment.steady),
                        .chance = chance(),
                        .stopping = draining_};
}

// What happened to a message is known here and nowhere else: it is stored however long the store takes. Until
// then the attempt keeps its place among those of the mailbox, so that little waits this way.
io::Task<> Dispatcher::Impl::settle(Flight& flight, Outcome outcome, std::string receipt) {
    const std::string id = flight.message.id.text();
    base::Duration pause = options_.store_pause_min;
    bool logged = false;
    for (;;) {
        queue::Settlement attempted = settlement(flight, outcome, receipt);
        const base::Result<> stored = co_await store_.settle(std::move(attempted));
        if (stored) break;
        ++counters_.store_failures;
        if (!logged) log_.outcome_unsaved(flight.mailbox.options, id, stored.error());
        logged = true;
        if (is_final(stored.error().kind)) co_return;
        const bool goes_on = co_await nap(pause);
        if (!goes_on) co_return;
        pause = std::min(pause * 2, options_.store_pause_max);
    }
    const Moment moment = now();
    count(flight.message, outcome);
    log_.settled(flight.mailbox.options, flight.message, outcome, receipt, moment.wall);
    for (const RecipientOutcome& recipient : outcome.recipients) {
        const queue::RecipientSettlement& row = recipient.settlement;
        if (row.state == RecipientState::queued || row.state == RecipientState::uncertain)
            flight.mailbox.schedule.put_off(row.due, moment);
    }
}

queue::Settlement Dispatcher::Impl::settlement(const Flight& flight, const Outcome& outcome,
                                               const std::string& receipt) const {
    queue::Settlement settlement;
    settlement.id = flight.message.id;
    settlement.mailbox = flight.mailbox.options.name;
    settlement.now = clock_.wall();
    for (std::size_t i = 0; i < outcome.recipients.size(); ++i) {
        const RecipientOutcome& recipient = outcome.recipients[i];
        queue::RecipientSettlement& row = settlement.recipients.emplace_back(recipient.settlement);
        row.report = row.state == RecipientState::held &&
                     is_reported(options_.bounce, flight.message.origin, flight.message.recipients[i].route,
                                 row.hold_reason, recipient.verdict);
    }
    settlement.receipt = receipt;
    settlement.budget = budget_.record(flight.mailbox.options.name);
    return settlement;
}

void Dispatcher::Impl::count(const queue::ClaimedMessage& message, const Outcome& outcome) {
    base::check(outcome.recipients.size() == message.recipients.size(), "every recipient ends in one state");
    for (const RecipientOutcome& recipient : outcome.recipients) {
        switch (recipient.settlement.state) {
            case RecipientState::delivered:
                ++counters_.delivered;
                break;
            case RecipientState::queued:
                if (!recipient.untouched) ++counters_.deferred;
                break;
            case RecipientState::held:
                ++counters_.held;
                break;
            case RecipientState::uncertain:
                ++counters_.uncertain;
                break;
            case RecipientState::claimed:
            case RecipientState::failed:
            case RecipientState::deleted:
                base::check(false, "an attempt leaves nothing claimed, failed or deleted");
        }
    }
}

void Dispatcher::Impl::attempt_ended(Mailbox& mailbox) {
    ++attempts_ended_;
    task_ended();
    pump(mailbox);
}

}  // namespace mailramp::delivery
