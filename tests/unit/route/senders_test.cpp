#include "mailramp/route/senders.h"

#include <string>

#include <gtest/gtest.h>

namespace mailramp::route {
namespace {

using Sender = mail::OriginatorChange::Sender;

SenderPolicy policy() {
    SenderPolicy policy;
    policy.mailbox = "relay@contoso.com";
    policy.allowed = {"billing@contoso.com", "*@shop.contoso.com"};
    policy.own_names = {"db1.contoso.com"};
    return policy;
}

SenderPlan plan(const SenderPolicy& policy, std::string_view sender, const std::string& fields) {
    return plan_senders(policy, sender, mail::originators_of(fields + "\r\n"));
}

TEST(Senders, OfTheMailboxAndAllowedOnesStay) {
    for (const std::string address :
         {"relay@contoso.com", "Relay@Contoso.COM", "billing@contoso.com", "a@shop.contoso.com"}) {
        const auto planned = plan(policy(), address, "From: Somebody <" + address + ">\r\n");
        EXPECT_EQ(planned.envelope_sender, address);
        EXPECT_TRUE(planned.change.nothing()) << address;
        EXPECT_EQ(planned.from, address == "Relay@Contoso.COM" ? "Relay@Contoso.COM" : address);
    }
}

TEST(Senders, OfOthersBecomeTheMailbox) {
    const auto planned = plan(policy(), "root@db1", "From: root (Cron Daemon)\r\n");
    EXPECT_EQ(planned.envelope_sender, "relay@contoso.com");
    EXPECT_EQ(planned.change.from, "relay@contoso.com");
    EXPECT_EQ(planned.change.reply_to, "");
    EXPECT_EQ(planned.from, "relay@contoso.com");
}

TEST(Senders, OfEnvelopeAndHeaderAreJudgedApart) {
    const auto header = plan(policy(), "relay@contoso.com", "From: other@contoso.com\r\n");
    EXPECT_EQ(header.envelope_sender, "relay@contoso.com");
    EXPECT_EQ(header.change.from, "relay@contoso.com");
    const auto envelope = plan(policy(), "other@contoso.com", "From: billing@contoso.com\r\n");
    EXPECT_EQ(envelope.envelope_sender, "relay@contoso.com");
    EXPECT_TRUE(envelope.change.nothing());
}

TEST(Senders, TheNullSenderBecomesTheMailbox) {
    EXPECT_EQ(plan(policy(), "", "From: relay@contoso.com\r\n").envelope_sender, "relay@contoso.com");
}

TEST(Senders, AMissingOrBrokenFromBecomesTheMailbox) {
    for (const std::string fields : {"", "From:\r\n", "From: <>\r\n", "From: undisclosed:;\r\n",
                                     "From: root\r\n", "From: \"unclosed <a@contoso.com>\r\n"})
        EXPECT_EQ(plan(policy(), "relay@contoso.com", fields).change.from, "relay@contoso.com") << fields;
}

TEST(Senders, SeveralFromAddressesBecomeOne) {
    EXPECT_EQ(plan(policy(), "", "From: billing@contoso.com, relay@contoso.com\r\n").change.from,
              "billing@contoso.com");
    EXPECT_EQ(plan(policy(), "", "From: x@fabrikam.com, relay@contoso.com\r\n").change.from,
              "relay@contoso.com");
    EXPECT_EQ(plan(policy(), "", "From: billing@contoso.com\r\nFrom: billing@contoso.com\r\n").change.from,
              "billing@contoso.com");
}

TEST(Senders, ReplyToIsSetOnlyWhereAReplyCouldArrive) {
    EXPECT_EQ(plan(policy(), "", "From: Erna <erna@fabrikam.com>\r\n").change.reply_to, "erna@fabrikam.com");
    EXPECT_EQ(plan(policy(), "", "From: root@db1.contoso.com\r\n").change.reply_to, "");
    EXPECT_EQ(plan(policy(), "", "From: root@db1\r\n").change.reply_to, "");
    EXPECT_EQ(plan(policy(), "", "From: e@fabrikam.com\r\nReply-To: x@fabrikam.com\r\n").change.reply_to, "");
    EXPECT_EQ(plan(policy(), "", "From: relay@contoso.com, e@fabrikam.com\r\n").change.reply_to, "");
}

TEST(Senders, ASenderFieldThatIsNotAllowedGoes) {
    EXPECT_EQ(plan(policy(), "", "From: x@fabrikam.com\r\nSender: root@db1\r\n").change.sender_field,
              Sender::remove);
    EXPECT_EQ(plan(policy(), "", "From: relay@contoso.com\r\nSender: root@db1\r\n").change.sender_field,
              Sender::remove);
    const auto replaced = plan(policy(), "", "From: billing@contoso.com\r\nSender: root\r\n");
    EXPECT_EQ(replaced.change.sender_field, Sender::replace);
    EXPECT_EQ(replaced.change.sender, "relay@contoso.com");
    EXPECT_EQ(
        plan(policy(), "", "From: billing@contoso.com\r\nSender: relay@contoso.com\r\n").change.sender_field,
        Sender::keep);
}

TEST(Senders, ASenderFieldThatNamesNobodyOrSeveralGoes) {
    for (const std::string fields : {"Sender:\r\n", "Sender: \r\n", "Sender: <>\r\n",
                                     "Sender: relay@contoso.com\r\nSender: relay@contoso.com\r\n",
                                     "Sender: relay@contoso.com evil@fabrikam.com\r\n"}) {
        EXPECT_EQ(plan(policy(), "", "From: relay@contoso.com\r\n" + fields).change.sender_field,
                  Sender::remove)
            << fields;
        EXPECT_EQ(plan(policy(), "", "From: billing@contoso.com\r\n" + fields).change.sender_field,
                  Sender::replace)
            << fields;
    }
}

TEST(Senders, AFromWithAnythingBesideItsMailboxIsWrittenAnew) {
    for (const std::string value :
         {"a@b.com <relay@contoso.com> <evil@y.com>", "\"x\" <relay@contoso.com> evil@y.com",
          "evil@y.com <relay@contoso.com>", "<relay@contoso.com> words", "relay@contoso.com (a) b@c.com"})
        EXPECT_NE(plan(policy(), "", "From: " + value + "\r\n").change.from, "") << value;
    EXPECT_TRUE(
        plan(policy(), "relay@contoso.com", "From: X <relay@contoso.com> (a comment)\r\n").change.nothing());
}

TEST(Senders, KeepChangesNothing) {
    SenderPolicy keep = policy();
    keep.mode = SenderMode::keep;
    const auto planned = plan(keep, "root@db1", "From: root\r\nSender: x\r\n");
    EXPECT_EQ(planned.envelope_sender, "root@db1");
    EXPECT_TRUE(planned.change.nothing());
    EXPECT_EQ(plan(keep, "", "From: a@fabrikam.com\r\n").from, "a@fabrikam.com");
    EXPECT_EQ(plan(keep, "", "").envelope_sender, "");
}

TEST(Senders, MapFollowsItsTableAndFallsBackToTheMailbox) {
    SenderPolicy map = policy();
    map.mode = SenderMode::map;
    map.map = {
        {"erp-*@*", "billing@contoso.com"}, {"<>", "bounces@contoso.com"}, {"root", "ops@contoso.com"}};
    EXPECT_EQ(plan(map, "erp-1@db1", "From: ERP <erp-1@db1>\r\n").envelope_sender, "billing@contoso.com");
    EXPECT_EQ(plan(map, "erp-1@db1", "From: ERP <erp-1@db1>\r\n").change.from, "billing@contoso.com");
    EXPECT_EQ(plan(map, "", "From: root\r\n").envelope_sender, "bounces@contoso.com");
    EXPECT_EQ(plan(map, "", "From: root\r\n").change.from, "ops@contoso.com");
    EXPECT_EQ(plan(map, "x@y.example", "From: x@y.example\r\n").change.from, "relay@contoso.com");
    EXPECT_EQ(plan(map, "a@shop.contoso.com", "From: a@shop.contoso.com\r\n").envelope_sender,
              "a@shop.contoso.com");
}

TEST(Senders, AStarAllowsEveryAddressButNoBareWord) {
    SenderPolicy all = policy();
    all.allowed = {"*"};
    EXPECT_TRUE(plan(all, "a@fabrikam.com", "From: a@fabrikam.com\r\n").change.nothing());
    EXPECT_EQ(plan(all, "", "From: root\r\n").change.from, "relay@contoso.com");
    EXPECT_EQ(plan(all, "", "From: root\r\n").envelope_sender, "relay@contoso.com");
}

TEST(Routable, AreOnlyNamesThatOthersCanKnow) {
    const std::vector<std::string> own{"db1.contoso.com"};
    EXPECT_TRUE(is_routable("a@contoso.com", own));
    EXPECT_TRUE(is_routable("a@sub.contoso.co.uk", own));
    for (const auto* not_routable :
         {"root@db1", "root@DB1.contoso.com", "a@x.local", "a@x.LOCALDOMAIN", "a@x.internal", "a@[192.0.2.1]",
          "a@x.home.arpa", "a@x.test", "root", "a@x.lan"})
        EXPECT_FALSE(is_routable(not_routable, own)) << not_routable;
}

}  // namespace
}  // namespace mailramp::route
