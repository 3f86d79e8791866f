#include <gtest/gtest.h>

#include "mailramp/provider/reply_catalogue.h"
#include "unit/io/hanging.h"
#include "unit/upstream/report.h"
#include "unit/upstream/world.h"

namespace mailramp::upstream {
namespace {

using namespace std::chrono_literals;
using delivery::AttemptReport;
using delivery::Fate;
using mail::Channel;
using mail::Phase;
using testing::Fault;
using testing::Point;
using testing::World;

TEST(SmtpCourier, ReplacesAWarmConnectionThatDiedWithoutLosingAnAttempt) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.server.cut_connections();
    expect_all(world.deliver(), Fate::delivered);
    EXPECT_EQ(world.server.records.size(), 2u);
    EXPECT_EQ(world.courier().status().at(0).connections_replaced, 1u);
}

TEST(SmtpCourier, ReplacesAWarmConnectionThatEndsAtMail) {
    for (const Fault fault : {Fault::drop, Fault::say}) {
        World world;
        expect_all(world.deliver(), Fate::delivered);
        world.server.script.point = Point::mail;
        world.server.script.fault = fault;
        world.server.script.text = "421 4.4.1 Connection timed out\r\n";
        world.server.script.times = 1;
        expect_all(world.deliver(), Fate::delivered);
        EXPECT_EQ(world.server.records.size(), 2u);
        EXPECT_EQ(world.courier().status().at(0).connections_replaced, 1u);
    }
}

TEST(SmtpCourier, DoesNotTryAFreshConnectionTwice) {
    World world;
    world.server.script.point = Point::mail;
    world.server.script.fault = Fault::drop;
    const AttemptReport report = world.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, NeverRepeatsAMessageWhoseEndWentOut) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.server.script.point = Point::body_end;
    world.server.script.fault = Fault::drop;
    expect_all(world.deliver(), Fate::uncertain);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, SaysGoodbyeToAnIdleConnection) {
    World world;
    world.options.pool.idle_timeout = 1ms;
    world.loop.spawn(world.courier().maintain());
    expect_all(world.deliver(), Fate::delivered);
    world.until([&] { return world.server.records[0]->ended; });
    EXPECT_TRUE(world.server.records[0]->said_quit);
    EXPECT_EQ(world.courier().status().at(0).connections_idle, 0u);
    world.courier().stop();
}

TEST(SmtpCourier, SaysGoodbyeWhenItStops) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.courier().stop();
    world.until([&] { return world.server.records[0]->ended; });
    EXPECT_TRUE(world.server.records[0]->said_quit);
}

TEST(SmtpCourier, EndsAConnectionWithTheTokenThatOpenedIt) {
    World world;
    world.source.life = 200ms;
    world.options.pool.session_age_max = world.options.pool.idle_timeout = 5h;
    world.loop.spawn(world.courier().maintain());
    expect_all(world.deliver(), Fate::delivered);
    world.until([&] { return world.server.records[0]->ended; });
    EXPECT_TRUE(world.server.records[0]->said_quit);
    world.courier().stop();
}

TEST(SmtpCourier, CutsWhatIsUnderWayWhenAborted) {
    World world;
    world.server.script.point = Point::body_end;
    world.server.script.fault = Fault::hang;
    std::optional<AttemptReport> report;
    world.loop.spawn(deliver_into(world.courier(), world.submission(), report));
    while (world.server.heard().find("\r\n.\r\n") == std::string::npos)
        world.loop.context().run_one();
    world.courier().abort();
    world.until([&] { return world.server.records[0]->ended; });
    while (!report)
        world.loop.context().run_one();
    expect_all(*report, Fate::uncertain);
}

// Nothing was sent and nothing says anything against the message or the mailbox.
void expect_stopping(const AttemptReport& report) {
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_EQ(answer(report).phase, Phase::connect);
    EXPECT_EQ(answer(report).text, "the daemon is stopping");
    const provider::Verdict verdict = provider::classify(provider::Dialect::exchange_online, answer(report));
    EXPECT_EQ(verdict.action, provider::Action::retry);
    EXPECT_EQ(verdict.radius, provider::Radius::connection);
}

TEST(SmtpCourier, EndsALookupWhenAborted) {
    World world;
    const io::testing::HungNameServer names(world.loop);
    world.options.host = "hung.example";
    world.options.connect.resolve_timeout = io::testing::patient;
    SmtpCourier& courier = world.courier();
    expect_stopping(world.loop.run(courier.deliver(world.submission()), [&] { courier.abort(); }));
    EXPECT_EQ(courier.status().at(0).connections_in_use, 0u);
}

TEST(SmtpCourier, EndsAnUnansweredConnectionWhenAborted) {
    World world;
    const io::testing::FullListener full(world.loop);
    world.options.port = full.endpoint().port;
    world.options.connect.address_timeout = io::testing::patient;
    SmtpCourier& courier = world.courier();
    expect_stopping(world.loop.run(courier.deliver(world.submission()), [&] { courier.abort(); }));
    EXPECT_EQ(courier.status().at(0).connections_in_use, 0u);
}

TEST(SmtpCourier, EndsALoginWhenAborted) {
    World world;
    world.server.script.point = Point::auth;
    world.server.script.fault = Fault::hang;
    std::optional<AttemptReport> report;
    world.loop.spawn(deliver_into(world.courier(), world.submission(), report));
    while (world.server.heard().find("AUTH") == std::string::npos)
        world.loop.context().run_one();
    world.courier().abort();
    while (!report)
        world.loop.context().run_one();
    expect_stopping(*report);
}

TEST(SmtpCourier, EndsTheWaitForAPlaceWhenAborted) {
    World world;
    world.options.pool.connections_max = 1;
    world.server.script.point = Point::body_end;
    world.server.script.fault = Fault::hang;
    std::optional<AttemptReport> first;
    std::optional<AttemptReport> second;
    world.loop.spawn(deliver_into(world.courier(), world.submission(), first));
    world.loop.spawn(deliver_into(world.courier(), world.submission(), second));
    while (world.server.heard().find("\r\n.\r\n") == std::string::npos)
        world.loop.context().run_one();
    world.courier().abort();
    while (!first || !second)
        world.loop.context().run_one();
    expect_all(*first, Fate::uncertain);
    expect_stopping(*second);
    EXPECT_EQ(world.server.records.size(), 1u);
}

TEST(SmtpCourier, EndsTheWaitForATokenWhenTheCacheStops) {
    World world;
    io::Event never(world.loop.executor());
    world.source.hangs_on = &never;
    SmtpCourier& courier = world.courier();
    expect_stopping(world.loop.run(courier.deliver(world.submission()), [&] { world.tokens.stop(); }));
    EXPECT_TRUE(world.server.records.empty());
}

TEST(SmtpCourier, TriesNothingOnceAborted) {
    World world;
    expect_all(world.deliver(), Fate::delivered);
    world.courier().abort();
    expect_stopping(world.deliver());
    EXPECT_EQ(world.server.messages(), 1u);
}

}  // namespace
}  // namespace mailramp::upstream
