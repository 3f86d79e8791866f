#include "cli/history_commands.h"

#include <gmock/gmock.h>

#include <boost/json/array.hpp>

#include "commands_fixture.h"

namespace mailramp::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

boost::json::object delivered() {
    return object_of(R"({"id": "0A1B2C3D4E5", "sender": "cron@web1.example", "address": "ops@contoso.example",
        "state": "delivered", "ended": "2026-11-18T11:05:10.000Z", "attempts": 2, "mailbox": "alerts",
        "receipt": "2.6.0 <1@a> [InternalId=98, Hostname=AM0.PROD.OUTLOOK.COM]", "internal_id": "98",
        "hostname": "AM0.PROD.OUTLOOK.COM"})");
}

boost::json::object page_with(boost::json::object recipient, boost::json::value next) {
    return {{"recipients", boost::json::array{std::move(recipient)}}, {"next", std::move(next)}};
}

TEST_F(CommandsTest, HistoryGoesBackPageByPage) {
    replies = {page_with(delivered(), 90), page_with(delivered(), nullptr)};
    HistoryOptions options;
    options.id = id;
    options.filter.state = "delivered";
    options.since = parse_time("2026-11-18T10:00:00.000Z");
    options.recipients_max = 0;
    EXPECT_EQ(history(daemon(), console(), options), ExitStatus::done);
    const std::string first =
        "GET /v1/history?limit=100&state=delivered&id=" + id + "&ended_after=1794996000";
    EXPECT_THAT(requests, ElementsAre(first, first + "&before=90"));
    const std::string entry =
        "12:05:10 +01:00  0A1B2C3D4E5  delivered  ops@contoso.example\n"
        "    from cron@web1.example by alerts, tried 2 times\n"
        "    InternalId 98, Hostname AM0.PROD.OUTLOOK.COM\n";
    EXPECT_EQ(out.str(), entry + entry);
}

TEST_F(CommandsTest, HistoryStopsAtItsLimitAndSaysThatThereIsMore) {
    replies = {page_with(delivered(), 90)};
    HistoryOptions options;
    options.recipients_max = 1;
    EXPECT_EQ(history(daemon(), console(Format::json), options), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("GET /v1/history?limit=1"));
    replies = {page_with(delivered(), 90), boost::json::object{{"recipients", boost::json::array{}}}};
    EXPECT_EQ(history(daemon(), console(), options), ExitStatus::done);
    EXPECT_THAT(err.str(), HasSubstr("There are more"));
    EXPECT_EQ(history(daemon(), console(), options), ExitStatus::done);
    EXPECT_THAT(out.str(), testing::EndsWith("Nothing in the history matches.\n"));
}

boost::json::object story() {
    boost::json::object trace = sample_message();
    trace["standing_mailboxes"] = boost::json::parse(
        R"([{"name": "alerts", "paused": true, "cause": "the secret has expired", "remedy": "make a new one"}])");
    trace["events"] = boost::json::parse(R"json([
        {"at": "2026-11-18T11:04:40.000Z", "kind": "accepted", "client": "127.0.0.1", "listener": "127.0.0.1:25",
         "sender": "cron@web1.example", "recipients": 2, "size_bytes": 4200},
        {"at": "2026-11-18T11:04:41.000Z", "kind": "tried", "state": "queued", "recipients": 2, "mailbox": "alerts",
         "address": "ops@contoso.example", "due": "2026-11-18T11:05:41.000Z",
         "answer": {"channel": "smtp", "phase": "mail", "code": 451, "enhanced": "4.7.500", "text": "Server busy"},
         "cause": "The server is busy.", "remedy": ""},
        {"at": "2026-11-18T11:04:50.000Z", "kind": "ordered", "verb": "retry", "by": "root (uid 0, pid 7)",
         "recipients": 2, "scope": ""},
        {"at": "2026-11-18T11:04:51.000Z", "kind": "ordered", "verb": "hold", "by": "ann (uid 1000, pid 8)",
         "recipients": 812, "scope": "mailbox alerts"},
        {"at": "2026-11-18T11:04:55.000Z", "kind": "interrupted", "state": "uncertain", "recipients": 1,
         "mailbox": "alerts", "address": "it@contoso.example", "due": "2026-11-18T11:09:55.000Z"},
        {"at": "2026-11-18T11:05:10.000Z", "kind": "delivered", "address": "it@contoso.example",
         "mailbox": "alerts", "receipt": "2.6.0 [InternalId=98]", "internal_id": "98", "hostname": ""}])json");
    return trace;
}

TEST_F(CommandsTest, TraceTellsTheStoryFromTheClientToTheReply) {
    replies = {story()};
    EXPECT_EQ(trace(daemon(), console(), id), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages/" + id + "/trace"));
    EXPECT_EQ(
        out.str(),
        "Message 0A1B2C3D4E5  <1@web1.example>\n"
        "12:04:40 +01:00  accepted from 127.0.0.1 on 127.0.0.1:25: cron@web1.example to 2 recipients, 4.1 "
        "KiB\n"
        "12:04:41 +01:00  tried by alerts for ops@contoso.example and 1 more recipient: put off, next try\n"
        "    12:05:41 +01:00\n"
        "    Reply: 451 4.7.500 Server busy (to the sender)\n"
        "    Cause: The server is busy.\n"
        "12:04:50 +01:00  retry ordered by root (uid 0, pid 7)\n"
        "12:04:51 +01:00  hold ordered by ann (uid 1000, pid 8) for many (mailbox alerts; 812 recipients)\n"
        "12:04:55 +01:00  mailramp had stopped while sending to it@contoso.example: perhaps sent: no reply\n"
        "    came, next try 12:09:55 +01:00\n"
        "12:05:10 +01:00  delivered by alerts: it@contoso.example\n"
        "    Receipt: 2.6.0 [InternalId=98]\n"
        "    InternalId 98\n"
        "Now:\n"
        "  ops@contoso.example\n"
        "    State   queued: next try 12:07:40 +01:00, tried 3 times, by alerts\n"
        "    Reply   451 4.7.500 Server busy. Please try again later (at the end of the message)\n"
        "    Cause   The server is busy.\n"
        "    Remedy  Nothing: it is tried again.\n"
        "Mailbox alerts is paused: the secret has expired\n"
        "    Remedy: make a new one\n");
}

TEST_F(CommandsTest, TraceFindsAMessageIdInTheQueueAndInTheHistory) {
    boost::json::object ended = delivered();
    ended["id"] = "0A1B2C3D4E6";
    replies = {boost::json::object{{"messages", boost::json::array{sample_message()}}, {"next", nullptr}},
               page_with(ended, nullptr), story(), story()};
    EXPECT_EQ(trace(daemon(), console(Format::json), "<1@web1.example>"), ExitStatus::done);
    EXPECT_THAT(requests,
                ElementsAre("GET /v1/messages?message_id=%3C1%40web1.example%3E",
                            "GET /v1/history?message_id=%3C1%40web1.example%3E",
                            "GET /v1/messages/" + id + "/trace", "GET /v1/messages/0A1B2C3D4E6/trace"));
    replies = {boost::json::object{{"messages", boost::json::array{}}},
               boost::json::object{{"recipients", boost::json::array{}}}};
    EXPECT_EQ(trace(daemon(), console(), "2@web1.example"), ExitStatus::data);
    EXPECT_EQ(trace(daemon(), console(), "nonsense"), ExitStatus::data);
    EXPECT_THAT(err.str(), HasSubstr("\"nonsense\" is not a queue id"));
}

}  // namespace
}  // namespace mailramp::cli
