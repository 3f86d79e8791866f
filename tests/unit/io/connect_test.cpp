#include "mailramp/io/connect.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/resolver.h"
#include "unit/io/hanging.h"
#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

using base::ErrorKind;
using testing::FullListener;
using ::testing::HasSubstr;
using testing::HungNameServer;
using testing::Loop;
using testing::patient;
using namespace std::chrono_literals;

using Found = base::Result<std::vector<Endpoint>>;

Task<Found> look_up(std::string host, ConnectOptions options) {
    co_return co_await resolve(host, 25, options);
}

Task<base::Result<Stream>> reach(std::string host, std::uint16_t port, ConnectOptions options) {
    co_return co_await connect(host, port, options);
}

Task<base::Result<Stream>> reach_all(std::vector<Endpoint> endpoints, ConnectOptions options) {
    co_return co_await connect(endpoints, options);
}

Task<> look_up_detached(std::string host) {
    static_cast<void>(co_await look_up(host, ConnectOptions()));
}

void answer_with(Loop& loop, Lookup lookup) {
    Resolver::of(loop.executor()).set_lookup(std::move(lookup));
}

TEST(Resolve, NeedsNoThreadForANumber) {
    Loop loop;
    answer_with(loop, [](const std::string&, std::uint16_t, Family) -> Found {
        ADD_FAILURE() << "a number was looked up";
        return {};
    });
    const auto v4 = loop.run(look_up("127.0.0.1", {}));
    ASSERT_TRUE(v4.has_value());
    EXPECT_EQ(v4->at(0).address, "127.0.0.1");
    EXPECT_EQ(v4->at(0).port, 25);
    EXPECT_EQ(loop.run(look_up("::1", {})).value().at(0).address, "::1");
}

TEST(Resolve, KeepsToTheFamilyAskedFor) {
    Loop loop;
    ConnectOptions options;
    options.family = Family::ipv4;
    EXPECT_EQ(loop.run(look_up("::1", options)).error().kind, ErrorKind::not_found);
    EXPECT_TRUE(loop.run(look_up("127.0.0.1", options)).has_value());
}

TEST(Resolve, FindsTheAddressesOfAName) {
    Loop loop;
    ConnectOptions options;
    options.family = Family::ipv4;
    const auto found = loop.run(look_up("localhost", options));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->at(0).address, "127.0.0.1");
}

TEST(Resolve, KnowsLocalhostWithoutAsking) {
    for (const std::string name : {"localhost", "LOCALHOST.", "mail.localhost"}) {
        const std::vector<Endpoint> both = system_lookup(name, 25, Family::any).value();
        ASSERT_EQ(both.size(), 2U);
        EXPECT_EQ(both[0].address, "127.0.0.1");
        EXPECT_EQ(both[1].address, "::1");
        EXPECT_EQ(both[1].port, 25);
        EXPECT_EQ(system_lookup(name, 25, Family::ipv6).value().size(), 1U);
    }
}

TEST(Resolve, AHungLookupEndsAtItsDeadlineAndHoldsUpNobody) {
    Loop loop;
    HungNameServer server(loop);
    ConnectOptions options;
    options.resolve_timeout = 5ms;
    const auto found = loop.run(look_up("hung.example", options));
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().kind, ErrorKind::timeout);
    EXPECT_THAT(found.error().message, HasSubstr("hung.example"));
}

TEST(Resolve, ALookupMayOutliveItsEventLoop) {
    std::optional<Loop> loop(std::in_place);
    HungNameServer server(*loop);
    loop->spawn(look_up_detached("hung.example"));
    loop->context().poll();
    loop.reset();
    server.release();
}

TEST(Resolve, RefusesMoreHungLookupsThanAllowed) {
    Loop loop;
    HungNameServer server(loop);
    ConnectOptions options;
    options.resolve_timeout = 5ms;
    options.lookups_in_flight_max = 1;
    EXPECT_EQ(loop.run(look_up("hung.example", options)).error().kind, ErrorKind::timeout);
    EXPECT_EQ(loop.run(look_up("hung.example", options)).error().kind, ErrorKind::unavailable);
}

TEST(Resolve, CountsLookupsOutWhenTheyEnd) {
    Loop loop;
    answer_with(loop, [](const std::string&, std::uint16_t port, Family) {
        return Found(std::vector<Endpoint>{{"127.0.0.1", port}});
    });
    ConnectOptions options;
    options.lookups_in_flight_max = 1;
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(loop.run(look_up("quick.example", options)).has_value());
}

TEST(Resolve, PassesOnThatANameIsUnknown) {
    Loop loop;
    answer_with(loop, [](const std::string&, std::uint16_t, Family) -> Found {
        return base::fail(ErrorKind::not_found, "look up nobody.example: Name or service not known");
    });
    EXPECT_EQ(loop.run(look_up("nobody.example", {})).error().kind, ErrorKind::not_found);
}

TEST(Connect, TriesEveryAddressAndTakesTheFirstThatAnswers) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    auto dead = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    const Endpoint refused = dead.endpoint();
    dead.close();
    auto stream = loop.run(reach_all({refused, listener.endpoint()}, {}));
    ASSERT_TRUE(stream.has_value());
    EXPECT_EQ(stream->peer_address(), "127.0.0.1");
}

TEST(Connect, NamesEveryAddressAndWhyItFailed) {
    Loop loop;
    auto dead = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    const Endpoint refused = dead.endpoint();
    const std::string port = std::to_string(refused.port);
    dead.close();
    const auto stream = loop.run(reach_all({refused, {"127.0.0.2", refused.port}}, {}));
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(stream.error().message, HasSubstr("127.0.0.1:" + port + ": Connection refused"));
    EXPECT_THAT(stream.error().message, HasSubstr("127.0.0.2:" + port + ": Connection refused"));
}

TEST(Connect, TriesNoMoreAddressesThanAllowed) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    ConnectOptions options;
    options.addresses_max = 1;
    EXPECT_FALSE(
        loop.run(reach_all({{"127.0.0.2", listener.endpoint().port}, listener.endpoint()}, options)));
}

TEST(Connect, GivesAnAddressUpAtItsDeadline) {
    Loop loop;
    const FullListener full(loop);
    ConnectOptions options;
    options.address_timeout = 20ms;
    const auto stream = loop.run(reach_all({full.endpoint()}, options));
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().kind, ErrorKind::timeout);
}

TEST(Connect, TriesNoFurtherAddressWhenTheTotalTimeIsUp) {
    Loop loop;
    const FullListener full(loop);
    auto good = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    ConnectOptions options;
    options.address_timeout = patient;
    options.total_timeout = 20ms;
    const auto stream = loop.run(reach_all({full.endpoint(), good.endpoint()}, options));
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().kind, ErrorKind::timeout);
    EXPECT_THAT(stream.error().message, HasSubstr("no answer within the time limit; "));
    EXPECT_THAT(stream.error().message,
                HasSubstr(":" + std::to_string(good.endpoint().port) + ": not tried"));
}

TEST(Connect, CountsTheLookupTowardsTheTotalTime) {
    Loop loop;
    HungNameServer server(loop);
    ConnectOptions options;
    options.resolve_timeout = patient;
    options.total_timeout = 5ms;
    const auto stream = loop.run(reach("hung.example", 25, options));
    ASSERT_FALSE(stream.has_value());
    EXPECT_EQ(stream.error().kind, ErrorKind::timeout);
}

TEST(Connect, LooksUpAndConnectsByName) {
    Loop loop;
    auto listener = Listener::bind_tcp(loop.executor(), {"127.0.0.1", 0}, 10).value();
    answer_with(loop, [](const std::string&, std::uint16_t port, Family) {
        return Found(std::vector<Endpoint>{{"127.0.0.1", port}});
    });
    EXPECT_TRUE(loop.run(reach("smtp.example", listener.endpoint().port, {})).has_value());
}

TEST(Connect, WithoutAnyAddressIsNotFound) {
    Loop loop;
    EXPECT_EQ(loop.run(reach_all({}, {})).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace mailramp::io
