#include "cli/queue_orders.h"

#include <gmock/gmock.h>

#include "commands_fixture.h"

namespace mailramp::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OrdersTest : public CommandsTest {
  protected:
    ExitStatus order(OrderVerb verb, const Which& which, Consent given = Consent::ask,
                     Format format = Format::text) {
        return queue_order(daemon(), console(format), verb, which, given);
    }
};

TEST_F(OrdersTest, RetrySaysWhichMailboxStillWaits) {
    replies = {object_of(R"({"recipients": 1, "paused_mailboxes": ["alerts"]})"),
               object_of(R"({"recipients": 0, "busy": 1, "paused_mailboxes": []})"),
               object_of(R"({"recipients": 7, "paused_mailboxes": []})")};
    EXPECT_EQ(order(OrderVerb::retry, {.id = id}), ExitStatus::done);
    EXPECT_EQ(order(OrderVerb::retry, {.id = id}), ExitStatus::done);
    EXPECT_EQ(order(OrderVerb::retry, {.all = true}), ExitStatus::done);
    EXPECT_THAT(requests,
                ElementsAre("POST /v1/messages/" + id + "/retry", "POST /v1/messages/" + id + "/retry",
                            "POST /v1/messages/retry?all=true"));
    EXPECT_EQ(out.str(),
              "1 recipient is due now.\n"
              "Mailbox alerts is paused, and what goes through it still waits. mailramp status says why; "
              "mailramp mailbox resume alerts tries it now.\n"
              "1 recipient is being sent at this moment, and was left alone.\n"
              "7 recipients are due now.\n");
}

TEST_F(OrdersTest, EveryFilterReachesTheDaemon) {
    replies = {object_of(R"({"messages": 2, "recipients": 3})")};
    const MailFilter filter{.state = "sending",
                            .mailbox = "al erts",
                            .route = "r",
                            .sender = "<>",
                            .recipient = "@x.example",
                            .message_id = "<1@x>",
                            .older_than = "2h",
                            .newer_than = "3d"};
    EXPECT_EQ(order(OrderVerb::hold, {.filter = filter}), ExitStatus::done);
    EXPECT_THAT(requests,
                ElementsAre("POST /v1/messages/hold?state=claimed&mailbox=al%20erts&route=r&sender=%3C%3E"
                            "&recipient=%40x.example&message_id=%3C1%40x%3E&accepted_before=1794992800"
                            "&accepted_after=1794740800"));
    EXPECT_EQ(out.str(), "3 recipients wait until: mailramp queue release\n");
}

TEST_F(OrdersTest, ALongOrderIsGivenAgainWhereItEndedAndSummedUp) {
    replies = {object_of(R"({"messages": 2, "recipients": 3, "busy": 1, "next": 500})"),
               object_of(R"({"messages": 1, "recipients": 4, "busy": 0, "next": null})")};
    EXPECT_EQ(order(OrderVerb::release, {.all = true}, Consent::ask, Format::json), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("POST /v1/messages/release?all=true",
                                      "POST /v1/messages/release?all=true&after=500"));
    EXPECT_EQ(out.str(), "{\"messages\":3,\"recipients\":7,\"busy\":1,\"paused_mailboxes\":[]}\n");
}

TEST_F(OrdersTest, WhatWasDoneBeforeAFailureIsTold) {
    replies = {object_of(R"({"messages": 2, "recipients": 3, "next": 500})")};
    EXPECT_EQ(order(OrderVerb::retry, {.all = true}), ExitStatus::unavailable);
    EXPECT_EQ(err.str(), "3 recipients had been dealt with before:\nmailramp: nobody is there\n");
    EXPECT_THAT(out.str(), IsEmpty());
}

TEST_F(OrdersTest, AnAnswerThatLeadsToItselfEnds) {
    const boost::json::object same = object_of(R"({"recipients": 3, "next": 500})");
    replies = {same, same, same};
    EXPECT_EQ(order(OrderVerb::retry, {.all = true}), ExitStatus::software);
    EXPECT_EQ(requests.size(), 2u);
}

TEST_F(OrdersTest, MustSayOnceWhatIsMeant) {
    EXPECT_EQ(order(OrderVerb::retry, {}), ExitStatus::usage);
    EXPECT_EQ(order(OrderVerb::retry, {.id = id, .all = true}), ExitStatus::usage);
    EXPECT_EQ(order(OrderVerb::remove, {.all = true, .filter = {.mailbox = "a"}}), ExitStatus::usage);
    EXPECT_THAT(err.str(), HasSubstr("queue retry wants one queue id, or --all, or options"));
    EXPECT_THAT(requests, IsEmpty());
}

TEST_F(OrdersTest, SaysWhyNothingWasDone) {
    const boost::json::object nothing = object_of(R"({"recipients": 0, "busy": 0})");
    replies = {nothing, nothing, nothing, nothing};
    order(OrderVerb::retry, {.all = true});
    order(OrderVerb::retry, {.filter = {.mailbox = "a"}});
    order(OrderVerb::hold, {.id = id});
    order(OrderVerb::release, {.id = id});
    EXPECT_EQ(
        out.str(),
        "Nothing waits in the queue.\nNothing in the queue matches.\nIt is held already.\n"
        "Nothing that an operator holds was found. What is held for another reason is sent by: mailramp "
        "queue retry\n");
}

TEST_F(OrdersTest, DeleteAsksAndNamesTheMessage) {
    consent = true;
    replies = {sample_message(), object_of(R"({"messages": 1, "recipients": 1})")};
    EXPECT_EQ(order(OrderVerb::remove, {.id = id}), ExitStatus::done);
    EXPECT_THAT(questions,
                ElementsAre("Delete message 0A1B2C3D4E5 from cron@web1.example to 1 recipient (4.1 KiB)? "
                            "It will not be sent. [y/N] "));
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages/" + id, "DELETE /v1/messages/" + id));
    EXPECT_EQ(out.str(), "Message 0A1B2C3D4E5 was deleted; 1 recipient will not get it.\n");
}

TEST_F(OrdersTest, DeleteOfManyTellsFirstHowMany) {
    consent = true;
    replies = {object_of(R"({"messages": 2, "recipients": 3, "next": 9})"),
               object_of(R"({"messages": 810, "recipients": 900, "next": null})"),
               object_of(R"({"messages": 812, "recipients": 903, "busy": 2, "next": null})")};
    EXPECT_EQ(order(OrderVerb::remove, {.filter = {.recipient = "@x.example"}}), ExitStatus::done);
    EXPECT_THAT(questions,
                ElementsAre("Delete 812 messages to 903 recipients? They will not be sent. [y/N] "));
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages/count?recipient=%40x.example",
                                      "GET /v1/messages/count?recipient=%40x.example&after=9",
                                      "DELETE /v1/messages?recipient=%40x.example"));
    EXPECT_EQ(out.str(),
              "812 messages were deleted; 903 recipients will not get them.\n"
              "2 recipients are being sent at this moment, and were left alone.\n");
}

TEST_F(OrdersTest, DeleteOfNothingAsksNobody) {
    replies = {object_of(R"({"messages": 0, "recipients": 0})")};
    EXPECT_EQ(order(OrderVerb::remove, {.all = true}), ExitStatus::done);
    EXPECT_THAT(questions, IsEmpty());
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages/count?all=true"));
    EXPECT_EQ(out.str(), "Nothing waits in the queue.\n");
}

TEST_F(OrdersTest, DeleteDoesNothingWithoutConsent) {
    replies = {sample_message(), sample_message()};
    consent = false;
    EXPECT_EQ(order(OrderVerb::remove, {.id = id}), ExitStatus::done);
    EXPECT_EQ(err.str(), "Nothing was deleted.\n");
    consent = std::nullopt;
    EXPECT_EQ(order(OrderVerb::remove, {.id = id}), ExitStatus::usage);
    EXPECT_THAT(err.str(), HasSubstr("add --yes"));
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages/" + id, "GET /v1/messages/" + id));
}

TEST_F(OrdersTest, DeleteWithConsentAsksNobody) {
    replies = {object_of(R"({"messages": 1, "recipients": 3})")};
    EXPECT_EQ(order(OrderVerb::remove, {.id = id}, Consent::given), ExitStatus::done);
    EXPECT_THAT(questions, IsEmpty());
    EXPECT_THAT(requests, ElementsAre("DELETE /v1/messages/" + id));
}

}  // namespace
}  // namespace mailramp::cli
