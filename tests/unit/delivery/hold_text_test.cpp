#include "mailramp/delivery/hold_text.h"

#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::delivery {
namespace {

using provider::Action;
using provider::Verdict;
using queue::HoldReason;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr HoldReason reasons[] = {HoldReason::none,          HoldReason::refused, HoldReason::expired,
                                  HoldReason::uncertain,     HoldReason::crashed, HoldReason::damaged,
                                  HoldReason::sender_stopped};

// Every row, and what the general rules say to each class of reply in each phase.
std::vector<Verdict> verdicts() {
    std::vector<Verdict> all{Verdict{}};
    for (const provider::Row& row : provider::catalogue())
        all.push_back(row.verdict);
    for (const mail::Phase phase : {mail::Phase::none, mail::Phase::connect, mail::Phase::rcpt,
                                    mail::Phase::body, mail::Phase::body_end})
        for (const int code : {0, 299, 499, 599})
            for (const mail::Channel channel :
                 {mail::Channel::none, mail::Channel::smtp, mail::Channel::http, mail::Channel::local})
                all.push_back(provider::classify(provider::Dialect::exchange_online,
                                                 {channel, phase, code, "", "words"}));
    return all;
}

TEST(HoldText, NeverPromisesThatAHeldRecipientIsTriedAgain) {
    for (const Verdict& verdict : verdicts()) {
        for (const HoldReason reason : reasons) {
            const HoldText text = explain_hold(reason, verdict, {});
            EXPECT_THAT(text.remedy, Not(HasSubstr("tried again"))) << queue::to_string(reason);
            EXPECT_THAT(text.remedy, Not(HasSubstr("nothing to do"))) << queue::to_string(reason);
            EXPECT_NE(text.cause, "") << queue::to_string(reason);
            EXPECT_NE(text.remedy, "") << queue::to_string(reason);
        }
    }
}

TEST(HoldText, HasACauseOfItsOwnForEachReason) {
    Verdict verdict;
    verdict.action = Action::hold;
    verdict.cause = "the sender is not allowed";
    verdict.remedy = "allow it for <mailbox>";
    std::set<std::string> causes;
    for (const HoldReason reason : reasons)
        if (reason != HoldReason::none) causes.insert(explain_hold(reason, verdict, {}).cause);
    EXPECT_EQ(causes.size(), std::size(reasons) - 1);
}

TEST(HoldText, TellsOfARefusalWhatTheCatalogueDoes) {
    Verdict verdict;
    verdict.action = Action::reject;
    verdict.cause = "the sender is not allowed";
    verdict.remedy = "allow it for <mailbox>";
    const provider::Names names{.mailbox = "m@example.com", .app_id = "", .tenant = ""};
    for (const HoldReason reason : {HoldReason::refused, HoldReason::sender_stopped}) {
        const HoldText text = explain_hold(reason, verdict, names);
        EXPECT_THAT(text.cause, HasSubstr("the sender is not allowed"));
        EXPECT_EQ(text.remedy, "allow it for m@example.com");
    }
}

TEST(HoldText, AsksForTheRecipientWhenItIsPerhapsDelivered) {
    for (const HoldReason reason : {HoldReason::uncertain, HoldReason::crashed})
        EXPECT_THAT(explain_hold(reason, {}, {}).remedy, HasSubstr("ask the recipient")) << to_string(reason);
}

TEST(HoldText, NamesTheLastAnswerOfAnExpiredOne) {
    Verdict verdict;
    verdict.cause = "the server is busy";
    verdict.remedy = "nothing to do: it is tried again";
    EXPECT_THAT(explain_hold(HoldReason::expired, verdict, {}).cause, HasSubstr("the server is busy"));
}

}  // namespace
}  // namespace mailramp::delivery
