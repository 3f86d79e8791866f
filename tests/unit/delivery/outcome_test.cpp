#include "delivery/outcome.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mailramp/queue/queue_store.h"
#include "unit/delivery/world.h"

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using provider::Action;
using provider::Radius;
using provider::Verdict;
using queue::HoldReason;
using queue::RecipientState;
using testing::answer;
using testing::report;

const Moment now{base::SteadyTime(100h), base::WallTime(std::chrono::days(20'000))};

Verdict verdict(Action action, Radius radius) {
    Verdict result;
    result.action = action;
    result.radius = radius;
    result.cause = "a cause";
    result.remedy = "help <mailbox>";
    return result;
}

struct Tried {
    RecipientReport report;
    Verdict verdict;
};

const Tried delivered{report(Fate::delivered, testing::accepted()), {}};
const Tried lost{report(Fate::uncertain, answer(mail::Phase::body_end, 0, "", "connection lost")), {}};
const Tried too_many{report(Fate::refused, answer(mail::Phase::rcpt, 452, "4.5.3", "Too many recipients")),
                     verdict(Action::requeue, Radius::recipient)};
Tried refused(mail::Phase phase, int code, Action action, Radius radius) {
    return {report(Fate::refused, answer(phase, code, "", "words")), verdict(action, radius)};
}

class OutcomeOf : public ::testing::Test {
  protected:
    Outcome operator()(const std::vector<Tried>& tried) {
        queue::ClaimedMessage message;
        AttemptReport reports;
        std::vector<Verdict> verdicts;
        for (const Tried& one : tried) {
            queue::ClaimedRecipient& recipient = message.recipients.emplace_back();
            recipient.row = static_cast<std::int64_t>(message.recipients.size());
            recipient.attempts = attempts;
            recipient.uncertain_endings = uncertain_endings;
            reports.recipients.push_back(one.report);
            verdicts.push_back(one.verdict);
        }
        const Outcome outcome = conclude(options, testing::mailbox("m"), message, reports, verdicts, facts);
        EXPECT_EQ(outcome.recipients.size(), tried.size());
        for (std::size_t i = 0; i < outcome.recipients.size(); ++i)
            EXPECT_EQ(outcome.recipients[i].settlement.row, static_cast<std::int64_t>(i + 1));
        return outcome;
    }
    queue::RecipientSettlement one(const Tried& tried) { return (*this)({tried}).recipients[0].settlement; }
    MailboxNews news(const Tried& tried) { return (*this)({tried}).news; }

    DeliveryOptions options;
    AttemptFacts facts{.now = now, .age = 1h, .uptime = 24h, .chance = 0.5};
    int attempts = 0;
    int uncertain_endings = 0;
};

TEST_F(OutcomeOf, AMessageThatWasTakenIsDelivered) {
    const queue::RecipientSettlement row = one(delivered);
    EXPECT_EQ(row.state, RecipientState::delivered);
    EXPECT_EQ(row.answer, testing::accepted());
    EXPECT_EQ(news(delivered).kind, MailboxNews::Kind::works);
}

TEST_F(OutcomeOf, ATransientRefusalIsTriedAgainLater) {
    attempts = 2;
    const queue::RecipientSettlement row =
        one(refused(mail::Phase::rcpt, 450, Action::retry, Radius::recipient));
    EXPECT_EQ(row.state, RecipientState::queued);
    EXPECT_TRUE(row.counts_as_attempt);
    EXPECT_EQ(row.due, now.wall + 4min);
}

TEST_F(OutcomeOf, APermanentRefusalIsHeldWithItsAnswer) {
    for (const Action action : {Action::hold, Action::reject}) {
        const Tried tried = refused(mail::Phase::body_end, 554, action, Radius::message);
        EXPECT_EQ(one(tried).state, RecipientState::held);
        EXPECT_EQ(one(tried).hold_reason, HoldReason::refused);
        EXPECT_EQ(one(tried).answer.code, 554);
        EXPECT_EQ(news(tried).kind, MailboxNews::Kind::works);
    }
}

TEST_F(OutcomeOf, ALostReplyIsUncertainAndTriedAgainInSomeMinutes) {
    const Outcome outcome = (*this)({lost, lost});
    for (const RecipientOutcome& row : outcome.recipients) {
        EXPECT_EQ(row.settlement.state, RecipientState::uncertain);
        EXPECT_TRUE(row.settlement.counts_as_attempt);
        EXPECT_GE(row.settlement.due, now.wall + 5min);
    }
    EXPECT_EQ(outcome.permit, LeaseUse::used);
    EXPECT_EQ(outcome.news.kind, MailboxNews::Kind::nothing);
}

TEST_F(OutcomeOf, ALostReplyIsHeldForAHumanAfterSomeOfThem) {
    for (uncertain_endings = 0; uncertain_endings < 6; ++uncertain_endings) {
        const RecipientOutcome row = (*this)({lost}).recipients[0];
        const bool often = uncertain_endings >= 2;
        EXPECT_EQ(row.settlement.state, often ? RecipientState::held : RecipientState::uncertain);
        EXPECT_TRUE(row.settlement.ended_uncertain);
        EXPECT_TRUE(row.settlement.counts_as_attempt);
        EXPECT_EQ(row.settlement.answer, lost.report.answer);
        EXPECT_EQ(row.settlement.hold_reason, often ? HoldReason::uncertain : HoldReason::none);
    }
}

TEST_F(OutcomeOf, AClearAnswerAfterUncertainOnesIsTakenAtItsWord) {
    uncertain_endings = 6;
    EXPECT_EQ(one(delivered).state, RecipientState::delivered);
    const queue::RecipientSettlement row =
        one(refused(mail::Phase::rcpt, 450, Action::retry, Radius::recipient));
    EXPECT_EQ(row.state, RecipientState::queued);
    EXPECT_FALSE(row.ended_uncertain);
}

// Invariant 4, for every kind of trouble that is not about the message, however old the message is.
TEST_F(OutcomeOf, WhatReachesFurtherThanTheMessageNeverFailsCountsOrAgesIt) {
    facts.age = std::chrono::days(1000);
    attempts = 499;
    struct Case {
        mail::Phase phase;
        Action action;
        Radius radius;
        MailboxNews::Kind kind;
    };
    using Kind = MailboxNews::Kind;
    for (const Case& c : {
             Case{mail::Phase::auth, Action::pause, Radius::mailbox, Kind::pause},
             Case{mail::Phase::auth, Action::pause, Radius::tenant, Kind::pause},
             Case{mail::Phase::token, Action::pause, Radius::tenant, Kind::pause},
             Case{mail::Phase::body_end, Action::pause, Radius::mailbox, Kind::pause},
             Case{mail::Phase::token, Action::retry, Radius::mailbox, Kind::rest},
             Case{mail::Phase::token, Action::retry, Radius::tenant, Kind::rest},
             Case{mail::Phase::connect, Action::retry, Radius::connection, Kind::rest},
             Case{mail::Phase::auth, Action::retry, Radius::connection, Kind::rest},
             Case{mail::Phase::body_end, Action::slow_down, Radius::mailbox, Kind::rest},
             Case{mail::Phase::body_end, Action::lower_concurrency, Radius::mailbox, Kind::crowded},
             Case{mail::Phase::auth, Action::reject, Radius::mailbox, Kind::pause},
             Case{mail::Phase::body_end, Action::hold, Radius::tenant, Kind::pause},
             Case{mail::Phase::connect, Action::reject, Radius::connection, Kind::pause},
         }) {
        const Tried tried = refused(c.phase, 500, c.action, c.radius);
        const queue::RecipientSettlement row = one(tried);
        EXPECT_EQ(row.state, RecipientState::queued) << to_string(c.action) << " " << to_string(c.radius);
        EXPECT_FALSE(row.counts_as_attempt) << to_string(c.action) << " " << to_string(c.radius);
        EXPECT_LE(row.due, now.wall + 60s);
        EXPECT_EQ(news(tried).kind, c.kind) << to_string(c.action) << " " << to_string(c.radius);
        EXPECT_FALSE(news(tried).of_message);
    }
}

TEST_F(OutcomeOf, ALineThatBreaksInTheMessageCountsSinceTheMessageMayBeTheReason) {
    const Tried tried = refused(mail::Phase::body, 0, Action::retry, Radius::connection);
    EXPECT_TRUE(one(tried).counts_as_attempt);
    EXPECT_EQ(one(tried).due, now.wall + 1min);
    EXPECT_EQ(news(tried).kind, MailboxNews::Kind::rest);
    EXPECT_TRUE(news(tried).of_message);
}

TEST_F(OutcomeOf, AConnectionThatEndsWhileRecipientsAreNamedIsNoted) {
    using mail::Phase;
    struct Case {
        Phase phase;
        int code;
        Radius radius;
        bool noted;
    };
    for (const Case& c : {
             Case{Phase::rcpt, 0, Radius::connection, true},
             Case{Phase::mail, 0, Radius::connection, true},  // the reset may have overtaken replies
             Case{Phase::data, 0, Radius::connection, true},
             Case{Phase::rcpt, 421, Radius::connection, true},
             Case{Phase::mail, 421, Radius::connection, false},
             Case{Phase::rcpt, 452, Radius::connection, false},
             Case{Phase::rcpt, 450, Radius::recipient, false},
             Case{Phase::rcpt, 421, Radius::mailbox, false},
             Case{Phase::auth, 0, Radius::connection, false},
             Case{Phase::body, 0, Radius::connection, false},
         }) {
        const Tried tried = refused(c.phase, c.code, Action::retry, c.radius);
        EXPECT_EQ((*this)({tried, tried}).cut_while_naming, c.noted)
            << mail::to_string(c.phase) << " " << c.code;
    }
    facts.stopping = true;  // then it was us
    EXPECT_FALSE((*this)({{report(Fate::not_tried, answer(Phase::rcpt, 0, "", "closed")),
                           verdict(Action::retry, Radius::connection)}})
                     .cut_while_naming);
}

TEST_F(OutcomeOf, TooManyConnectionsWaitsTenToSixtySeconds) {
    const Tried tried = refused(mail::Phase::body_end, 432, Action::lower_concurrency, Radius::mailbox);
    facts.chance = 0;
    EXPECT_EQ(one(tried).due, now.wall + 10s);
    facts.chance = 0.9999;
    EXPECT_GT(one(tried).due, now.wall + 59s);
    EXPECT_LE(one(tried).due, now.wall + 60s);
}

// ------------------------------------------------------------------ several recipients

TEST_F(OutcomeOf, EveryRecipientHasItsOwnEnd) {
    const Outcome outcome =
        (*this)({delivered, refused(mail::Phase::rcpt, 550, Action::reject, Radius::recipient),
                 refused(mail::Phase::rcpt, 450, Action::retry, Radius::recipient), too_many});
    EXPECT_EQ(outcome.recipients[0].settlement.state, RecipientState::delivered);
    EXPECT_EQ(outcome.recipients[1].settlement.state, RecipientState::held);
    EXPECT_EQ(outcome.recipients[2].settlement.state, RecipientState::queued);
    EXPECT_EQ(outcome.recipients[2].settlement.due, now.wall + 1min);
    EXPECT_EQ(outcome.recipients[3].settlement.state, RecipientState::queued);
    EXPECT_EQ(outcome.recipients[3].settlement.due, now.wall);
    EXPECT_FALSE(outcome.recipients[3].settlement.counts_as_attempt);
    EXPECT_EQ(outcome.news.kind, MailboxNews::Kind::works);
}

TEST_F(OutcomeOf, AServerThatTakesNoRecipientAtAllIsNotAskedAgainAtOnce) {
    const Outcome outcome = (*this)({too_many, too_many});
    for (const RecipientOutcome& row : outcome.recipients) {
        EXPECT_TRUE(row.settlement.counts_as_attempt);
        EXPECT_EQ(row.settlement.due, now.wall + 1min);
    }
}

TEST_F(OutcomeOf, TheWordsAboutSomebodyElseNeverEndARecipientThatWasNotTried) {
    const Tried skipped{report(Fate::not_tried, answer(mail::Phase::rcpt, 550, "5.1.1", "no such user")),
                        verdict(Action::reject, Radius::recipient)};
    const Outcome outcome =
        (*this)({refused(mail::Phase::rcpt, 550, Action::reject, Radius::recipient), skipped});
    EXPECT_EQ(outcome.recipients[0].settlement.state, RecipientState::held);
    EXPECT_EQ(outcome.recipients[1].settlement.state, RecipientState::queued);
    EXPECT_FALSE(outcome.recipients[1].settlement.counts_as_attempt);
}

TEST_F(OutcomeOf, TheGravestWordIsTheMailboxs) {
    const Outcome outcome =
        (*this)({delivered, refused(mail::Phase::rcpt, 550, Action::pause, Radius::mailbox),
                 refused(mail::Phase::rcpt, 451, Action::slow_down, Radius::mailbox)});
    EXPECT_EQ(outcome.news.kind, MailboxNews::Kind::pause);
    EXPECT_EQ(outcome.news.answer.code, 550);
    EXPECT_EQ(outcome.news.cause, "a cause");
    EXPECT_EQ(outcome.news.remedy, "help m@example.com");
    EXPECT_EQ(outcome.recipients[0].settlement.state, RecipientState::delivered);
}

TEST_F(OutcomeOf, DamagedContentIsHeldAtOnceAndSaysNothingOfTheMailbox) {
    for (const mail::Phase phase : {mail::Phase::none, mail::Phase::body}) {
        Tried damaged{report(Fate::damaged, answer(phase, 0, "", "the stored content is damaged")),
                      verdict(Action::retry, Radius::connection)};
        damaged.report.answer.channel = mail::Channel::local;
        const Outcome outcome = (*this)({damaged});
        EXPECT_EQ(outcome.recipients[0].settlement.state, RecipientState::held);
        EXPECT_EQ(outcome.recipients[0].settlement.hold_reason, HoldReason::damaged);
        EXPECT_EQ(outcome.news.kind, MailboxNews::Kind::nothing);
        EXPECT_EQ(outcome.permit, phase == mail::Phase::none ? LeaseUse::unused : LeaseUse::used);
    }
}

// ------------------------------------------------------------------ age

TEST_F(OutcomeOf, AnOldMessageIsHeldWithItsLastAnswer) {
    facts.age = std::chrono::days(5);
    attempts = 10;
    const Outcome outcome =
        (*this)({refused(mail::Phase::rcpt, 450, Action::retry, Radius::recipient), lost});
    for (const RecipientOutcome& row : outcome.recipients)
        EXPECT_EQ(row.settlement.state, RecipientState::held);
    EXPECT_EQ(outcome.recipients[0].settlement.hold_reason, HoldReason::expired);
    EXPECT_EQ(outcome.recipients[1].settlement.hold_reason, HoldReason::uncertain);
    EXPECT_EQ(outcome.recipients[0].settlement.answer.code, 450);
}

TEST_F(OutcomeOf, AnOldMessageIsStillTriedSoonAfterAStart) {
    facts.age = std::chrono::days(5);
    facts.uptime = 1h;
    attempts = 10;
    EXPECT_EQ(one(refused(mail::Phase::rcpt, 450, Action::retry, Radius::recipient)).state,
              RecipientState::queued);
}

// ------------------------------------------------------------------ the budget

TEST_F(OutcomeOf, APermitIsUsedOnceTheServerHeardOfAMessage) {
    EXPECT_EQ((*this)({refused(mail::Phase::auth, 535, Action::pause, Radius::mailbox)}).permit,
              LeaseUse::unused);
    EXPECT_EQ((*this)({refused(mail::Phase::mail, 451, Action::retry, Radius::message)}).permit,
              LeaseUse::used);
    EXPECT_EQ((*this)({delivered}).permit, LeaseUse::used);
    EXPECT_EQ((*this)({lost}).permit, LeaseUse::used);
}

// ------------------------------------------------------------------ the daemon stops

TEST_F(OutcomeOf, AnInterruptedAttemptIsUncertainForThoseWhomTheServerAccepted) {
    queue::ClaimedMessage message;
    message.recipients.resize(3);
    for (std::size_t i = 0; i < 3; ++i)
        message.recipients[i].row = static_cast<std::int64_t>(i) + 10;
    const Outcome outcome = conclude_interrupted(options, message, {0, 2}, facts);
    ASSERT_EQ(outcome.recipients.size(), 3U);
    for (const std::size_t i : {0U, 2U}) {
        EXPECT_EQ(outcome.recipients[i].settlement.state, RecipientState::uncertain);
        EXPECT_EQ(outcome.recipients[i].settlement.answer.channel, mail::Channel::local);
    }
    EXPECT_EQ(outcome.recipients[1].settlement.state, RecipientState::queued);
    EXPECT_TRUE(outcome.recipients[1].untouched);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(outcome.recipients[i].settlement.row, static_cast<std::int64_t>(i) + 10);
    EXPECT_EQ(outcome.permit, LeaseUse::used);
}

TEST_F(OutcomeOf, AConnectionThatIsCutWhileTheDaemonStopsSaysNothing) {
    const Tried cut{report(Fate::not_tried, answer(mail::Phase::body, 0, "", "Operation canceled")),
                    verdict(Action::retry, Radius::connection)};
    EXPECT_FALSE((*this)({cut}).recipients[0].untouched);
    EXPECT_EQ((*this)({cut}).news.kind, MailboxNews::Kind::rest);
    facts.stopping = true;
    const Outcome outcome = (*this)({cut, delivered});
    EXPECT_TRUE(outcome.recipients[0].untouched);
    EXPECT_EQ(outcome.recipients[0].settlement.state, RecipientState::queued);
    EXPECT_FALSE(outcome.recipients[0].settlement.counts_as_attempt);
    EXPECT_EQ(outcome.recipients[1].settlement.state, RecipientState::delivered);
    EXPECT_EQ((*this)({cut}).news.kind, MailboxNews::Kind::nothing);
    const Outcome answered = (*this)({refused(mail::Phase::rcpt, 450, Action::retry, Radius::recipient)});
    EXPECT_TRUE(answered.recipients[0].settlement.counts_as_attempt) << "a word of the server counts";
}

TEST_F(OutcomeOf, AMessageThatNeverLeftGoesBackAsItWas) {
    queue::ClaimedMessage message;
    message.recipients.resize(2);
    const Outcome outcome = conclude_untouched(message, now.wall);
    ASSERT_EQ(outcome.recipients.size(), 2U);
    for (const RecipientOutcome& row : outcome.recipients) {
        EXPECT_EQ(row.settlement.state, RecipientState::queued);
        EXPECT_EQ(row.settlement.due, now.wall);
        EXPECT_FALSE(row.settlement.counts_as_attempt);
    }
}

}  // namespace
}  // namespace mailramp::delivery
