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
        seen.pause_mailbox = [this](const std::string& name, const std::string& cause) {
            pauses.push_back(name + ": " + cause);
            return resume_result;
        };
        return seen;
    }

    ApiResponse ask(std::string method, std::string target) {
        Api api(options, context());
        return ask(api, std::move(method), std::move(target));
    }

    ApiResponse ask(Api& api, std::string method, std::string target) {
        std::optional<ApiResponse> got;
        auto work = api.answer(ApiRequest{std::move(method), std::move(target), "root (uid 0, pid 7)"});
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
    std::vector<std::string> pauses;
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
    EXPECT_EQ(store.listed->filter.state, queue::RecipientState::held);
    EXPECT_EQ(store.listed->filter.mailbox, "al erts");
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
    EXPECT_THAT(error_of("GET", "/v1/messages?senders=x", 400), HasSubstr("not \"senders\""));
    EXPECT_THAT(error_of("GET", "/v1/messages?sender=", 400), HasSubstr("sender is empty"));
    EXPECT_THAT(error_of("GET", "/v1/messages?accepted_before=noon", 400), HasSubstr("seconds since 1970"));
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
    EXPECT_THAT(store.orders, IsEmpty());
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
    ASSERT_EQ(store.orders.size(), 2u);
    EXPECT_EQ(store.orders[0].verb, queue::Verb::retry);
    EXPECT_EQ(store.orders[0].id, queue::QueueId(77));
    EXPECT_EQ(store.orders[0].by, "root (uid 0, pid 7)");
    EXPECT_EQ(store.orders[1].id, std::nullopt);
    EXPECT_TRUE(store.orders[1].filter.all());
    EXPECT_EQ(senders_tried_again, 2);  // a human has looked at it
}

TEST_F(ApiTest, RetryOfWhatIsOnlyInTheHistoryIsAnError) {
    queue::MessageRow message = a_message(77);
    message.recipients = {a_recipient("x@y.example", queue::RecipientState::delivered),
                          a_recipient("z@y.example", queue::RecipientState::failed)};
    store.message = message;
    EXPECT_THAT(error_of("POST", "/v1/messages/" + id + "/retry", 404),
                HasSubstr("not in the queue any more"));
    EXPECT_THAT(store.orders, IsEmpty());
    message.recipients.push_back(a_recipient("y@y.example", queue::RecipientState::held));
    store.message = message;
    EXPECT_EQ(ask_json("POST", "/v1/messages/" + id + "/retry").at("recipients"), 2);
}

TEST_F(ApiTest, DeleteTellsHowManyRecipientsWent) {
    store.message = a_message(77);
    const json::value body = ask_json("DELETE", "/v1/messages/" + id);
    EXPECT_EQ(body.at("id"), id.c_str());
    EXPECT_EQ(body.at("recipients"), 2);
    ASSERT_EQ(store.orders.size(), 1u);
    EXPECT_EQ(store.orders[0].verb, queue::Verb::remove);
    EXPECT_EQ(store.orders[0].id, queue::QueueId(77));
    EXPECT_EQ(store.orders[0].by, "root (uid 0, pid 7)");
    EXPECT_EQ(senders_tried_again, 0);
    store.changed = base::fail(ErrorKind::conflict, "an attempt is under way");
    EXPECT_EQ(error_of("DELETE", "/v1/messages/" + id, 409), "conflict: an attempt is under way");
}

TEST_F(ApiTest, OrdersForManyTakeAFilterAndGoOnWhereTheyEnded) {
    store.changed = queue::OrderResult{3, 4, 1, 500};
    const json::value body =
        ask_json("POST",
                 "/v1/messages/hold?state=queued&mailbox=alerts&route=r&sender=%3C%3E&recipient=%40x.example"
                 "&message_id=1%40x&accepted_before=100&accepted_after=50&after=400");
    EXPECT_EQ(json::serialize(body), R"({"messages":3,"recipients":4,"busy":1,"next":500})");
    ASSERT_EQ(store.orders.size(), 1u);
    const queue::Order& order = store.orders[0];
    EXPECT_EQ(order.verb, queue::Verb::hold);
    EXPECT_EQ(order.after_row, 400);
    EXPECT_EQ(order.now, clock.wall_now);
    EXPECT_EQ(
        order.filter.text(),
        "state queued, mailbox alerts, route r, sender <>, recipient @x.example, Message-ID 1@x, accepted "
        "before 100, accepted after 50");
    EXPECT_EQ(ask("GET", "/v1/messages/count?state=held").status, 200);
    EXPECT_EQ(store.orders.back().verb, queue::Verb::count);
    EXPECT_EQ(ask("POST", "/v1/messages/release").status, 200);
    EXPECT_EQ(store.orders.back().verb, queue::Verb::release);
    EXPECT_EQ(senders_tried_again, 1) << "who releases mail wants it sent";
}

TEST_F(ApiTest, EverythingIsDeletedOnlyByThatWord) {
    EXPECT_THAT(error_of("DELETE", "/v1/messages", 400), HasSubstr("all=true"));
    EXPECT_THAT(error_of("DELETE", "/v1/messages?mailbx=a", 400), HasSubstr("mailbx"));
    EXPECT_THAT(error_of("DELETE", "/v1/messages?mailbox=", 400), HasSubstr("empty"));
    EXPECT_THAT(error_of("DELETE", "/v1/messages?all=true&mailbox=a", 400), HasSubstr("contradict"));
    EXPECT_THAT(error_of("DELETE", "/v1/messages?all=yes", 400), HasSubstr("only be true"));
    EXPECT_THAT(store.orders, IsEmpty());
    EXPECT_EQ(ask("DELETE", "/v1/messages?all=true").status, 200);
    EXPECT_EQ(ask("DELETE", "/v1/messages?mailbox=a").status, 200);
    EXPECT_EQ(store.orders.size(), 2u);
}

TEST_F(ApiTest, ContentComesInPiecesThatAreNoJson) {
    store.content = std::string(1 << 20, 'x') + "y\r\n";
    const ApiResponse first = ask("GET", "/v1/messages/" + id + "/content");
    EXPECT_EQ(first.body, std::string(1 << 20, 'x'));
    EXPECT_STREQ(first.content_type, "message/rfc822");
    EXPECT_EQ(ask("GET", "/v1/messages/" + id + "/content?offset=1048576").body, "y\r\n");
    EXPECT_EQ(ask("GET", "/v1/messages/" + id + "/content?offset=1048579").body, "");
    EXPECT_THAT(error_of("GET", "/v1/messages/" + id + "/content?offset=x", 400), HasSubstr("offset"));
    store.damage = base::Error{ErrorKind::invalid, "the content is damaged"};
    EXPECT_EQ(error_of("GET", "/v1/messages/" + id + "/content", 500), "io: the content is damaged");
}

TEST(OnRecord, IsWhateverChangesSomethingAndWhoeverBeginsToReadMail) {
    EXPECT_TRUE(is_on_record({"POST", "/v1/messages/retry"}));
    EXPECT_TRUE(is_on_record({"DELETE", "/nothing"}));
    EXPECT_TRUE(is_on_record({"GET", "/v1/messages/0ABC/content"}));
    EXPECT_TRUE(is_on_record({"HEAD", "/v1/messages/0ABC/content?offset=0"}));
    EXPECT_FALSE(is_on_record({"GET", "/v1/messages/0ABC/content?offset=1048576"})) << "told already";
    EXPECT_FALSE(is_on_record({"GET", "/v1/messages/0ABC"}));
    EXPECT_FALSE(is_on_record({"GET", "nonsense"}));
}

TEST_F(ApiTest, HistoryHasTheReceiptTakenApart) {
    queue::HistoryRow row;
    row.row = 12;
    row.message = a_message(77);
    row.message.recipients = {a_recipient("ops@contoso.example", queue::RecipientState::delivered)};
    row.message.recipients[0].receipt =
        "2.6.0 <1@[10.0.0.1]> [InternalId=9876, Hostname=AM0PR.PROD.OUTLOOK.COM] 4200 bytes in 0.1 s";
    store.past = queue::HistoryPage{{row}, 12};
    const json::value body = ask_json(
        "GET", "/v1/history?id=" + id + "&before=90&limit=7&state=delivered&ended_after=5&ended_before=9");
    ASSERT_TRUE(store.looked_back);
    EXPECT_EQ(store.looked_back->id, queue::QueueId(77));
    EXPECT_EQ(store.looked_back->before, 90);
    EXPECT_EQ(store.looked_back->rows_max, 7u);
    EXPECT_EQ(store.looked_back->filter.state, queue::RecipientState::delivered);
    EXPECT_EQ(store.looked_back->ended_after, base::WallTime(std::chrono::seconds(5)));
    EXPECT_EQ(store.looked_back->ended_before, base::WallTime(std::chrono::seconds(9)));
    EXPECT_EQ(body.at("next"), 12);
    const json::value& ended = body.at("recipients").at(0);
    EXPECT_EQ(ended.at("id"), id.c_str());
    EXPECT_EQ(ended.at("address"), "ops@contoso.example");
    EXPECT_EQ(ended.at("ended"), "2026-11-18T11:07:40.000Z");
    EXPECT_EQ(ended.at("internal_id"), "9876");
    EXPECT_EQ(ended.at("hostname"), "AM0PR.PROD.OUTLOOK.COM");
    EXPECT_THAT(error_of("GET", "/v1/history?state=held", 400), HasSubstr("delivered, failed or deleted"));
    EXPECT_THAT(error_of("GET", "/v1/history?after=1", 400), HasSubstr("\"after\""));
}

TEST_F(ApiTest, ATraceIsTheWholeStoryInTheOrderOfTime) {
    queue::MessageTrace story;
    story.message = a_message(77);
    story.message.recipients = {a_recipient("ops@contoso.example", queue::RecipientState::delivered),
                                a_recipient("it@contoso.example", queue::RecipientState::held)};
    queue::Event tried;
    tried.at = story.message.accepted + std::chrono::seconds(5);
    tried.recipients = 2;
    tried.address = "ops@contoso.example";
    tried.mailbox = "alerts";
    tried.due = tried.at + std::chrono::minutes(1);
    tried.answer = mail::Answer{mail::Channel::smtp, mail::Phase::mail, 451, "4.7.500", "busy"};
    queue::Event ordered;
    ordered.at = story.message.accepted + std::chrono::seconds(9);
    ordered.kind = queue::Event::Kind::ordered;
    ordered.verb = "retry";
    ordered.by = "root (uid 0, pid 7)";
    story.events = {tried, ordered};
    store.story = story;
    delivery::MailboxStatus standing;
    standing.name = "alerts";
    standing.paused = true;
    delivery::MailboxStatus other = standing;
    other.name = "other";
    mailboxes = {standing, other};
    const json::value body = ask_json("GET", "/v1/messages/" + id + "/trace");
    ASSERT_EQ(body.at("standing_mailboxes").as_array().size(), 1u);
    EXPECT_EQ(body.at("standing_mailboxes").at(0).at("name"), "alerts");
    std::vector<std::string> kinds;
    for (const json::value& event : body.at("events").as_array())
        kinds.emplace_back(event.at("kind").as_string());
    EXPECT_THAT(kinds, ElementsAre("accepted", "tried", "ordered", "delivered"));
    EXPECT_EQ(body.at("events").at(0).at("client"), "127.0.0.1");
    EXPECT_EQ(body.at("events").at(1).at("answer").at("code"), 451);
    EXPECT_EQ(body.at("events").at(1).at("cause"), "alerts got 4.7.500");
    EXPECT_EQ(body.at("events").at(2).at("by"), "root (uid 0, pid 7)");
    EXPECT_EQ(body.at("recipients").as_array().size(), 2u);
}

TEST_F(ApiTest, APauseHasItsReasonAndWhoWantedIt) {
    EXPECT_EQ(ask_json("POST", "/v1/mailboxes/al%20erts/pause?reason=new%20secret").at("mailbox"), "al erts");
    EXPECT_EQ(ask("POST", "/v1/mailboxes/x/pause").status, 200);
    EXPECT_THAT(pauses, ElementsAre("al erts: root (uid 0, pid 7) paused it: new secret",
                                    "x: root (uid 0, pid 7) paused it"));
    EXPECT_THAT(error_of("POST", "/v1/mailboxes/x/pause?reasn=y", 400), HasSubstr("reasn"));
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
