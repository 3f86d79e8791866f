#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/smtp/client_dialog.h"

namespace mailramp::smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Step = ClientProtocol::Step;
using mail::Channel;
using mail::Phase;

// ------------------------------------------------------------------ refusals within a transaction

TEST(ClientProtocol, GivesEveryRecipientItsOwnReply) {
    ClientDialog d;
    d.to_ready();
    d.submit({"a@example.net", "b@example.net", "c@example.net", "d@example.net"});
    d.exchange("250 ok\r\n550 5.1.1 a\r\n250 b\r\n452 4.5.3 Too many recipients\r\n251 d\r\n354 go\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_body);
    d.send_content();
    d.reply("250 2.0.0 OK receipt\r\n");
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_THAT(fates(outcomes), ElementsAre(RecipientFate::refused, RecipientFate::delivered,
                                             RecipientFate::refused, RecipientFate::delivered));
    EXPECT_EQ(outcomes[0].answer.text, "a");
    EXPECT_EQ(outcomes[2].answer.code, 452);
    EXPECT_EQ(outcomes[3].answer.text, "OK receipt");
}

TEST(ClientProtocol, SettlesAllWhenMailIsRefused) {
    for (const char* ehlo : {ehlo_tls, ehlo_step_by_step}) {
        ClientDialog d;
        d.to_ready(ehlo);
        d.submit({"a@example.net", "b@example.net"});
        const bool pipelined =
            d.exchange("530 5.7.57 Client not authenticated to send mail\r\n").find("DATA") !=
            std::string::npos;
        if (pipelined)
            d.reply("503 5.5.2 Need mail command\r\n503 5.5.2 Need mail command\r\n503 5.5.2 no\r\n");
        ASSERT_EQ(d.protocol.next(), Step::submitted);
        EXPECT_EQ(d.sent(), "");
        for (const RecipientOutcome& outcome : d.protocol.take_outcomes()) {
            EXPECT_EQ(outcome.fate, RecipientFate::refused);
            EXPECT_EQ(outcome.answer.phase, Phase::mail);
            EXPECT_EQ(outcome.answer.code, 530);
        }
        d.submit({"a@example.net"});
        EXPECT_TRUE(d.sent().starts_with("RSET\r\n"));
    }
}

TEST(ClientProtocol, EndsALone354WithALoneDot) {
    ClientDialog d;
    d.to_ready();
    d.submit({"a@example.net", "b@example.net"});
    d.exchange("250 ok\r\n550 5.1.1 a\r\n550 5.1.1 b\r\n354 go\r\n");
    ASSERT_EQ(d.protocol.next(), Step::need_bytes);
    EXPECT_EQ(d.exchange("554 5.5.1 No valid recipients\r\n"), ".\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_THAT(fates(outcomes), ElementsAre(RecipientFate::refused, RecipientFate::refused));
    EXPECT_EQ(outcomes[1].answer.text, "b");
    d.submit({"a@example.net"});
    EXPECT_THAT(d.sent(), Not(HasSubstr("RSET")));  // the dot has ended that transaction
}

TEST(ClientProtocol, SendsNoLoneDotAfterARefusedSender) {
    ClientDialog d;
    d.to_ready();
    d.submit({"a@example.net"});
    d.exchange("550 5.1.8 no\r\n250 ok\r\n354 go\r\n");
    EXPECT_EQ(d.protocol.next(), Step::failed);
    EXPECT_EQ(d.sent(), "");
    EXPECT_EQ(d.protocol.take_outcomes().at(0).answer.code, 550);
}

TEST(ClientProtocol, SkipsDataStepByStepWhenNobodyIsLeft) {
    ClientDialog d;
    d.to_ready(ehlo_step_by_step);
    d.submit({"a@example.net"});
    d.exchange("250 ok\r\n");
    d.exchange("550 5.1.1 a\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    EXPECT_EQ(d.protocol.take_outcomes().size(), 1u);
    d.submit({"b@example.net"});
    EXPECT_EQ(d.exchange("250 reset\r\n"), "RSET\r\n");
    EXPECT_EQ(d.sent(), "MAIL FROM:<relay@example.com>\r\n");
}

TEST(ClientProtocol, GivesTheReplyToDataToThoseThatWereAccepted) {
    ClientDialog d;
    d.to_ready();
    d.submit({"a@example.net", "b@example.net"});
    d.exchange("250 ok\r\n550 5.1.1 a\r\n250 b\r\n451 4.3.0 later\r\n");
    ASSERT_EQ(d.protocol.next(), Step::submitted);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(outcomes[0].answer.phase, Phase::rcpt);
    EXPECT_EQ(outcomes[1].answer, (mail::Answer{Channel::smtp, Phase::data, 451, "4.3.0", "later"}));
    d.submit({"a@example.net"});
    EXPECT_TRUE(d.sent().starts_with("RSET\r\nMAIL"));
}

TEST(ClientProtocol, LeavesAServerThatCannotReset) {
    ClientDialog d;
    d.to_ready();
    d.submit({"a@example.net"});
    d.exchange("250 ok\r\n250 ok\r\n451 4.3.0 later\r\n");
    EXPECT_EQ(d.protocol.take_outcomes().size(), 1u);
    d.submit({"b@example.net"});
    d.exchange("500 5.5.2 what\r\n");
    ASSERT_EQ(d.protocol.next(), Step::failed);
    const auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(outcomes.at(0).fate, RecipientFate::not_tried);
    EXPECT_EQ(outcomes.at(0).answer.code, 0);  // it says nothing about this message
}

TEST(ClientProtocol, KeepsAPipelinedGroupWithinItsWindow) {
    ClientOptions options;
    options.pipelined_bytes_max = 120;
    ClientDialog d(options);
    d.to_ready();
    std::vector<std::string> recipients;
    for (int i = 0; i < 10; ++i)
        recipients.push_back("recipient" + std::to_string(i) + "@example.net");
    d.submit(recipients);
    std::string all;
    int accepted = 0;
    while (d.protocol.next() == Step::need_bytes) {
        const std::string group = d.sent();
        ASSERT_FALSE(group.empty());
        EXPECT_LE(group.size(), 120u);
        all += group;
        for (std::size_t at = group.find("\r\n"); at != std::string::npos; at = group.find("\r\n", at + 2)) {
            const bool data = group.substr(0, at).ends_with("DATA");
            d.reply(data ? "354 go\r\n" : "250 ok\r\n");
            ++accepted;
            if (!d.protocol.capabilities().pipelining) break;
        }
    }
    EXPECT_EQ(accepted, 12);
    EXPECT_EQ(d.protocol.next(), Step::need_body);
    EXPECT_TRUE(all.ends_with("DATA\r\n"));
}

TEST(ClientProtocol, StopsSendingTheRestOfARefusedGroup) {
    ClientOptions options;
    options.pipelined_bytes_max = 80;
    ClientDialog d(options);
    d.to_ready();
    d.submit({"a@example.net", "b@example.net", "c@example.net", "d@example.net"});
    const std::string first = d.exchange("550 5.1.8 Access denied, bad outbound sender\r\n");
    EXPECT_THAT(first, Not(HasSubstr("c@example.net")));
    while (d.protocol.next() == Step::need_bytes) {
        EXPECT_EQ(d.sent(), "");
        d.reply("503 5.5.2 Need mail command\r\n");
    }
    EXPECT_EQ(d.protocol.next(), Step::submitted);
}

// ------------------------------------------------------------------ what is refused without asking

RecipientOutcome submit_locally(std::string_view ehlo, mail::Envelope what, std::uint64_t size_bytes = 100) {
    ClientDialog d;
    d.to_ready(ehlo);
    d.protocol.submit({std::move(what), size_bytes});
    EXPECT_EQ(d.protocol.next(), Step::submitted);
    EXPECT_EQ(d.sent(), "");
    auto outcomes = d.protocol.take_outcomes();
    EXPECT_EQ(d.protocol.next(), Step::ready);  // the connection is as good as before
    return outcomes.at(0);
}

TEST(ClientProtocol, RefusesLocallyWhatTheServerCannotTake) {
    const auto expect = [](const RecipientOutcome& outcome, int code, const char* enhanced) {
        EXPECT_EQ(outcome.fate, RecipientFate::refused);
        EXPECT_EQ(outcome.answer.channel, Channel::local);
        EXPECT_EQ(outcome.answer.code, code);
        EXPECT_EQ(outcome.answer.enhanced, enhanced);
    };
    expect(submit_locally("250-mx\r\n250-SIZE 1000\r\n250 AUTH XOAUTH2\r\n", envelope({"a@b"}), 1001), 552,
           "5.3.4");
    mail::Envelope eight = envelope({"a@b"});
    eight.body = mail::BodyType::eight_bit_mime;
    expect(submit_locally(ehlo_step_by_step, eight), 554, "5.6.3");
    expect(submit_locally(ehlo_step_by_step, envelope({"m\xc3\xbcller@b"})), 553, "5.6.7");
    mail::Envelope utf8 = envelope({"a@b"});
    utf8.smtputf8 = true;
    expect(submit_locally(ehlo_step_by_step, utf8), 553, "5.6.7");
    mail::Envelope sender = envelope({"a@b"});
    sender.sender = "x@b>\r\nRCPT TO:<victim@c";
    expect(submit_locally(ehlo_tls, sender), 501, "5.1.7");
    for (const char* address :
         {"", "a\r\n@b", "a@b> NOTIFY=NEVER", "a b@c", "<a@b", "\"a@b", "a\x01@b", "a\xff@b", "a\\\"@b"})
        expect(submit_locally(ehlo_tls, envelope({address})), 501, "5.1.3");
}

TEST(ClientProtocol, SendsTheOthersWhenOneAddressIsUnsafe) {
    ClientDialog d;
    d.to_ready();
    d.submit({"a@b\r\nDATA", "\"quoted name\"@example.net"});
    EXPECT_EQ(d.exchange("250 ok\r\n250 ok\r\n354 go\r\n"),
              "MAIL FROM:<relay@example.com> SIZE=100\r\nRCPT TO:<\"quoted name\"@example.net>\r\nDATA\r\n");
    d.send_content();
    d.reply("250 ok\r\n");
    EXPECT_THAT(fates(d.protocol.take_outcomes()),
                ElementsAre(RecipientFate::refused, RecipientFate::delivered));
}

TEST(ClientProtocol, TakesASizeOfZeroOrNoneForNoLimit) {
    for (const char* ehlo :
         {"250-mx\r\n250-SIZE 0\r\n250 AUTH XOAUTH2\r\n", "250-mx\r\n250-SIZE\r\n250 AUTH XOAUTH2\r\n",
          "250-mx\r\n250-SIZE 99999999999999999999\r\n250 AUTH XOAUTH2\r\n", ehlo_step_by_step}) {
        ClientDialog d;
        d.to_ready(ehlo);
        d.protocol.submit({envelope({"a@b"}), 1ull << 40});
        EXPECT_TRUE(d.sent().starts_with("MAIL FROM:<relay@example.com>"));
    }
}

TEST(ClientProtocol, SendsOnlyParametersThatAreOffered) {
    mail::Envelope all = envelope({"m\xc3\xbcller@b"});
    all.sender = "";
    all.body = mail::BodyType::eight_bit_mime;
    all.ret = mail::DsnReturn::headers;
    all.envid = "id-1";
    all.recipients[0].notify = "SUCCESS,FAILURE";
    all.recipients[0].orcpt = "rfc822;m+C3+BCller@b";
    ClientDialog d;
    d.to_ready();
    d.protocol.submit({all, 5});
    EXPECT_EQ(d.sent(),
              "MAIL FROM:<> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id-1\r\n"
              "RCPT TO:<m\xc3\xbcller@b> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;m+C3+BCller@b\r\nDATA\r\n");

    mail::Envelope unsafe = envelope({"a@b"});
    unsafe.envid = "x\r\nRSET";
    unsafe.recipients[0].notify = "NEVER SIZE=1";
    ClientDialog e;
    e.to_ready();
    e.protocol.submit({unsafe, 5});
    EXPECT_EQ(e.sent(), "MAIL FROM:<relay@example.com> SIZE=5\r\nRCPT TO:<a@b>\r\nDATA\r\n");

    ClientDialog bare;
    bare.to_ready(ehlo_step_by_step);
    mail::Envelope dsn = envelope({"a@b"});
    dsn.ret = mail::DsnReturn::full;
    bare.protocol.submit({dsn, 5});
    EXPECT_EQ(bare.sent(), "MAIL FROM:<relay@example.com>\r\n");
}

}  // namespace
}  // namespace mailramp::smtp
