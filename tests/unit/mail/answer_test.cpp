#include "mailramp/mail/answer.h"

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

TEST(Answer, ReadsLikeASentenceForPeople) {
    EXPECT_EQ(to_string(Answer{Channel::smtp, Phase::auth, 535, "5.7.3", "Authentication unsuccessful"}),
              "535 5.7.3 Authentication unsuccessful (auth)");
    EXPECT_EQ(to_string(Answer{Channel::local, Phase::none, 0, "", "expired"}), "expired");
}

TEST(Answer, HasAWordForEveryChannelAndPhaseThatLeadsBackToIt) {
    for (const Channel channel : {Channel::none, Channel::smtp, Channel::http, Channel::local})
        EXPECT_EQ(channel_from(to_string(channel)), channel);
    for (int i = 0; i <= static_cast<int>(Phase::quit); ++i) {
        const auto phase = static_cast<Phase>(i);
        EXPECT_EQ(phase_from(to_string(phase)), phase);
        EXPECT_EQ(std::string(to_string(phase)) == "none", phase == Phase::none);
    }
    EXPECT_EQ(channel_from("pigeon"), Channel::none);
    EXPECT_EQ(phase_from("later"), Phase::none);
}

}  // namespace
}  // namespace mailramp::mail
