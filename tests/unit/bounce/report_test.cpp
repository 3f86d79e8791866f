#include "mailramp/bounce/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::bounce {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

mail::Answer refusal() {
    return {.channel = mail::Channel::smtp,
            .phase = mail::Phase::rcpt,
            .code = 550,
            .enhanced = "5.1.10",
            .text = "RESOLVER.ADR.RecipientNotFound; Recipient not found"};
}

Report report() {
    Report report;
    report.host_name = "relay.example";
    report.from = "alerts@contoso.test";
    report.to = "it@contoso.test";
    report.now = base::WallTime(std::chrono::seconds(1'700'000'000));
    for (std::size_t i = 0; i < report.entropy.size(); ++i)
        report.entropy[i] = static_cast<std::byte>(i * 17);
    report.queue_id = "1K10FN94W74";
    report.message_id = "<order-1@erp.test>";
    report.subject = "order";
    report.sender = "erp@contoso.test";
    report.envid = "QQ+20314159";
    report.accepted = base::WallTime(std::chrono::seconds(1'699'999'000));
    report.recipients.push_back({.address = "gone@example.test",
                                 .orcpt = "rfc822;first+2Bbox@example.test",
                                 .answer = refusal(),
                                 .cause = "There is no such recipient.",
                                 .remedy = "Correct the address.",
                                 .server = "smtp.office365.com",
                                 .last_tried = base::WallTime(std::chrono::seconds(1'699'999'500)),
                                 .tried_until = {}});
    return report;
}

TEST(ReportOfABounce, IsWrittenAsTheStandardHasIt) {
    EXPECT_EQ(head_of(report()) + "Subject: order\r\n" + tail_of(report()),
              "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
              "From: Mail Delivery System <alerts@contoso.test>\r\n"
              "To: <it@contoso.test>\r\n"
              "Subject: Undelivered mail (1K10FN94W74)\r\n"
              "Message-ID: <00112233445566778899aabbccddeeff@relay.example>\r\n"
              "In-Reply-To: <order-1@erp.test>\r\n"
              "References: <order-1@erp.test>\r\n"
              "Auto-Submitted: auto-replied\r\n"
              "X-Auto-Response-Suppress: All\r\n"
              "MIME-Version: 1.0\r\n"
              "Content-Type: multipart/report; report-type=delivery-status;\r\n"
              "\tboundary=\"=_report_00112233445566778899aabbccddeeff\"\r\n"
              "Content-Transfer-Encoding: 7bit\r\n"
              "\r\n"
              "This is a report in MIME.\r\n"
              "\r\n"
              "--=_report_00112233445566778899aabbccddeeff\r\n"
              "Content-Type: text/plain; charset=utf-8\r\n"
              "Content-Description: Notification\r\n"
              "Content-Transfer-Encoding: 7bit\r\n"
              "\r\n"
              "This is mailramp, the mail relay on relay.example.\r\n"
              "\r\n"
              "This message could not be delivered, and is not tried any more.\r\n"
              "\r\n"
              "  gone@example.test\r\n"
              "    Why: There is no such recipient.\r\n"
              "    What to do: Correct the address.\r\n"
              "    smtp.office365.com said: 550 5.1.10 RESOLVER.ADR.RecipientNotFound;\r\n"
              "    Recipient not found (rcpt)\r\n"
              "\r\n"
              "The message:\r\n"
              "  from erp@contoso.test\r\n"
              "  Subject: order\r\n"
              "  Message-ID: <order-1@erp.test>\r\n"
              "  accepted Tue, 14 Nov 2023 21:56:40 +0000 as 1K10FN94W74\r\n"
              "\r\n"
              "Its headers are attached.\r\n"
              "\r\n"
              "--=_report_00112233445566778899aabbccddeeff\r\n"
              "Content-Type: message/delivery-status\r\n"
              "Content-Description: Delivery report\r\n"
              "\r\n"
              "Reporting-MTA: dns;relay.example\r\n"
              "Original-Envelope-Id: QQ 314159\r\n"
              "Arrival-Date: Tue, 14 Nov 2023 21:56:40 +0000\r\n"
              "\r\n"
              "Original-Recipient: rfc822;first+box@example.test\r\n"
              "Final-Recipient: rfc822;gone@example.test\r\n"
              "Action: failed\r\n"
              "Status: 5.1.10\r\n"
              "Remote-MTA: dns;smtp.office365.com\r\n"
              "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\r\n"
              "Last-Attempt-Date: Tue, 14 Nov 2023 22:05:00 +0000\r\n"
              "\r\n"
              "--=_report_00112233445566778899aabbccddeeff\r\n"
              "Content-Type: text/rfc822-headers\r\n"
              "Content-Description: Its header section\r\n"
              "Content-Transfer-Encoding: 7bit\r\n"
              "\r\n"
              "Subject: order\r\n"
              "\r\n"
              "--=_report_00112233445566778899aabbccddeeff--\r\n");
}

TEST(ReportOfABounce, OfADelaySaysHowLongItIsTried) {
    Report delayed = report();
    delayed.action = Action::delayed;
    delayed.recipients.front().answer = {mail::Channel::smtp, mail::Phase::rcpt, 451, "4.7.0", "Later"};
    delayed.recipients.front().tried_until = base::WallTime(std::chrono::seconds(1'700'400'000));
    const std::string head = head_of(delayed);
    EXPECT_THAT(head, HasSubstr("\r\nAction: delayed\r\nStatus: 4.7.0\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\nWill-Retry-Until: Sun, 19 Nov 2023 13:20:00 +0000\r\n"));
    EXPECT_THAT(head, HasSubstr("It is still tried;"));
}

TEST(ReportOfABounce, LetsNothingOfTheNetworkBreakOutOfItsLine) {
    Report hostile = report();
    const std::string octets = "a\r\n\r\n--=_report_00112233445566778899aabbccddeeff--\r\nX: y\x01\xff";
    hostile.subject = hostile.message_id = hostile.sender = hostile.envid = octets;
    RecipientStatus& recipient = hostile.recipients.front();
    recipient.address = recipient.orcpt = recipient.answer.text = recipient.cause = octets;
    const std::string head = head_of(hostile);
    EXPECT_THAT(head, Not(HasSubstr("\r\nX: y")));
    EXPECT_THAT(head, Not(HasSubstr("\r\n--=_report_00112233445566778899aabbccddeeff--")));
    EXPECT_THAT(head, Not(HasSubstr("\x01")));
    EXPECT_THAT(head, Not(HasSubstr("In-Reply-To")));
}

TEST(ReportOfABounce, KeepsItsFieldsInSevenBitsWhateverTheAddress) {
    Report wide = report();
    wide.recipients.front().address = "j\xc3\xbcrgen\xe2\x82\xac@example.test";
    wide.recipients.front().answer.text = "kein Empf\xc3\xa4nger";
    const std::string head = head_of(wide);
    EXPECT_THAT(head, HasSubstr("Final-Recipient: utf-8;j\\x{FC}rgen\\x{20AC}@example.test\r\n"));
    EXPECT_THAT(head, HasSubstr("Diagnostic-Code: smtp;550 5.1.10 kein Empf??nger\r\n"));
    EXPECT_TRUE(has_eight_bit(wide));
    EXPECT_THAT(head, HasSubstr("Content-Transfer-Encoding: 8bit\r\n\r\nThis is a report"));
}

TEST(ReportOfABounce, HasLinesOfALimitedLength) {
    Report large = report();
    large.recipients.front().cause = std::string(5000, 'x');
    large.recipients.front().answer.text = std::string(5000, 'y');
    for (int i = 0; i < 100; ++i)
        large.recipients.push_back(large.recipients.front());
    const std::string head = head_of(large);
    std::string_view rest = head;
    std::size_t longest = 0;
    for (std::size_t end = 0; (end = rest.find("\r\n")) != std::string_view::npos;
         rest.remove_prefix(end + 2))
        longest = std::max(longest, end);
    EXPECT_LE(longest, 998U);
    EXPECT_THAT(head, HasSubstr("and 81 more"));
}

TEST(StatusOfAnAnswer, SaysNoMoreThanIsKnown) {
    const auto status = [](int code, const char* enhanced, Action action) {
        return status_of({mail::Channel::smtp, mail::Phase::rcpt, code, enhanced, ""}, action);
    };
    EXPECT_EQ(status(550, "5.1.1", Action::failed), "5.1.1");
    EXPECT_EQ(status(550, "", Action::failed), "5.0.0");
    EXPECT_EQ(status(451, "4.7.0", Action::failed), "5.4.7");
    EXPECT_EQ(status(451, "4.7.0", Action::delayed), "4.7.0");
    EXPECT_EQ(status(451, "5.7.0", Action::delayed), "4.0.0");
    EXPECT_EQ(status(250, "2.1.5", Action::relayed), "2.0.0");
}

TEST(AHeaderSection, ThatIsOfAMachineOrAListForbidsReports) {
    for (const std::string_view header :
         {"Auto-Submitted: auto-generated\r\n", "X: y\r\nauto-submitted:\r\n auto-replied (x)\r\n",
          "Precedence: bulk\r\n", "PRECEDENCE: List\r\n", "List-Id: <a.b>\r\n", "List-Unsubscribe: <x>\r\n"})
        EXPECT_TRUE(forbids_reports(header)) << header;
    for (const std::string_view header : {"", "Subject: Precedence: bulk\r\n", "Auto-Submitted: no\r\n",
                                          "Precedence: first-class\r\n", "X: y\r\n\tList-Id: no\r\n"})
        EXPECT_FALSE(forbids_reports(header)) << header;
}

TEST(AHeaderSection, GivesTheFirstFieldOfAName) {
    const std::string_view header = "Received: x\r\nSubject: a\r\n\tb\r\nsubject: c\r\nTo: d";
    EXPECT_EQ(field_value(header, "subject"), "a b");
    EXPECT_EQ(field_value(header, "To"), "d");
    EXPECT_EQ(field_value(header, "Cc"), "");
}

}  // namespace
}  // namespace mailramp::bounce
