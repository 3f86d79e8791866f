#include "admin/api.h"

#include <exception>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "fake_store.h"

namespace mailramp::admin {
namespace {

namespace json = boost::json;
using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ApiTest : public testing::Test {
  protected:
    AdminContext context() {
        AdminContext seen{clock,
                          store,
                          "0.1.0",
                          [] { return std::vector<std::string>{"127.0.0.1:25", "[::1]:25"}; },
                          [this] { return mailboxes; },
                          [this] { return tokens; },
                          [this] { ++senders_tried_again; },
                          [this](const std::string& name) {
                              resumed.push_back(name);
                              return resume_result;
                          },
                          [] { return std::vector<CounterGroup>{{"inbound", {{"sessions", 7}}}}; },
                          [](const queue::RecipientRow& recipient) {
                              return Explanation{recipient.mailbox + " got " + recipient.answer.enhanced,
                                                 "do this"};
                          }};
        seen.certificates = [this] { return certificates; };
        return seen;
    }

    ApiResponse ask(std::string method, std::string target) {
        Api api(options, context());
        return ask(api, std::move(method), std::move(target));
    }

    ApiResponse ask(Api& api, std::string method, std::string target) {
        std::optional<ApiResponse> got;
        auto work = api.answer(ApiRequest{std::move(method), std::move(target)});
        boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, ApiResponse response) {
            EXPECT_FALSE(error);
            got = std::move(response);
        });
        loop.restart();
        loop.run();
        return got.value_or(ApiResponse{});
    }

    json::value ask_json(std::string method, std::string target, int status = 200) {
        const ApiResponse response = ask(std::move(method), std::move(target));
        EXPECT_EQ(response.status, status) << response.body;
        return json::parse(response.body);
    }

    std::string error_of(std::string method, std::string target, int status) {
        const json::value body = ask_json(std::move(method), std::move(target), status);
        const json::object& error = body.at("error").as_object();
        return std::string(error.at("kind").as_string()) + ": " +
               std::string(error.at("message").as_string());
    }

    const std::string id = queue::QueueId(77).text();
    boost::asio::io_context loop;
    AdminOptions options;
    FakeStore store;
    FakeClock clock;
    std::vector<delivery::MailboxStatus> mailboxes;
    std::vector<TokenState> tokens;
    std::vector<CertificateState> certificates;
    std::vector<std::string> resumed;
    int senders_tried_again = 0;
    base::Result<> resume_result;
};

TEST_F(ApiTest, StatusTellsOfTheDaemonAndTheQueue) {
    store.all = queue::QueueCounts{12, 11, 1, 0, 2, 49'152, clock.wall_now - std::chrono::seconds(40)};
    Api api(options, context());
    clock.advance(std::chrono::seconds(90));
    const json::value body = json::parse(ask(api, "GET", "/v1/status").body);
    EXPECT_EQ(body.at("version"), "0.1.0");
    EXPECT_EQ(body.at("now"), "2026-11-18T11:08:10.250Z");
    EXPECT_EQ(body.at("started"), "2026-11-18T11:06:40.250Z");
    EXPECT_EQ(body.at("uptime_seconds"), 90);
    EXPECT_EQ(json::serialize(body.at("listeners")), R"(["127.0.0.1:25","[::1]:25"])");
    const json::object& queue = body.at("queue").as_object();
    EXPECT_EQ(queue.at("state"), "open");
    EXPECT_EQ(queue.at("messages"), 12);
    EXPECT_EQ(queue.at("bytes"), 49'152);
    EXPECT_EQ(queue.at("oldest_accepted"), "2026-11-18T11:06:00.250Z");
    EXPECT_EQ(json::serialize(queue.at("recipients")), R"({"queued":11,"claimed":1,"held":0,"uncertain":2})");
    EXPECT_EQ(body.at("counters").at("inbound").at("sessions"), 7);
}

TEST_F(ApiTest, StatusTellsWhyAMailboxIsPausedAndATokenMissing) {
    delivery::MailboxStatus mailbox;
    mailbox.name = "alerts";
    mailbox.paused = true;
    mailbox.pause_answer =
        mail::Answer{mail::Channel::smtp, mail::Phase::auth, 535, "5.7.3", "no \x1b[31m good"};
    mailbox.cause = "the service principal is missing";
    mailbox.remedy = "New-ServicePrincipal";
    mailbox.paused_since = clock.wall_now;
    mailbox.budget.messages = 5;
    mailbox.budget.messages_max = 30;
    mailboxes = {mailbox};
    oauth::TokenStatus token;
    token.failures = 3;
    token.last_failure.emplace();
    token.last_failure->kind = oauth::TokenFailureClass::configuration;
    token.last_failure->cause = "the secret has expired";
    tokens = {TokenState{"contoso", token}};

    const json::value body = ask_json("GET", "/v1/status");
    const json::value& shown = body.at("mailboxes").at(0);
    EXPECT_EQ(shown.at("paused"), true);
    EXPECT_EQ(shown.at("cause"), "the service principal is missing");
    EXPECT_EQ(shown.at("answer").at("code"), 535);
    EXPECT_EQ(shown.at("answer").at("text"), "no ?[31m good");
    EXPECT_EQ(shown.at("paused_since"), "2026-11-18T11:06:40.250Z");
    EXPECT_TRUE(shown.at("next_probe").is_null());
    EXPECT_EQ(shown.at("budget").at("messages"), 5);
    EXPECT_EQ(body.at("tokens").at(0).at("credential"), "contoso");
    EXPECT_EQ(body.at("tokens").at(0).at("usable"), false);
    EXPECT_EQ(body.at("tokens").at(0).at("last_failure").at("kind"), "configuration");
    EXPECT_EQ(body.at("tokens").at(0).at("last_failure").at("cause"), "the secret has expired");
}

TEST_F(ApiTest, StatusHasTheCertificatesThatClientsAreShown) {
    certificates = {{"/etc/mailramp/tls.pem", clock.wall_now, false}};
    EXPECT_EQ(json::serialize(ask_json("GET", "/v1/status").at("certificates")),
              R"([{"file":"/etc/mailramp/tls.pem","ends":"2026-11-18T11:06:40.250Z","own":false}])");
}

TEST_F(ApiTest, ListPassesItsFieldsOnAndNamesTheNextPage) {
    store.page = queue::ListPage{{a_message(77)}, queue::QueueId(77)};
    const json::value body =
        ask_json("GET", "/v1/messages?after=" + id + "&limit=5&state=held&mailbox=al%20erts");
    ASSERT_TRUE(store.listed);
    EXPECT_EQ(store.listed->after, queue::QueueId(77));
    EXPECT_EQ(store.listed->messages_max, 5u);
    EXPECT_EQ(store.listed->state, queue::RecipientState::held);
    EXPECT_EQ(store.listed->mailbox, "al erts");
    EXPECT_EQ(body.at("next"), id.c_str());
    const json::value& message = body.at("messages").at(0);
    EXPECT_EQ(message.at("id"), id.c_str());
    EXPECT_EQ(message.at("accepted"), "2026-11-18T11:04:40.000Z");
    EXPECT_EQ(message.at("recipients").at(0).at("due"), "2026-11-18T11:07:40.000Z");
    EXPECT_TRUE(message.at("recipients").at(0).at("answer").is_null());
}

TEST_F(ApiTest, ListIsBoundedInMessagesAndRecipients) {
    options.list_recipients_max = 2;
    queue::MessageRow message = a_message(77);
    message.recipients.assign(5, a_recipient("x@y.example", queue::RecipientState::held));
    store.page = queue::ListPage{{message}, {}};
    const json::value body = ask_json("GET", "/v1/messages");
    EXPECT_EQ(store.listed->messages_max, 100u);
    EXPECT_EQ(body.at("messages").at(0).at("recipients").as_array().size(), 2u);
    EXPECT_EQ(body.at("messages").at(0).at("recipients_total"), 5);
    EXPECT_TRUE(body.at("messages").at(0).at("recipients").at(0).at("due").is_null())
        << "held ones wait for no time";
    EXPECT_TRUE(body.at("next").is_null());
}

TEST_F(ApiTest, ListRefusesWhatItDoesNotKnow) {
    EXPECT_THAT(error_of("GET", "/v1/messages?limit=0", 400), HasSubstr("from 1 to 200"));
    EXPECT_THAT(error_of("GET", "/v1/messages?limit=201", 400), HasSubstr("from 1 to 200"));
    EXPECT_THAT(error_of("GET", "/v1/messages?limit=x", 400), HasSubstr("limit"));
    EXPECT_THAT(error_of("GET", "/v1/messages?state=lost", 400), HasSubstr("state must be"));
    EXPECT_THAT(error_of("GET", "/v1/messages?state=delivered", 400), HasSubstr("state must be"));
    EXPECT_THAT(error_of("GET", "/v1/messages?after=!", 400), HasSubstr("not a queue id"));
    EXPECT_THAT(error_of("GET", "/v1/messages?sender=x", 400), HasSubstr("not \"sender\""));
    EXPECT_FALSE(store.listed);
}

TEST_F(ApiTest, ShowHasAllRecipients) {
    options.list_recipients_max = 1;
    queue::MessageRow message = a_message(77);
    message.recipients.assign(5, a_recipient("x@y.example", queue::RecipientState::queued));
    store.message = message;
    EXPECT_EQ(ask_json("GET", "/v1/messages/" + id).at("recipients").as_array().size(), 5u);
}

TEST_F(ApiTest, ShownTextHasNoControlCharactersAndIsUtf8) {
    queue::MessageRow message = a_message(77);
    message.sender = "\xff\x1b]0;title\x07@x";
    message.recipients[0].answer = mail::Answer{mail::Channel::smtp, mail::Phase::rcpt, 550, "5.1.1",
                                                "a\r\nb\xc2\x9b"
                                                "c"};
    store.message = message;
    const ApiResponse response = ask("GET", "/v1/messages/" + id);
    EXPECT_THAT(response.body, HasSubstr(R"("sender":"??]0;title?@x")"));
    EXPECT_THAT(response.body, HasSubstr(R"("text":"a??b?c")"));
}

TEST_F(ApiTest, AnswersAreExplained) {
    queue::MessageRow message = a_message(77);
    message.recipients[0].answer = mail::Answer{mail::Channel::smtp, mail::Phase::mail, 550, "5.7.60", "no"};
    message.recipients.push_back(a_recipient("silent@y.example", queue::RecipientState::queued));
    store.message = message;
    const json::value body = ask_json("GET", "/v1/messages/" + id);
    EXPECT_EQ(body.at("recipients").at(0).at("cause"), "alerts got 5.7.60");
    EXPECT_EQ(body.at("recipients").at(0).at("remedy"), "do this");
    EXPECT_EQ(body.at("recipients").at(1).at("cause"), "") << "nobody has said anything about this one";
}

TEST_F(ApiTest, HeldRecipientsHaveTheirReason) {
    queue::MessageRow message = a_message(77);
    message.recipients[0].state = queue::RecipientState::held;
    message.recipients[0].hold_reason = queue::HoldReason::damaged;
    message.recipients.push_back(a_recipient("waits@y.example", queue::RecipientState::queued));
    store.message = message;
    const json::value body = ask_json("GET", "/v1/messages/" + id);
    EXPECT_EQ(body.at("recipients").at(0).at("hold_reason"), "damaged");
    EXPECT_EQ(body.at("recipients").at(0).at("remedy"), "do this") << "explained also without an answer";
    EXPECT_EQ(body.at("recipients").at(1).at("hold_reason"), nullptr);
}

TEST_F(ApiTest, MissingMessagesAre404AndBadIdsAre400) {
    EXPECT_EQ(error_of("GET", "/v1/messages/" + id, 404), "not_found: no such message");
    EXPECT_EQ(error_of("POST", "/v1/messages/" + id + "/retry", 404), "not_found: no such message");
    EXPECT_THAT(error_of("GET", "/v1/messages/retry", 400), HasSubstr("\"retry\" is not a queue id"));
    EXPECT_THAT(error_of("DELETE", "/v1/messages/!", 400), HasSubstr("not a queue id"));
    EXPECT_THAT(store.retried, IsEmpty());
    EXPECT_THAT(store.removed, IsEmpty());
}

TEST_F(ApiTest, RetryTellsOfPausedMailboxesInTheWay) {
    store.message = a_message(77);
    delivery::MailboxStatus paused;
    paused.name = "alerts";
    paused.paused = true;
    delivery::MailboxStatus other = paused;
    other.name = "other";
    mailboxes = {paused, other};
    const json::value one = ask_json("POST", "/v1/messages/" + id + "/retry");
    EXPECT_EQ(one.at("recipients"), 2);
    EXPECT_EQ(json::serialize(one.at("paused_mailboxes")), R"(["alerts"])");
    const json::value all = ask_json("POST", "/v1/messages/retry");
    EXPECT_EQ(json::serialize(all.at("paused_mailboxes")), R"(["alerts","other"])");
    EXPECT_THAT(store.retried, ElementsAre(queue::QueueId(77), std::nullopt));
    EXPECT_EQ(senders_tried_again, 2);  // a human has looked at it
}

TEST_F(ApiTest, RetryOfWhatIsOnlyInTheHistoryIsAnError) {
    queue::MessageRow message = a_message(77);
    message.recipients = {a_recipient("x@y.example", queue::RecipientState::delivered),
                          a_recipient("z@y.example", queue::RecipientState::failed)};
    store.message = message;
    EXPECT_THAT(error_of("POST", "/v1/messages/" + id + "/retry", 404),
                HasSubstr("not in the queue any more"));
    EXPECT_THAT(store.retried, IsEmpty());
    message.recipients.push_back(a_recipient("y@y.example", queue::RecipientState::held));
    store.message = message;
    EXPECT_EQ(ask_json("POST", "/v1/messages/" + id + "/retry").at("recipients"), 2);
}

TEST_F(ApiTest, DeleteTellsHowManyRecipientsWent) {
    const json::value body = ask_json("DELETE", "/v1/messages/" + id);
    EXPECT_EQ(body.at("id"), id.c_str());
    EXPECT_EQ(body.at("recipients"), 2);
    EXPECT_THAT(store.removed, ElementsAre(queue::QueueId(77)));
    store.changed = base::fail(ErrorKind::conflict, "an attempt is under way");
    EXPECT_EQ(error_of("DELETE", "/v1/messages/" + id, 409), "conflict: an attempt is under way");
}

TEST_F(ApiTest, ResumeReachesTheMailbox) {
    EXPECT_EQ(ask_json("POST", "/v1/mailboxes/al%20erts/resume").at("mailbox"), "al erts");
    EXPECT_THAT(resumed, ElementsAre("al erts"));
    resume_result = base::fail(ErrorKind::not_found, "there is no mailbox x");
    EXPECT_EQ(error_of("POST", "/v1/mailboxes/x/resume", 404), "not_found: there is no mailbox x");
}

TEST_F(ApiTest, ATestAlertTellsHowItWentForEachTarget) {
    AdminContext with = context();
    with.try_alerts = []() -> io::Task<std::vector<alert::Trial>> {
        std::vector<alert::Trial> trials(1);
        trials[0] = {"webhook https://a.example", true, "HTTP 200"};
        co_return trials;
    };
    Api api(options, std::move(with));
    const ApiResponse response = ask(api, "POST", "/v1/alerts/test");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(
        json::parse(response.body),
        json::parse(
            R"({"targets": [{"target": "webhook https://a.example", "taken": true, "words": "HTTP 200"}]})"));
    EXPECT_THAT(error_of("POST", "/v1/alerts/test", 409), HasSubstr("not configured"));
}

TEST_F(ApiTest, HealthFollowsTheStore) {
    EXPECT_EQ(ask_json("GET", "/healthz").at("healthy"), true);
    store.state.state = queue::StoreState::full;
    store.state.reason = "the disk is full";
    const json::value body = ask_json("GET", "/healthz", 503);
    EXPECT_EQ(body.at("healthy"), false);
    EXPECT_EQ(body.at("state"), "full");
    EXPECT_EQ(body.at("reason"), "the disk is full");
}

TEST_F(ApiTest, AStalledDiskIsToldWithoutAskingIt) {
    store.all = base::fail(ErrorKind::internal, "the store was asked");
    AdminContext stalled = context();
    stalled.stalled_queue = [] {
        return StalledQueue{"no answer for 7 s",
                            queue::QueueCounts{.messages = 3, .queued = 3, .oldest_accepted = {}}};
    };
    Api api(options, std::move(stalled));
    const json::value status = json::parse(ask(api, "GET", "/v1/status").body);
    EXPECT_EQ(status.at("queue").at("state"), "stalled");
    EXPECT_EQ(status.at("queue").at("reason"), "no answer for 7 s");
    EXPECT_EQ(status.at("queue").at("messages"), 3);
    const ApiResponse health = ask(api, "GET", "/healthz");
    EXPECT_EQ(health.status, 503);
    const json::value body = json::parse(health.body);
    EXPECT_EQ(body.at("healthy"), false);
    EXPECT_EQ(body.at("state"), "stalled");
}

TEST_F(ApiTest, ErrorsOfTheStoreKeepTheirKind) {
    store.all = base::fail(ErrorKind::limit, "too many operations wait");
    EXPECT_EQ(error_of("GET", "/v1/status", 503), "limit: too many operations wait");
    store.page = base::fail(ErrorKind::io, "disk I/O error");
    EXPECT_EQ(error_of("GET", "/v1/messages", 500), "io: disk I/O error");
}

TEST_F(ApiTest, UnknownPathsAndMethodsSayWhatThereIs) {
    EXPECT_THAT(error_of("GET", "/v1/nothing", 404), HasSubstr("/v1/nothing"));
    EXPECT_EQ(error_of("GET", "status", 400), "invalid: the request target must start with a slash");
    const ApiResponse response = ask("BREW", "/v1/status");
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.allow, "GET, HEAD");
    EXPECT_THAT(response.body, Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace mailramp::admin
