#include "delivery/outcome.h"

#include <algorithm>
#include <cmath>

#include "delivery/retry_policy.h"
#include "mailramp/base/result.h"

namespace mailramp::delivery {
namespace {

using Kind = MailboxNews::Kind;
using provider::Action;
using provider::Radius;
using queue::HoldReason;
using queue::RecipientSettlement;
using queue::RecipientState;

// Whether a verdict is about more than this message.
bool reaches_further(Radius radius) {
    return radius == Radius::connection || radius == Radius::mailbox || radius == Radius::tenant;
}

// A verdict that would end messages for something that is not about them (a row that an administrator added,
// say) stops the mailbox instead.
Action action_of(const provider::Verdict& verdict) {
    const bool ends = verdict.action == Action::hold || verdict.action == Action::reject;
    return ends && reaches_further(verdict.radius) ? Action::pause : verdict.action;
}

// What is to become of one recipient, before times are computed.
enum class Plan {
    deliver,
    hold,
    hold_damaged,
    again_counted,    // after the retry delay
    again_uncounted,  // once the mailbox may work again
    again_crowded,    // soon, with fewer connections
    again_at_once,    // in another transaction
    uncertain,
};

Plan plan_refused(const provider::Verdict& verdict, mail::Phase phase) {
    switch (action_of(verdict)) {
        case Action::accept:
            return Plan::again_counted;  // no refusal after all, and yet nothing was sent
        case Action::requeue:
            return Plan::again_at_once;
        case Action::lower_concurrency:
            return Plan::again_crowded;
        case Action::slow_down:
            return Plan::again_uncounted;
        case Action::pause:
            // Perhaps the message is to blame: the next one that tries had better be another.
            return verdict.radius == Radius::sender ? Plan::again_counted : Plan::again_uncounted;
        case Action::hold:
        case Action::reject:
            return Plan::hold;
        case Action::retry:
            break;
    }
    switch (verdict.radius) {
        case Radius::recipient:
        case Radius::message:
        case Radius::sender:
            return Plan::again_counted;
        // A connection that breaks once the message flows may break because of this message.
        case Radius::connection:
            return phase < mail::Phase::mail ? Plan::again_uncounted : Plan::again_counted;
        case Radius::mailbox:
        case Radius::tenant:
            return Plan::again_uncounted;
    }
    return Plan::again_counted;
}

Plan plan_for(const RecipientReport& report, const provider::Verdict& verdict) {
    switch (report.fate) {
        case Fate::delivered:
            return Plan::deliver;
        case Fate::uncertain:
            return Plan::uncertain;
        case Fate::refused:
            return plan_refused(verdict, report.answer.phase);
        case Fate::damaged:
            return Plan::hold_damaged;
        case Fate::not_tried:
            break;
    }
    // The words were about somebody else: they may stop the mailbox, but never this recipient.
    const Plan plan = plan_refused(verdict, report.answer.phase);
    return plan == Plan::hold ? Plan::again_at_once : plan;
}

// What ended without a word of the server while the daemon stops says nothing about anybody.
bool was_cut(const RecipientReport& report, const AttemptFacts& facts) {
    const bool silent = report.answer.code == 0 || report.answer.channel == mail::Channel::local;
    return facts.stopping && report.fate == Fate::not_tried && silent;
}

// The reply tells the step exactly; without one a reset may have taken earlier replies with it.
bool was_cut_while_naming(const RecipientReport& report, const provider::Verdict& verdict) {
    const mail::Answer& answer = report.answer;
    if (report.fate != Fate::not_tried && report.fate != Fate::refused) return false;
    if (answer.channel != mail::Channel::smtp || verdict.action != Action::retry ||
        verdict.radius != Radius::connection)
        return false;
    if (answer.code == 0) return answer.phase >= mail::Phase::mail && answer.phase <= mail::Phase::data;
    return answer.code == 421 && answer.phase == mail::Phase::rcpt;
}

// "At once" is a promise only when the next transaction will be smaller; otherwise a server that refuses
// everybody this way would be asked without end.
void stop_endless_requeue(std::vector<Plan>& plans) {
    const bool all = std::ranges::all_of(plans, [](Plan plan) { return plan == Plan::again_at_once; });
    if (all) std::ranges::fill(plans, Plan::again_counted);
}

base::Duration crowded_delay(const PauseOptions& options, double chance) {
    const auto span = options.crowded_delay_max - options.crowded_delay_min;
    return options.crowded_delay_min +
           base::Duration(std::llround(static_cast<double>(span.count()) * chance));
}

// Each further attempt might be another copy for the recipient: somebody should ask first.
bool too_often_uncertain(const RetryOptions& options, const queue::ClaimedRecipient& recipient) {
    const auto before = static_cast<std::size_t>(std::max(recipient.uncertain_endings, 0));
    return before + 1 >= options.uncertain_attempts_max;
}

void hold(RecipientSettlement& row, HoldReason reason) {
    row.state = RecipientState::held;
    row.hold_reason = reason;
}

RecipientOutcome settle_one(const DeliveryOptions& options, const queue::ClaimedRecipient& recipient,
                            const RecipientReport& report, const provider::Verdict& verdict, Plan plan,
                            const AttemptFacts& facts) {
    RecipientOutcome outcome;
    outcome.verdict = verdict;
    RecipientSettlement& row = outcome.settlement;
    row.row = recipient.row;
    row.answer = report.answer;
    row.due = facts.now.wall;
    const Age age{.age = facts.age, .attempts = recipient.attempts + 1, .uptime = facts.uptime};
    const auto ages = [&](RecipientState state, base::Duration delay) {
        row.due = facts.now.wall + delay;
        row.state = state;
        // One that is perhaps delivered needs another question than one that is only old.
        if (has_expired(options.retry, age))
            hold(row, row.ended_uncertain ? HoldReason::uncertain : HoldReason::expired);
    };
    switch (plan) {
        case Plan::deliver:
            row.state = RecipientState::delivered;
            break;
        case Plan::hold:
            hold(row, HoldReason::refused);
            break;
        case Plan::hold_damaged:
            hold(row, HoldReason::damaged);
            break;
        case Plan::again_counted:
            ages(RecipientState::queued,
                 retry_delay(options.retry, age.attempts, std::max(verdict.wait_min, report.retry_after),
                             facts.chance));
            break;
        case Plan::uncertain:
            row.ended_uncertain = true;
            if (too_often_uncertain(options.retry, recipient)) {
                hold(row, HoldReason::uncertain);
                break;
            }
            ages(RecipientState::uncertain,
                 std::max(options.retry.uncertain_delay,
                          retry_delay(options.retry, age.attempts, report.retry_after, facts.chance)));
            break;
        case Plan::again_crowded:
            row.due += crowded_delay(options.pause, facts.chance);
            row.counts_as_attempt = false;
            break;
        case Plan::again_uncounted:
        case Plan::again_at_once:
            row.counts_as_attempt = false;
            outcome.untouched = true;
            break;
    }
    return outcome;
}

Kind kind_of(const RecipientReport& report, const provider::Verdict& verdict) {
    if (report.fate == Fate::delivered) return Kind::works;
    if (report.fate == Fate::uncertain || report.fate == Fate::damaged) return Kind::nothing;
    switch (action_of(verdict)) {
        case Action::pause:
            return Kind::pause;
        case Action::slow_down:
            return Kind::rest;
        case Action::lower_concurrency:
            return Kind::crowded;
        case Action::retry:
            if (reaches_further(verdict.radius)) return Kind::rest;
            break;
        case Action::accept:
        case Action::requeue:
        case Action::hold:
        case Action::reject:
            break;
    }
    return report.answer.channel == mail::Channel::smtp && report.answer.code != 0 ? Kind::works
                                                                                   : Kind::nothing;
}

// The gravest word counts; among equal ones the first.
int gravity(Kind kind) {
    switch (kind) {
        case Kind::nothing:
            return 0;
        case Kind::works:
            return 1;
        case Kind::crowded:
            return 2;
        case Kind::rest:
            return 3;
        case Kind::pause:
            return 4;
    }
    return 0;
}

mail::Phase reached_by(const RecipientReport& report) {
    switch (report.fate) {
        case Fate::delivered:
            return mail::Phase::quit;
        case Fate::uncertain:
            return mail::Phase::body;
        case Fate::refused:
        case Fate::not_tried:
        case Fate::damaged:
            return report.answer.phase;
    }
    return mail::Phase::none;
}

MailboxNews news_of(const MailboxOptions& mailbox, const AttemptReport& report,
                    const std::vector<provider::Verdict>& verdicts, const std::vector<Plan>& plans,
                    const AttemptFacts& facts) {
    MailboxNews news;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        const RecipientReport& recipient = report.recipients[i];
        const provider::Verdict& verdict = verdicts[i];
        news.reached = std::max(news.reached, reached_by(recipient));
        const Kind kind = was_cut(recipient, facts) ? Kind::nothing : kind_of(recipient, verdict);
        if (gravity(kind) <= gravity(news.kind)) continue;
        news.kind = kind;
        if (kind == Kind::works) continue;
        news.answer = recipient.answer;
        news.cause = verdict.cause;
        news.remedy = provider::fill(verdict.remedy, mailbox.names);
        news.asked = std::max(verdict.wait_min, recipient.retry_after);
        news.of_message = plans[i] == Plan::again_counted;
    }
    return news;
}

}  // namespace

Outcome conclude(const DeliveryOptions& options, const MailboxOptions& mailbox,
                 const queue::ClaimedMessage& claimed, const AttemptReport& report,
                 const std::vector<provider::Verdict>& verdicts, const AttemptFacts& facts) {
    const std::size_t count = claimed.recipients.size();
    base::check(report.recipients.size() == count, "a courier reports on every recipient");
    base::check(verdicts.size() == count, "every report has a verdict");

    std::vector<Plan> plans;
    plans.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        plans.push_back(was_cut(report.recipients[i], facts) ? Plan::again_uncounted
                                                             : plan_for(report.recipients[i], verdicts[i]));
    stop_endless_requeue(plans);

    Outcome outcome;
    outcome.recipients.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        outcome.recipients.push_back(
            settle_one(options, claimed.recipients[i], report.recipients[i], verdicts[i], plans[i], facts));
    for (std::size_t i = 0; i < count; ++i)
        outcome.cut_while_naming |=
            was_cut_while_naming(report.recipients[i], verdicts[i]) && !was_cut(report.recipients[i], facts);
    outcome.news = news_of(mailbox, report, verdicts, plans, facts);
    outcome.permit = outcome.news.reached < mail::Phase::mail ? LeaseUse::unused : LeaseUse::used;
    return outcome;
}

Outcome conclude_interrupted(const DeliveryOptions& options, const queue::ClaimedMessage& claimed,
                             const std::vector<std::size_t>& accepted, const AttemptFacts& facts) {
    RecipientReport report;
    report.fate = Fate::uncertain;
    report.answer.channel = mail::Channel::local;
    report.answer.text = "mailramp stopped before the server had answered";
    Outcome outcome = conclude_untouched(claimed, facts.now.wall);
    outcome.permit = LeaseUse::used;
    for (const std::size_t index : accepted)
        outcome.recipients[index] =
            settle_one(options, claimed.recipients[index], report, {}, Plan::uncertain, facts);
    return outcome;
}

Outcome conclude_sender_stopped(const queue::ClaimedMessage& claimed, const mail::Answer& refusal,
                                const provider::Verdict& verdict, base::WallTime now) {
    Outcome outcome = conclude_untouched(claimed, now);
    for (RecipientOutcome& recipient : outcome.recipients) {
        hold(recipient.settlement, HoldReason::sender_stopped);
        recipient.settlement.answer = refusal;
        recipient.verdict = verdict;
        recipient.untouched = false;
    }
    return outcome;
}

Outcome conclude_untouched(const queue::ClaimedMessage& claimed, base::WallTime now) {
    Outcome outcome;
    outcome.permit = LeaseUse::unused;
    for (const queue::ClaimedRecipient& recipient : claimed.recipients) {
        RecipientOutcome& row = outcome.recipients.emplace_back();
        row.settlement.row = recipient.row;
        row.settlement.due = now;
        row.settlement.counts_as_attempt = false;
        row.untouched = true;
    }
    return outcome;
}

}  // namespace mailramp::delivery
