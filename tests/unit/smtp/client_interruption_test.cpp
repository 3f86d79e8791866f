#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/base/text.h"
#include "unit/smtp/client_dialog.h"

namespace mailramp::smtp {
namespace {

using ::testing::ElementsAre;
using Step = ClientProtocol::Step;
using mail::Channel;
using mail::Phase;

// Takes a session with two recipients to where `phase` is being waited for.
void advance(ClientDialog& d, Phase phase, std::string_view ehlo) {
    const bool pipelined = ehlo == ehlo_tls;
    d.to_ready(ehlo);
    d.submit({"a@example.net", "b@example.net"});
    if (phase == Phase::mail) return;
    d.exchange("250 ok\r\n");
    if (phase == Phase::rcpt) return;
    d.exchange("250 ok\r\n");
    d.exchange("250 ok\r\n");
    if (phase == Phase::data) return;
    d.exchange("354 go\r\n");
    d.protocol.send_body("Subject: x\r\n\r\nHello\r\n");
    d.sent();
    if (phase == Phase::body) return;
    d.protocol.end_body();
    EXPECT_TRUE(pipelined || phase == Phase::body_end);
}

TEST(ClientProtocol, AccountsForEveryRecipientAfterEveryInterruption) {
    for (const char* ehlo : {ehlo_tls, ehlo_step_by_step}) {
        for (const Phase phase : {Phase::mail, Phase::rcpt, Phase::data, Phase::body, Phase::body_end}) {
            for (const Interruption& how : interruptions) {
                SCOPED_TRACE(std::string(mail::to_string(phase)) + ", " + how.name + ", " + ehlo);
                ClientDialog d({}, ClientDialog::Pieces::single_octets);
                advance(d, phase, ehlo);
                ASSERT_EQ(d.protocol.phase(), phase);
                interrupt(d, how);
                const int code =
                    how.text == nullptr
                        ? 0
                        : static_cast<int>(
                              base::parse_number(std::string_view(how.text).substr(0, 3)).value_or(0));
                const bool refusal = code / 100 == 4 || code / 100 == 5;
                if (!refusal || code == 421 || phase == Phase::body) {
                    ASSERT_EQ(d.protocol.next(), Step::failed);
                } else {
                    // The session goes on; the other replies of the group and the other recipients follow.
                    for (int i = 0; i < 8 && d.protocol.next() == Step::need_bytes; ++i)
                        d.exchange("550 5.5.0 next\r\n");
                    ASSERT_EQ(d.protocol.next(), Step::submitted);
                }
                const auto outcomes = d.protocol.take_outcomes();
                ASSERT_EQ(outcomes.size(), 2u);
                for (const RecipientOutcome& outcome : outcomes) {
                    EXPECT_EQ(outcome.answer.channel, Channel::smtp);
                    EXPECT_FALSE(outcome.answer.text.empty());
                    EXPECT_NE(outcome.fate, RecipientFate::delivered);
                    // Uncertain if and only if the end went out and nothing readable came back.
                    EXPECT_EQ(outcome.fate == RecipientFate::uncertain, phase == Phase::body_end && !refusal);
                }
                EXPECT_EQ(outcomes[0].answer.code, refusal ? code : 0);
                const RecipientFate fate = refusal                    ? RecipientFate::refused
                                           : phase == Phase::body_end ? RecipientFate::uncertain
                                                                      : RecipientFate::not_tried;
                EXPECT_EQ(outcomes[0].fate, fate);
                EXPECT_EQ(outcomes[0].answer.phase, phase);
            }
        }
    }
}

// The connection is of no more use, and both recipients have ended in the same way.
void expect_the_end(ClientDialog& d, RecipientFate fate) {
    EXPECT_EQ(d.protocol.next(), Step::failed);
    EXPECT_THAT(fates(d.protocol.take_outcomes()), ElementsAre(fate, fate));
}

TEST(ClientProtocol, IsCertainUntilTheEndOfDataHasBeenTaken) {
    ClientDialog d;
    advance(d, Phase::body, ehlo_tls);
    d.protocol.end_body();  // still in the output
    d.protocol.connection_lost({base::ErrorKind::closed, "reset"});
    expect_the_end(d, RecipientFate::not_tried);
}

TEST(ClientProtocol, SeesARefusalWhileContentFlows) {
    ClientDialog d;
    advance(d, Phase::body, ehlo_tls);
    d.reply("452 4.3.1 Insufficient system resources\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    d.protocol.send_body("more");
    d.protocol.end_body();
    EXPECT_EQ(d.sent(), "");  // and never an end of data behind it
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(outcomes[0].fate, RecipientFate::refused);
    EXPECT_EQ(outcomes[0].answer.phase, Phase::body);
}

TEST(ClientProtocol, DoesNotBelieveAnAcceptanceBeforeTheEnd) {
    ClientDialog d;
    advance(d, Phase::body, ehlo_tls);
    d.reply("250 2.0.0 OK\r\n");
    expect_the_end(d, RecipientFate::not_tried);
}

TEST(ClientProtocol, KeepsADeliveryWhenTheServerSaysGoodbyeBehindIt) {
    ClientDialog d;
    advance(d, Phase::body_end, ehlo_tls);
    d.exchange("250 2.0.0 OK\r\n421 4.4.2 bye\r\n");
    expect_the_end(d, RecipientFate::delivered);
}

TEST(ClientProtocol, IsUncertainAfterA354InPlaceOfTheFinalReply) {
    ClientDialog d;
    advance(d, Phase::body_end, ehlo_tls);
    d.exchange("354 go on\r\n");
    expect_the_end(d, RecipientFate::uncertain);
}

TEST(ClientProtocol, RefusesA250InPlaceOfThe354) {
    ClientDialog d;
    advance(d, Phase::data, ehlo_tls);
    d.exchange("250 ok\r\n");
    expect_the_end(d, RecipientFate::not_tried);
}

}  // namespace
}  // namespace mailramp::smtp
