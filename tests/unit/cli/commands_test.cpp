#include "cli/commands.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "cli/queue_orders.h"
#include "commands_fixture.h"
#include "samples.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json::object page_of(int messages, json::value next) {
    json::array entries;
    for (int i = 0; i < messages; ++i)
        entries.push_back(sample_message());
    return {{"messages", std::move(entries)}, {"next", std::move(next)}};
}

TEST_F(CommandsTest, HealthIsOneLineAndAStatusThatContainerEnginesKnow) {
    replies = {json::object{{"healthy", true}},
               read_reply(503, R"({"healthy": false, "reason": "the disk is full"})"),
               std::unexpected(
                   Failure{ExitStatus::unavailable, "there is no socket.\nStart it with: mailramp serve"})};
    EXPECT_EQ(healthcheck(daemon(), console()), ExitStatus::done);
    EXPECT_EQ(healthcheck(daemon(), console()), ExitStatus::unhealthy);
    EXPECT_EQ(healthcheck(daemon(), console()), ExitStatus::unhealthy);
    EXPECT_EQ(out.str(),
              "healthy: mail is taken\n"
              "unhealthy: the disk is full\n"
              "unhealthy: there is no socket.\n");
    EXPECT_THAT(err.str(), IsEmpty());
    EXPECT_THAT(requests, ElementsAre("GET /healthz", "GET /healthz", "GET /healthz"));
}

TEST_F(CommandsTest, HealthIsToldInJsonToo) {
    replies = {json::object{{"healthy", true}}, read_reply(503, R"({"healthy": false, "reason": "why"})")};
    EXPECT_EQ(healthcheck(daemon(), console(Format::json)), ExitStatus::done);
    EXPECT_EQ(healthcheck(daemon(), console(Format::json)), ExitStatus::unhealthy);
    EXPECT_EQ(out.str(), "{\"healthy\":true,\"reason\":\"\"}\n{\"healthy\":false,\"reason\":\"why\"}\n");
}

TEST_F(CommandsTest, NobodyIsToldOfGoodHealthByAnOutputThatFailed) {
    replies = {json::object{{"healthy", true}}};
    out.setstate(std::ios::badbit);
    EXPECT_EQ(healthcheck(daemon(), console()), ExitStatus::unhealthy);
}

TEST_F(CommandsTest, ListReadsPageAfterPage) {
    replies = {page_of(2, id.c_str()), page_of(1, nullptr)};
    EXPECT_EQ(queue_list(daemon(), console(), {.state = "held", .mailbox = "al erts"}, 0), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages?limit=100&state=held&mailbox=al%20erts",
                                      "GET /v1/messages?limit=100&state=held&mailbox=al%20erts&after=" + id));
    EXPECT_THAT(out.str(), testing::StartsWith("ID           SIZE"));
    EXPECT_THAT(out.str(), testing::EndsWith("3 messages, 12 KiB.\n"));
    EXPECT_THAT(err.str(), IsEmpty());
}

TEST_F(CommandsTest, ListStopsAtItsLimitAndSaysThatThereIsMore) {
    replies = {page_of(100, id.c_str()), page_of(50, "0A1B2C3D4E6")};
    EXPECT_EQ(queue_list(daemon(), console(), {}, 150), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages?limit=100", "GET /v1/messages?limit=50&after=" + id));
    EXPECT_THAT(err.str(), HasSubstr("There are more"));
}

TEST_F(CommandsTest, ListTakesTheWordForAStateThatItPrints) {
    replies = {page_of(0, nullptr)};
    EXPECT_EQ(queue_list(daemon(), console(), {.state = "sending"}, 0), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("GET /v1/messages?limit=100&state=claimed"));
}

TEST_F(CommandsTest, ListEndsWhenAPageLeadsToItself) {
    replies = {page_of(1, id.c_str()), page_of(1, id.c_str()), page_of(1, id.c_str())};
    EXPECT_EQ(queue_list(daemon(), console(), {}, 0), ExitStatus::done);
    EXPECT_EQ(requests.size(), 2u);
}

TEST_F(CommandsTest, ListAsJsonIsOneMessageALineAndNothingElse) {
    replies = {page_of(2, nullptr)};
    EXPECT_EQ(queue_list(daemon(), console(Format::json), {}, 0), ExitStatus::done);
    const std::string line = json::serialize(sample_message()) + "\n";
    EXPECT_EQ(out.str(), line + line);
}

TEST_F(CommandsTest, EmptyListsSayWhetherTheyWereFiltered) {
    replies = {page_of(0, nullptr), page_of(0, nullptr)};
    EXPECT_EQ(queue_list(daemon(), console(), {}, 0), ExitStatus::done);
    EXPECT_EQ(queue_list(daemon(), console(), {.state = "held"}, 0), ExitStatus::done);
    EXPECT_EQ(out.str(), "The queue is empty.\nNo message in the queue matches.\n");
}

TEST_F(CommandsTest, OutputThatCannotBeWrittenIsAFailure) {
    replies = {page_of(100, id.c_str()), page_of(100, nullptr)};
    out.setstate(std::ios::badbit);
    EXPECT_EQ(queue_list(daemon(), console(), {}, 0), ExitStatus::io_error);
    EXPECT_EQ(requests.size(), 1u) << "nobody reads the next page";
    EXPECT_THAT(err.str(), HasSubstr("could not be written"));
}

TEST_F(CommandsTest, FailuresGoToStandardErrorWithTheirStatus) {
    EXPECT_EQ(show_status(daemon(), console()), ExitStatus::unavailable);
    EXPECT_EQ(err.str(), "mailramp: nobody is there\n");
    EXPECT_THAT(out.str(), IsEmpty());
}

TEST_F(CommandsTest, AWrongIdIsToldBeforeAnybodyIsAsked) {
    EXPECT_EQ(queue_show(daemon(), console(), "nonsense\x1b"), ExitStatus::data);
    EXPECT_EQ(queue_order(daemon(), console(), OrderVerb::retry, {.id = "../status"}), ExitStatus::data);
    EXPECT_EQ(queue_order(daemon(), console(), OrderVerb::remove, {.id = "x"}, Consent::given),
              ExitStatus::data);
    EXPECT_THAT(requests, IsEmpty());
    EXPECT_THAT(err.str(), HasSubstr("\"nonsense?\" is not a queue id"));
}

TEST_F(CommandsTest, ResumeEncodesTheName) {
    replies = {object_of(R"({"mailbox": "al erts"})")};
    EXPECT_EQ(mailbox_resume(daemon(), console(), "al erts"), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("POST /v1/mailboxes/al%20erts/resume"));
    EXPECT_THAT(out.str(), HasSubstr("Mailbox al erts is tried again now."));
}

TEST_F(CommandsTest, PauseCarriesItsReason) {
    replies = {object_of(R"({"mailbox": "al erts"})")};
    EXPECT_EQ(mailbox_pause(daemon(), console(), "al erts", "new secret"), ExitStatus::done);
    EXPECT_THAT(requests, ElementsAre("POST /v1/mailboxes/al%20erts/pause?reason=new%20secret"));
    EXPECT_THAT(out.str(), HasSubstr("until: mailramp mailbox resume 'al erts'"));
}

TEST_F(CommandsTest, AlertTestSaysWhoTookItAndFailsWhenOneDidNot) {
    replies.push_back(
        object_of(R"({"targets": [{"target": "webhook https://a.example", "taken": true, "words": "HTTP 200"},
                                                {"target": "exec /bin/b", "taken": false, "words": "status 3"}]})"));
    EXPECT_EQ(alert_test(daemon(), console()), ExitStatus::unavailable);
    EXPECT_THAT(requests, ElementsAre("POST /v1/alerts/test"));
    EXPECT_EQ(out.str(),
              "✓ webhook https://a.example took it: HTTP 200\n✗ exec /bin/b did not take it: status 3\n");
    replies.push_back(object_of(R"({"targets": [{"target": "x", "taken": true, "words": "y"}]})"));
    EXPECT_EQ(alert_test(daemon(), console()), ExitStatus::done);
}

TEST_F(CommandsTest, MailboxListIsThatPartOfTheStatus) {
    replies = {sample_status(), sample_status()};
    EXPECT_EQ(mailbox_list(daemon(), console()), ExitStatus::done);
    EXPECT_THAT(out.str(), testing::StartsWith("Mailbox alerts works"));
    out.str("");
    EXPECT_EQ(mailbox_list(daemon(), console(Format::json)), ExitStatus::done);
    EXPECT_THAT(out.str(), testing::StartsWith("{\"mailboxes\":[{\"name\":\"alerts\""));
}

}  // namespace
}  // namespace mailramp::cli
