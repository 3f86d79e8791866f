#include "delivery/bounce_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

using Kind = BounceTarget::Kind;
using queue::HoldReason;
using queue::Origin;
using ::testing::HasSubstr;

provider::Verdict verdict(provider::Action action) {
    provider::Verdict verdict;
    verdict.action = action;
    return verdict;
}

BounceOptions to_sender() {
    BounceOptions options;
    options.to.kind = Kind::sender;
    return options;
}

queue::Unreported message_from(std::string sender) {
    queue::Unreported message;
    message.envelope.sender = std::move(sender);
    message.route = "default";
    return message;
}

std::string objection(const BounceOptions& options, const queue::Unreported& message,
                      std::string_view header = "Subject: x\r\n") {
    return addressee_of(options, message, header, {"web1.contoso.test"}).objection;
}

TEST(BouncePolicy, TellsThePostmasterIfThereIsOneAndElseNobody) {
    BounceOptions options;
    EXPECT_EQ(target_of(options, "default").kind, Kind::none);
    options.postmaster = "it@contoso.com";
    EXPECT_EQ(target_of(options, "default").address, "it@contoso.com");
    options.routes["devices"] = {.kind = Kind::none};
    options.routes["shop"] = {.kind = Kind::address, .address = "shop@contoso.com"};
    EXPECT_EQ(target_of(options, "devices").kind, Kind::none);
    EXPECT_EQ(target_of(options, "shop").address, "shop@contoso.com");
}

TEST(BouncePolicy, ReportsWhatIsFinalAndNothingThatAHumanMayStillMend) {
    const BounceOptions options = to_sender();
    const auto reported = [&](HoldReason reason, provider::Action action) {
        return is_reported(options, Origin::client, "default", reason, verdict(action));
    };
    EXPECT_TRUE(reported(HoldReason::refused, provider::Action::reject));
    EXPECT_TRUE(reported(HoldReason::expired, provider::Action::retry));
    EXPECT_FALSE(reported(HoldReason::refused, provider::Action::hold));
    for (const HoldReason reason :
         {HoldReason::uncertain, HoldReason::crashed, HoldReason::damaged, HoldReason::sender_stopped})
        EXPECT_FALSE(reported(reason, provider::Action::reject)) << queue::to_string(reason);
    EXPECT_FALSE(is_reported(BounceOptions{}, Origin::client, "default", HoldReason::expired, {}));
}

TEST(BouncePolicy, NeverReportsAReport) {
    const provider::Verdict final = verdict(provider::Action::reject);
    EXPECT_FALSE(is_reported(to_sender(), Origin::report, "default", HoldReason::refused, final));
    queue::Unreported message = message_from("a@example.com");
    message.origin = Origin::report;
    EXPECT_THAT(objection(to_sender(), message), HasSubstr("a report itself"));
    // Whoever makes the decision: an operator may ask, too.
    BounceOptions postmaster;
    postmaster.postmaster = "it@contoso.com";
    EXPECT_THAT(objection(postmaster, message), HasSubstr("a report itself"));
}

TEST(BouncePolicy, TellsASenderOnlyWhereMailCanArriveAndAHumanReadsIt) {
    const BounceOptions options = to_sender();
    EXPECT_EQ(addressee_of(options, message_from("a@example.com"), "", {}).address, "a@example.com");
    EXPECT_THAT(objection(options, message_from("")), HasSubstr("no sender"));
    EXPECT_THAT(objection(options, message_from("root@web1.contoso.test")), HasSubstr("cannot arrive"));
    EXPECT_THAT(objection(options, message_from("root@localhost")), HasSubstr("cannot arrive"));
    EXPECT_THAT(objection(options, message_from("a@example.com"), "Auto-Submitted: auto-generated\r\n"),
                HasSubstr("a program"));
    EXPECT_THAT(objection(options, message_from("a@example.com"), "List-Id: <x.y>\r\n"), HasSubstr("list"));
}

TEST(BouncePolicy, TellsThePostmasterOfMailOfProgramsToo) {
    BounceOptions options;
    options.postmaster = "it@contoso.com";
    EXPECT_EQ(addressee_of(options, message_from(""), "Auto-Submitted: auto-generated\r\n", {}).address,
              "it@contoso.com");
}

TEST(ReportLimits, HoldForAnAddressAndForAll) {
    BounceOptions options;
    options.per_address_max = 2;
    options.in_all_max = 3;
    ReportLimits limits(options);
    const base::SteadyTime start{};
    EXPECT_TRUE(limits.admit("a@example.com", start));
    EXPECT_TRUE(limits.admit("A@Example.com", start));
    EXPECT_FALSE(limits.admit("a@example.com", start));
    EXPECT_TRUE(limits.admit("b@example.com", start));
    EXPECT_FALSE(limits.admit("c@example.com", start));
    const auto almost = start + options.window - std::chrono::seconds(1);
    EXPECT_FALSE(limits.admit("c@example.com", almost));
    EXPECT_TRUE(limits.admit("a@example.com", start + options.window));
}

TEST(ReportLimits, CountAddressesBeyondThoseRememberedAsOne) {
    BounceOptions options;
    options.per_address_max = 1;
    options.addresses_max = 1;
    ReportLimits limits(options);
    EXPECT_TRUE(limits.admit("a@example.com", {}));
    EXPECT_TRUE(limits.admit("b@example.com", {}));
    EXPECT_FALSE(limits.admit("c@example.com", {}));
}

}  // namespace
}  // namespace mailramp::delivery
