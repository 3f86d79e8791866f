#include "sendmail/report.h"

#include <gmock/gmock.h>

namespace mailramp::sendmail {
namespace {

using mail::Answer;
using mail::Channel;
using mail::Phase;
using smtp::RecipientFate;
using smtp::RecipientOutcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Answer answer(int code, std::string enhanced, Phase phase, std::string text = "words") {
    return {Channel::smtp, phase, code, std::move(enhanced), std::move(text)};
}

const RecipientOutcome taken{RecipientFate::delivered, answer(250, "2.0.0", Phase::body_end, "queued as X")};
const RecipientOutcome unknown_user{RecipientFate::refused, answer(550, "5.1.1", Phase::rcpt)};
const RecipientOutcome busy{RecipientFate::refused, answer(451, "4.3.0", Phase::rcpt)};

Report report(const std::vector<RecipientOutcome>& outcomes, Talk talk = Talk::of_trouble) {
    std::vector<mail::Recipient> recipients;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
        recipients.push_back(
            {.address = std::string(1, static_cast<char>('a' + i)), .notify = {}, .orcpt = {}});
    return report_on(recipients, outcomes, talk);
}

TEST(StatusOf, FollowsTheEnhancedCode) {
    EXPECT_EQ(status_of(answer(550, "5.1.1", Phase::rcpt)), ExitStatus::no_user);
    EXPECT_EQ(status_of(answer(553, "5.1.3", Phase::rcpt)), ExitStatus::no_user);
    EXPECT_EQ(status_of(answer(550, "5.1.2", Phase::rcpt)), ExitStatus::no_host);
    EXPECT_EQ(status_of(answer(550, "5.1.8", Phase::mail)), ExitStatus::data);
    EXPECT_EQ(status_of(answer(552, "5.3.4", Phase::mail)), ExitStatus::data);
    EXPECT_EQ(status_of(answer(554, "5.6.0", Phase::body_end)), ExitStatus::data);
    EXPECT_EQ(status_of(answer(554, "5.7.1", Phase::banner)), ExitStatus::no_permission);
    EXPECT_EQ(status_of(answer(554, "5.4.6", Phase::body_end)), ExitStatus::unavailable);
}

TEST(StatusOf, FollowsTheCodeWhereThereIsNoMore) {
    EXPECT_EQ(status_of(answer(552, "", Phase::body_end)), ExitStatus::data);
    EXPECT_EQ(status_of(answer(550, "", Phase::rcpt)), ExitStatus::no_user);
    EXPECT_EQ(status_of(answer(550, "", Phase::mail)), ExitStatus::unavailable);
}

TEST(StatusOf, AsksToTryAgainWheneverNothingIsFinal) {
    EXPECT_EQ(status_of(answer(452, "4.3.1", Phase::data)), ExitStatus::try_again);
    EXPECT_EQ(status_of(answer(421, "4.3.2", Phase::banner)), ExitStatus::try_again);
    EXPECT_EQ(status_of(answer(0, "", Phase::body)), ExitStatus::try_again);
}

TEST(Report, IsSilentWhenAllWentWell) {
    const Report well = report({taken, taken});
    EXPECT_EQ(well.status, ExitStatus::done);
    EXPECT_THAT(well.lines, IsEmpty());
    EXPECT_THAT(report({taken, taken}, Talk::of_everything).lines,
                ElementsAre(HasSubstr("taken for a, b: 250 2.0.0 queued as X")));
}

TEST(Report, TellsEachRefusalAndWhoHasTheMessage) {
    const Report partial = report({unknown_user, taken, unknown_user});
    EXPECT_EQ(partial.status, ExitStatus::no_user);
    EXPECT_THAT(partial.lines,
                ElementsAre(HasSubstr("not sent to a, c: 550 5.1.1 words"), HasSubstr("taken for b: ")));
}

TEST(Report, LetsACallerTryAgainIfOneRecipientMayStillGetIt) {
    EXPECT_EQ(report({unknown_user, busy}).status, ExitStatus::try_again);
    EXPECT_EQ(report({busy, unknown_user}).status, ExitStatus::try_again);
    EXPECT_EQ(report({taken, busy}).status, ExitStatus::try_again);
}

TEST(Report, SaysThatAnUncertainMessageMayArriveTwice) {
    const Report lost =
        report({{RecipientFate::uncertain, answer(0, "", Phase::body_end, "the connection broke")}});
    EXPECT_EQ(lost.status, ExitStatus::try_again);
    EXPECT_THAT(lost.lines, ElementsAre(HasSubstr("twice")));
    // Even if the words that ended the session were final: the message itself was not refused.
    EXPECT_EQ(report({{RecipientFate::uncertain, answer(554, "5.3.0", Phase::body_end)}}).status,
              ExitStatus::try_again);
}

TEST(Report, ShowsNoControlOctetOfAnAddress) {
    const Report odd =
        report_on({{.address = "a\x1b@b", .notify = {}, .orcpt = {}}}, {unknown_user}, Talk::of_trouble);
    EXPECT_THAT(odd.lines, ElementsAre(HasSubstr("a?@b")));
}

}  // namespace
}  // namespace mailramp::sendmail
