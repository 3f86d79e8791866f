#include "cli/queue_text.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "cli/words.h"
#include "samples.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

json::object& first_recipient(json::object& message) {
    return message["recipients"].as_array().at(0).as_object();
}

std::size_t widest_line(const std::string& text) {
    std::size_t widest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        widest = std::max(widest, columns_of(line));
    return widest;
}

TEST(QueueText, ListsAMessageWithItsPlanAndTheLastReply) {
    EXPECT_EQ(list_heading(sample_view()) + list_entry(sample_message(), sample_view()),
              R"(ID           SIZE      AGE     FROM
0A1B2C3D4E5  4.1 KiB   2 min   cron@web1.example
             queued     ops@contoso.example: next try 12:07:40 +01:00, tried 3 times, by alerts
                        451 4.7.500 Server busy. Please try again later (at the end of the message)
)");
}

TEST(QueueText, ListsEveryStateInPlainWords) {
    json::object message = sample_message();
    message["recipients"] = json::parse(R"([
        {"address": "a@x.example", "state": "queued", "due": "2026-11-18T11:06:40.000Z", "attempts": 0,
         "mailbox": "m", "answer": null},
        {"address": "b@x.example", "state": "queued", "due": "2026-11-19T11:06:40.000Z", "attempts": 0,
         "mailbox": "m", "answer": null},
        {"address": "c@x.example", "state": "claimed", "due": null, "attempts": 1, "mailbox": "m", "answer": null},
        {"address": "d@x.example", "state": "held", "hold_reason": "refused", "due": null, "attempts": 2, "mailbox": "m",
         "answer": {"channel": "local", "phase": "none", "code": 0, "enhanced": "", "text": "too old"}},
        {"address": "e@x.example", "state": "uncertain", "due": "2026-11-18T11:08:00.000Z", "attempts": 1,
         "mailbox": "m", "answer": null}])");
    message["sender"] = "";
    EXPECT_EQ(list_entry(message, sample_view()), R"(0A1B2C3D4E5  4.1 KiB   2 min   <> (a bounce)
             queued     a@x.example: due now, by m
             queued     b@x.example: first try 2026-11-19 12:06:40 +01:00, by m
             sending    c@x.example: at it now, tried once, by m
             held       d@x.example: waits for you: refused, tried 2 times, by m
                        too old
             uncertain  e@x.example
                        next try 12:08:00 +01:00, tried once, perhaps sent already, by m
)");
}

TEST(QueueText, ListFitsItsColumnsWhateverItIsGiven) {
    json::object message = sample_message();
    const std::string long_address = std::string(64, 'l') + "@" + std::string(190, 'd') + ".example";
    message["sender"] = long_address;
    json::object& recipient = first_recipient(message);
    for (const std::string& address :
         {std::string("a@b.c"), std::string(40, 'x') + "@y.example", long_address}) {
        for (const std::string& mailbox : {std::string("m"), std::string(200, 'm')}) {
            recipient["address"] = address;
            recipient["mailbox"] = mailbox;
            recipient["answer"].as_object()["text"] = std::string(512, 'r');
            for (const std::size_t columns : {std::size_t{60}, std::size_t{80}, std::size_t{100}}) {
                View view = sample_view();
                view.columns = columns;
                const std::string entry = list_entry(message, view);
                EXPECT_LE(widest_line(entry), columns) << entry;
            }
        }
    }
}

TEST(QueueText, KeepsTheEndsOfALongAddress) {
    json::object message = sample_message();
    first_recipient(message)["address"] = "first" + std::string(200, 'x') + "@last.example";
    const std::string entry = list_entry(message, sample_view());
    EXPECT_THAT(entry, HasSubstr("             queued     firstxxx"));
    EXPECT_THAT(entry, HasSubstr("...xxx"));
    EXPECT_THAT(entry,
                HasSubstr("@last.example\n                        next try 12:07:40 +01:00, tried 3 times"));
}

TEST(QueueText, CountsTheRecipientsThatItDoesNotList) {
    json::object message = sample_message();
    const json::value recipient = message["recipients"].as_array().at(0);
    message["recipients"] = json::array(20, recipient);
    message["recipients_total"] = 500;
    EXPECT_THAT(list_entry(message, sample_view()),
                HasSubstr("             and 495 more recipients: mailramp queue show 0A1B2C3D4E5\n"));
}

TEST(QueueText, NoEscapeSequenceReachesTheTerminal) {
    json::object message = sample_message();
    message["sender"] = "\x1b]0;owned\x07@x.example";
    first_recipient(message)["address"] =
        "a\r\nb\x9b"
        "@x.example";
    first_recipient(message)["answer"].as_object()["text"] =
        "550 \x1b[2J\xc2\x9b"
        "31m";
    first_recipient(message)["cause"] = "\x08";
    for (const std::string& text :
         {list_entry(message, sample_view()), message_text(message, sample_view())}) {
        EXPECT_THAT(text, Not(HasSubstr("\x1b")));
        EXPECT_THAT(text, Not(HasSubstr("\r")));
        EXPECT_THAT(text, Not(HasSubstr("\x07")));
        EXPECT_THAT(text, Not(HasSubstr("\x08")));
        EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
        EXPECT_THAT(text, HasSubstr("?]0;owned?@x.example"));
        EXPECT_THAT(text, HasSubstr("a??b?@x.example"));
    }
}

TEST(QueueText, TellsAllAboutOneMessage) {
    json::object message = sample_message();
    message["header_from"] = "Web server <web@contoso.example>";
    EXPECT_EQ(message_text(message, sample_view()), R"(Message     0A1B2C3D4E5
From        cron@web1.example
From field  Web server <web@contoso.example>
Message-ID  <1@web1.example>
Size        4.1 KiB
Accepted    12:04:40 +01:00, 2 min ago, from 127.0.0.1 on 127.0.0.1:25
1 recipient:
  ops@contoso.example
    State   queued: next try 12:07:40 +01:00, tried 3 times, by alerts
    Reply   451 4.7.500 Server busy. Please try again later (at the end of the message)
    Cause   The server is busy.
    Remedy  Nothing: it is tried again.
)");
}

TEST(QueueText, HasNoNextTryForWhatIsOver) {
    json::object message = sample_message();
    first_recipient(message)["state"] = "delivered";
    EXPECT_THAT(message_text(message, sample_view()),
                HasSubstr("delivered: taken by the server, tried 3 times"));
    first_recipient(message)["state"] = "failed";
    EXPECT_THAT(message_text(message, sample_view()), HasSubstr("failed: not sent, and will not be, tried"));
}

TEST(QueueText, WrapsALongRemedyButLosesNothingOfIt) {
    json::object message = sample_message();
    first_recipient(message)["remedy"] =
        "Add-RecipientPermission -Identity alerts@contoso.example -Trustee "
        "11111111-2222-3333-4444-555555555555 "
        "-AccessRights SendAs";
    const std::string text = message_text(message, sample_view());
    EXPECT_LE(widest_line(text), 100u);
    EXPECT_THAT(text,
                HasSubstr("    Remedy  Add-RecipientPermission -Identity alerts@contoso.example -Trustee\n"
                          "            11111111-2222-3333-4444-555555555555 -AccessRights SendAs\n"));
}

TEST(QueueText, SurvivesAnAnswerWithoutFields) {
    EXPECT_EQ(list_entry({}, sample_view()), "             0 B       ?       <> (a bounce)\n");
    EXPECT_THAT(message_text(object_of(R"({"recipients": [1, {}], "sender": 5})"), sample_view()),
                HasSubstr("2 recipients:\n"));
}

TEST(QueueText, ColoursStatesOnly) {
    View view = sample_view();
    view.colour = Colour::on;
    json::object message = sample_message();
    first_recipient(message)["state"] = "held";
    EXPECT_THAT(list_entry(message, view), HasSubstr("\x1b[31mheld       \x1b[0mops@contoso.example"));
}

}  // namespace
}  // namespace mailramp::cli
