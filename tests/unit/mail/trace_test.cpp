#include "mailramp/mail/trace.h"

#include <chrono>

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

using namespace std::chrono_literals;

base::WallTime at(int year, unsigned month, unsigned day, std::chrono::microseconds of_day) {
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + of_day;
}

Trace example() {
    Trace trace;
    trace.helo = "app.test";
    trace.client_address = "127.0.0.1";
    trace.host_name = "mail.example.com";
    trace.queue_id = "4f2a";
    trace.received = at(2025, 11, 3, 9h + 5min + 7s + 999999us);
    for (std::size_t i = 0; i < trace.entropy.size(); ++i)
        trace.entropy[i] = static_cast<std::byte>(i * 17);
    return trace;
}

std::string head(std::string_view content) {
    HeaderSection section;
    const std::size_t used = section.feed(content);
    section.finish();
    return head_of(section, example()) + std::string(content.substr(used));
}

const std::string received =
    "Received: from app.test ([127.0.0.1]) by mail.example.com (mailramp)\r\n"
    "\twith ESMTP id 4f2a; Mon, 03 Nov 2025 09:05:07 +0000\r\n";
const std::string date = "Date: Mon, 03 Nov 2025 09:05:07 +0000\r\n";
const std::string id = "Message-ID: <00112233445566778899aabbccddeeff@mail.example.com>\r\n";

TEST(HeaderDate, IsWrittenInUtc) {
    EXPECT_EQ(header_date(at(1970, 1, 1, 0s)), "Thu, 01 Jan 1970 00:00:00 +0000");
    EXPECT_EQ(header_date(at(2024, 2, 29, 23h + 59min + 59s)), "Thu, 29 Feb 2024 23:59:59 +0000");
    EXPECT_EQ(header_date(at(2000, 12, 31, 12h)), "Sun, 31 Dec 2000 12:00:00 +0000");
    EXPECT_EQ(header_date(at(1969, 12, 31, 24h - 1us)), "Wed, 31 Dec 1969 23:59:59 +0000");
}

TEST(Received, TellsWhereTheMessageCameFrom) {
    EXPECT_EQ(received_field(example()), received);
}

TEST(Received, NamesTheProtocol) {
    using enum WithProtocol;
    const auto named = [](WithProtocol with) {
        Trace trace = example();
        trace.with = with;
        const std::string field = received_field(trace);
        const std::size_t at = field.find("with ") + 5;
        return field.substr(at, field.find(" id", at) - at);
    };
    EXPECT_EQ(named(smtp), "SMTP");
    EXPECT_EQ(named(esmtp), "ESMTP");
    EXPECT_EQ(named(esmtpa), "ESMTPA");
    EXPECT_EQ(named(esmtps), "ESMTPS");
    EXPECT_EQ(named(esmtpsa), "ESMTPSA");
    EXPECT_EQ(named(utf8smtp), "UTF8SMTP");
    EXPECT_EQ(named(utf8smtpa), "UTF8SMTPA");
    EXPECT_EQ(named(utf8smtps), "UTF8SMTPS");
    EXPECT_EQ(named(utf8smtpsa), "UTF8SMTPSA");
}

TEST(Received, WritesAnIpv6AddressAsALiteral) {
    Trace trace = example();
    trace.client_address = "2001:db8::1";
    EXPECT_NE(received_field(trace).find("([IPv6:2001:db8::1])"), std::string::npos);
}

TEST(Received, DoesWithoutWhatIsNotKnown) {
    Trace trace = example();
    trace.helo = trace.client_address = trace.queue_id = "";
    EXPECT_EQ(received_field(trace),
              "Received: from unknown by mail.example.com (mailramp) with ESMTP;\r\n"
              "\tMon, 03 Nov 2025 09:05:07 +0000\r\n");
}

TEST(Received, CannotBeBrokenByAHostileHelo) {
    Trace trace = example();
    trace.helo = "x\r\nBcc: evil; (\"<@\xc3\xbc>";
    const std::string field = received_field(trace);
    EXPECT_TRUE(field.starts_with("Received: from x??Bcc:?evil????????? ([127.0.0.1])")) << field;
    trace.helo = "[192.0.2.1]";
    EXPECT_TRUE(received_field(trace).starts_with("Received: from [192.0.2.1] ("));
}

TEST(Received, StaysWithinTheLineLimit) {
    Trace trace = example();
    const std::string long_name(5000, 'h');
    trace.helo = trace.host_name = long_name;
    std::string field = received_field(trace);
    while (!field.empty()) {
        const std::size_t end = field.find("\r\n");
        ASSERT_NE(end, std::string::npos);
        EXPECT_LE(end, 998u);
        field.erase(0, end + 2);
    }
}

TEST(MessageId, HasTheEntropyAndTheHost) {
    const std::array<std::byte, 16> zero{};
    EXPECT_EQ(message_id(zero, "h.example"), "<00000000000000000000000000000000@h.example>");
}

TEST(MessageId, IsValidWhateverTheHostIsCalled) {
    const std::array<std::byte, 16> zero{};
    const std::string digits(32, '0');
    EXPECT_EQ(message_id(zero, ""), "<" + digits + "@localhost>");
    EXPECT_EQ(message_id(zero, "my_host"), "<" + digits + "@myhost>");
    EXPECT_EQ(message_id(zero, "h.example."), "<" + digits + "@localhost>");
    EXPECT_EQ(message_id(zero, "a>\r\nb"), "<" + digits + "@ab>");
}

TEST(Head, AddsOnlyWhatIsMissing) {
    EXPECT_EQ(head("Subject: a\r\n\r\nx\r\n"), received + date + id + "Subject: a\r\n\r\nx\r\n");
    EXPECT_EQ(head("Date: b\r\n\r\nx\r\n"), received + id + "Date: b\r\n\r\nx\r\n");
    EXPECT_EQ(head("message-id: b\r\ndate: c\r\n\r\n"), received + "message-id: b\r\ndate: c\r\n\r\n");
}

TEST(Head, SeparatesABodyThatHasNoHeaderSection) {
    EXPECT_EQ(head("Hello there\r\nSubject: b\r\n"),
              received + date + id + "\r\nHello there\r\nSubject: b\r\n");
    EXPECT_EQ(head("Subject: a\r\nno field\r\n"), received + date + id + "Subject: a\r\n\r\nno field\r\n");
    EXPECT_EQ(head("\r\nHello: there\r\n"), received + date + id + "\r\nHello: there\r\n");
}

TEST(Head, IsAllThereIsOfAnEmptyMessage) {
    EXPECT_EQ(head(""), received + date + id);
}

TEST(Head, KeepsOddFieldsOctetForOctet) {
    const std::string odd = "X-Odd :\t\xff\xfe  \r\n \r\nSubject:no space\r\n\r\n";
    EXPECT_EQ(head(odd), received + date + id + odd);
}

TEST(Head, IsNotMadeOfASectionThatIsUnderWay) {
    HeaderSection section;
    (void)section.feed("Subject: a\r\n");
    EXPECT_DEATH((void)head_of(section, example()), "complete");
}

}  // namespace
}  // namespace mailramp::mail
