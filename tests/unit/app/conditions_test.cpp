#include "app/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::app {
namespace {

using namespace std::chrono_literals;
using alert::Event;
using alert::Severity;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr base::WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

Situation good() {
    Situation situation;
    situation.now = now;
    situation.counts = queue::QueueCounts{};
    delivery::MailboxStatus mailbox;
    mailbox.name = "erp";
    situation.mailboxes.push_back(mailbox);
    admin::TokenState token;
    token.credential = "contoso";
    token.status.usable = true;
    situation.tokens.push_back(token);
    return situation;
}

alert::Condition only(const Situation& situation, const alert::Thresholds& thresholds = {}) {
    const auto wrong = conditions_of(situation, thresholds);
    EXPECT_THAT(wrong, SizeIs(1));
    return wrong.empty() ? alert::Condition{} : wrong.front();
}

oauth::TokenFailure failure(oauth::TokenFailureClass kind) {
    oauth::TokenFailure failure;
    failure.kind = kind;
    failure.message = "invalid_client";
    failure.cause = "The secret has expired.";
    failure.remedy = "make a new one";
    return failure;
}

TEST(Conditions, AreNoneWhenAllIsWell) {
    EXPECT_THAT(conditions_of(good(), {}), IsEmpty());
    EXPECT_THAT(conditions_of(Situation{}, {}), IsEmpty());
}

TEST(Conditions, TellOfAPausedMailboxWithCauseAnswerAndRemedy) {
    Situation situation = good();
    delivery::MailboxStatus& mailbox = situation.mailboxes[0];
    mailbox.paused = true;
    mailbox.cause = "no permission";
    mailbox.remedy = "Add-MailboxPermission";
    mailbox.pause_answer.channel = mail::Channel::smtp;
    mailbox.pause_answer.code = 430;
    mailbox.pause_answer.text = "STOREDRV";
    const alert::Condition condition = only(situation);
    EXPECT_EQ(condition.event, Event::mailbox_paused);
    EXPECT_EQ(condition.subject, "erp");
    EXPECT_EQ(condition.mailbox, "erp");
    EXPECT_EQ(condition.severity, Severity::error);
    EXPECT_THAT(condition.detail, testing::AllOf(HasSubstr("no permission"), HasSubstr("STOREDRV")));
    EXPECT_EQ(condition.remedy, "Add-MailboxPermission");
}

TEST(Conditions, TellOfStoppedSendersAgainWhenTheyHaveDoubled) {
    Situation situation = good();
    delivery::StoppedSenders& stopped = situation.mailboxes[0].stopped;
    stopped = {.number = 1, .some = {"root@db1"}, .cause = "SendAs is missing", .remedy = "grant it"};
    EXPECT_THAT(only(situation).summary, HasSubstr("may not send as root@db1"));
    const int level = only(situation).level;
    stopped.number = 2;
    stopped.some.emplace_back("cron@db1");
    EXPECT_EQ(only(situation).level, level + 1);
    EXPECT_THAT(only(situation).detail, HasSubstr("root@db1 cron@db1"));
    stopped.number = 3;
    EXPECT_EQ(only(situation).level, level + 1);
    stopped.number = 4;
    EXPECT_EQ(only(situation).level, level + 2);
}

TEST(Conditions, TellOfATokenAtOnceWhenAHumanMustAct) {
    Situation situation = good();
    oauth::TokenStatus& status = situation.tokens[0].status;
    status.last_failure = failure(oauth::TokenFailureClass::configuration);
    status.expires_in = 40min;
    const alert::Condition warning = only(situation);
    EXPECT_EQ(warning.event, Event::token_failing);
    EXPECT_EQ(warning.credential, "contoso");
    EXPECT_EQ(warning.severity, Severity::warning);
    EXPECT_EQ(warning.delay, 0s);
    EXPECT_THAT(warning.summary, HasSubstr("good for another 40 min"));
    status.usable = false;
    const alert::Condition error = only(situation);
    EXPECT_EQ(error.severity, Severity::error);
    EXPECT_GT(error.level, warning.level);
}

TEST(Conditions, GiveATokenTimeWhenItMayPassByItself) {
    Situation situation = good();
    situation.tokens[0].status.last_failure = failure(oauth::TokenFailureClass::transient);
    EXPECT_EQ(only(situation, {.token_delay = 7min}).delay, 7min);
    situation.tokens[0].status.last_failure = failure(oauth::TokenFailureClass::cancelled);
    EXPECT_THAT(conditions_of(situation, {}), IsEmpty());
}

TEST(Conditions, TellOfASecretThatEnds) {
    Situation situation = good();
    situation.tokens[0].secret_expires = now + std::chrono::days(31);
    EXPECT_THAT(conditions_of(situation, {}), IsEmpty());
    situation.tokens[0].secret_expires = now + std::chrono::days(6);
    const alert::Condition soon = only(situation);
    EXPECT_EQ(soon.event, Event::secret_expires);
    EXPECT_EQ(soon.severity, Severity::warning);
    EXPECT_EQ(soon.reminders, alert::Reminders::no);
    EXPECT_THAT(soon.summary, HasSubstr("credential contoso ends in 6 days, on 2026-11-29"));
    situation.tokens[0].secret_expires = now;
    EXPECT_EQ(only(situation).severity, Severity::error);
    EXPECT_EQ(only(situation).reminders, alert::Reminders::yes);
}

TEST(Conditions, TellOfACertificateThatEndsWithWhatToDo) {
    Situation situation = good();
    situation.certificates.push_back({.file = "/etc/mailramp/tls.pem", .ends = now + std::chrono::days(31)});
    EXPECT_THAT(conditions_of(situation, {}), IsEmpty());
    situation.certificates[0].ends = now + std::chrono::days(7);
    const alert::Condition soon = only(situation);
    EXPECT_EQ(soon.event, Event::certificate_expires);
    EXPECT_EQ(soon.subject, "/etc/mailramp/tls.pem");
    EXPECT_EQ(soon.severity, Severity::warning);
    EXPECT_EQ(soon.reminders, alert::Reminders::no);
    EXPECT_THAT(soon.summary, HasSubstr("clients are shown ends in 7 days, on 2026-11-30"));
    EXPECT_THAT(soon.remedy, HasSubstr("into the same file"));
    situation.certificates[0].ends = now;
    EXPECT_EQ(only(situation).severity, Severity::error);
    EXPECT_GT(only(situation).level, soon.level);
    situation.certificates[0].own = true;
    EXPECT_THAT(only(situation).remedy, HasSubstr("certificate_failed"));
}

TEST(Conditions, TellOfAnOldQueueAsConfigured) {
    Situation situation = good();
    situation.counts->messages = 3;
    situation.counts->held = 2;
    situation.counts->oldest_accepted = now - 5h;
    const alert::Condition condition = only(situation, {.queue_age_max = 5h});
    EXPECT_EQ(condition.event, Event::queue_old);
    EXPECT_THAT(condition.summary, HasSubstr("5 h"));
    EXPECT_THAT(condition.detail, HasSubstr("2 held for a human"));
    EXPECT_THAT(conditions_of(situation, {.queue_age_max = 5h + 1s}), IsEmpty());
    EXPECT_THAT(conditions_of(situation, {.queue_age_max = 0s}), IsEmpty());
}

TEST(Conditions, TellOfALowDiskAsConfigured) {
    Situation situation = good();
    situation.health.disk_free_bytes = 100 << 20;
    EXPECT_EQ(only(situation, {.disk_free_bytes_min = 101 << 20}).event, Event::disk_low);
    EXPECT_THAT(conditions_of(situation, {.disk_free_bytes_min = 100 << 20}), IsEmpty());
    EXPECT_THAT(conditions_of(situation, {.disk_free_bytes_min = 0}), IsEmpty());
}

TEST(Conditions, TellWhyTheQueueTakesNoMail) {
    Situation situation = good();
    situation.health.state = queue::StoreState::full;
    situation.health.reason = "size_max";
    EXPECT_EQ(only(situation).event, Event::queue_full);
    EXPECT_EQ(only(situation).detail, "size_max");
    situation.health.state = queue::StoreState::failed;
    EXPECT_EQ(only(situation).event, Event::queue_failed);
    situation.stalled = admin::StalledQueue{.reason = "no answer", .last_counts = {}};
    EXPECT_EQ(only(situation).detail, "no answer");
}

}  // namespace
}  // namespace mailramp::app
