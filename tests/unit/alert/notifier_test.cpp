#include "mailramp/alert/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "mailramp/base/events.h"
#include "mailramp/io/timer.h"
#include "unit/alert/samples.h"
#include "unit/io/loop.h"
#include "unit/oauth/fakes.h"

namespace mailramp::alert {
namespace {

namespace events = base::events;
using namespace std::chrono_literals;
using oauth::FakeClock;
using oauth::FakeHttpClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* url = "https://hooks.example/services/very-secret-path";

class NotifierTest : public testing::Test {
  protected:
    static Options options() {
        Options given;
        given.webhook = {oauth::SecretPlace::configuration, "", base::Secret(url)};
        return given;
    }
    Notifier& make(Options given) {
        notifier_.emplace(std::move(given), "relay", http_, loop_.executor(), clock_,
                          base::Logger(&sink_, base::LogLevel::debug));
        return *notifier_;
    }
    // Whatever can be done without waiting.
    void run() {
        loop_.context().restart();
        loop_.context().poll();
    }
    std::vector<std::string> logged(std::string_view event) {
        std::vector<std::string> found;
        for (const auto& [name, text] : log_)
            if (name == event) found.push_back(text);
        return found;
    }

    io::testing::Loop loop_;
    FakeClock clock_;
    FakeHttpClient http_;
    std::vector<std::pair<std::string, std::string>> log_;
    const base::Logger::Sink sink_ = [this](const base::LogRecord& record) {
        std::string text = record.level == base::LogLevel::debug ? "(debug) " : "";
        text += record.message;
        for (const base::LogField& field : record.fields)
            text += " " + std::string(field.key) + "=" + field.value;
        log_.emplace_back(record.event, text);
    };
    std::optional<Notifier> notifier_;
};

TEST_F(NotifierTest, PostsAnAlertAsJsonAndLogsIt) {
    http_.answer_with(202, "");
    Options given = options();
    given.proxy = "http://proxy:3128";
    given.timeout = 3s;
    Notifier& notifier = make(std::move(given));
    notifier.observe({paused("erp")});
    run();
    ASSERT_EQ(http_.requests.size(), 1u);
    const io::HttpRequest& request = http_.requests[0];
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, url);
    EXPECT_EQ(request.proxy, "http://proxy:3128");
    EXPECT_EQ(request.total_timeout, 3s);
    EXPECT_EQ(request.schemes, io::UrlSchemes::https_or_http);
    EXPECT_EQ(boost::json::parse(request.body.reveal()).at("event"), "mailbox_paused");
    EXPECT_THAT(logged(events::alert_raised), ElementsAre(HasSubstr("mailbox erp is paused")));
    EXPECT_THAT(logged(events::alert_sent),
                ElementsAre(HasSubstr("HTTP 202 target=webhook https://hooks.example")));
    EXPECT_EQ(notifier.targets().at(0).taken, 1u);
    notifier.observe({});
    EXPECT_THAT(logged(events::alert_resolved), ElementsAre(HasSubstr("sends again")));
}

TEST_F(NotifierTest, SaysOnceThatATargetFailsAndNeverShowsItsUrl) {
    http_.fail_with(base::ErrorKind::timeout, "POST https://hooks.example: timed out");
    http_.answer_with(503, url);
    for (int i = 0; i < 3; ++i)
        http_.answer_with(200, "");
    Options given = options();
    given.outbox.retry_delay = 1s;
    given.outbox.retry_delay_max = 1s;
    Notifier& notifier = make(std::move(given));
    // What is pushed wakes the target, which then sees that the pause is over.
    notifier.observe({paused("a")});
    run();
    EXPECT_EQ(http_.requests.size(), 1u);
    clock_.steady_now += 1s;
    notifier.observe({paused("a"), paused("b")});
    run();
    EXPECT_EQ(http_.requests.size(), 2u);
    EXPECT_THAT(notifier.targets().at(0).trouble, HasSubstr("HTTP 503"));
    clock_.steady_now += 1s;
    notifier.observe({paused("a"), paused("b"), paused("c")});
    run();
    EXPECT_EQ(http_.requests.size(), 5u);
    EXPECT_THAT(logged(events::alert_failed),
                ElementsAre(HasSubstr("timed out"), HasSubstr("(debug) still")));
    EXPECT_THAT(logged(events::alert_sent), testing::SizeIs(3));
    EXPECT_EQ(notifier.targets().at(0).trouble, "");
    for (const auto& [event, text] : log_)
        EXPECT_THAT(text, Not(HasSubstr("very-secret-path"))) << event;
}

TEST_F(NotifierTest, GivesUpWhatIsRefused) {
    http_.answer_with(404, "no_service");
    Notifier& notifier = make(options());
    notifier.observe({paused("erp")});
    run();
    const TargetStatus target = notifier.targets().at(0);
    EXPECT_EQ(target.lost, 1u);
    EXPECT_EQ(target.waiting, 0u);
    EXPECT_THAT(target.trouble, HasSubstr("HTTP 404"));
}

TEST_F(NotifierTest, AsksNobodyWithoutAGoodUrl) {
    Options given;
    given.webhook = {oauth::SecretPlace::configuration, "",
                     base::Secret("http://evil.example/very-secret-path")};
    Notifier& notifier = make(std::move(given));
    notifier.observe({paused("erp")});
    run();
    EXPECT_THAT(http_.requests, IsEmpty());
    EXPECT_THAT(notifier.targets().at(0).trouble, HasSubstr("http:// to another machine"));
    EXPECT_EQ(notifier.targets().at(0).target, "webhook");
}

TEST_F(NotifierTest, TellsTheLogAloneWhenNobodyIsConfigured) {
    Notifier& notifier = make(Options{});
    notifier.observe({paused("erp")});
    run();
    EXPECT_THAT(logged(events::alert_raised), ElementsAre(testing::_));
    EXPECT_THAT(notifier.targets(), IsEmpty());
    EXPECT_THAT(loop_.run(notifier.try_targets()), IsEmpty());
}

TEST_F(NotifierTest, SaysOnceThatTooManyAreTold) {
    Options given;
    given.monitor.per_hour_max = 1;
    Notifier& notifier = make(std::move(given));
    for (int i = 0; i < 3; ++i)
        notifier.observe({paused("a"), paused("b")});
    EXPECT_THAT(logged(events::alert_limited), ElementsAre(HasSubstr("per_hour_max=1")));
}

TEST_F(NotifierTest, TellsNothingAfterItsEnd) {
    Notifier& notifier = make(options());
    notifier.stop();
    notifier.observe({paused("erp")});
    run();
    EXPECT_THAT(http_.requests, IsEmpty());
    EXPECT_THAT(log_, IsEmpty());
}

TEST_F(NotifierTest, TriesEveryTargetAndSaysHowItWent) {
    http_.answer_with(200, "");
    Options given = options();
    given.exec = {"/nonexistent/notify", "--token=very-secret"};
    Notifier& notifier = make(std::move(given));
    const std::vector<Trial> trials = loop_.run(notifier.try_targets());
    ASSERT_EQ(trials.size(), 2u);
    EXPECT_EQ(trials[0].target, "webhook https://hooks.example");
    EXPECT_TRUE(trials[0].taken);
    EXPECT_EQ(trials[0].words, "HTTP 200");
    EXPECT_EQ(trials[1].target, "exec /nonexistent/notify");
    EXPECT_FALSE(trials[1].taken);
    EXPECT_THAT(trials[1].words, HasSubstr("No such file"));
    EXPECT_EQ(boost::json::parse(http_.requests.at(0).body.reveal()).at("event"), "test");
}

}  // namespace
}  // namespace mailramp::alert
