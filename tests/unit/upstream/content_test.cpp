#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::testing::HasSubstr;
using testing::Point;
using testing::World;

io::Task<base::Result<std::string>> jump_and_read(World& world, base::Duration ahead,
                                                  delivery::ContentReader read, std::uint64_t offset,
                                                  std::size_t octets_max) {
    world.clock.ahead = ahead;
    co_return co_await read(offset, octets_max);
}

// Half an hour passes from the beginning of the attempt to the first octet of content.
AttemptReport deliver_late(World& world, std::string content) {
    world.clock.ahead = -30min;
    delivery::Submission submission = world.submission(std::move(content));
    submission.content = [&world, read = submission.content](std::uint64_t offset, std::size_t octets_max) {
        return jump_and_read(world, 0min, read, offset, octets_max);
    };
    return world.loop.run(world.courier().deliver(std::move(submission)));
}

TEST(SmtpCourier, WaitsForTheFinalReplyPastTheDeadline) {
    World world;
    world.options.timeouts.content_bytes_per_second_min = 1;
    expect_all(deliver_late(world, std::string(3600, 'x')), Fate::delivered);
}

TEST(SmtpCourier, SendsBigContentPastTheDeadlineAsLongAsItFlows) {
    World world;
    world.options.timeouts.content_bytes_per_second_min = 1000;
    std::string content;
    while (content.size() < 4'000'000)
        content += std::string(998, 'x') + "\r\n";
    expect_all(deliver_late(world, content), Fate::delivered);
    EXPECT_EQ(world.server.records.at(0)->messages.at(0), content);
}

TEST(SmtpCourier, GivesUpContentThatFlowsTooSlowly) {
    World world;
    world.options.timeouts.content_bytes_per_second_min = 1000;
    const AttemptReport report = deliver_late(world, std::string(1'000'000, 'x'));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::body);
    EXPECT_THAT(answer(report).text, HasSubstr("too slowly"));
    EXPECT_EQ(world.server.messages(), 0u);
}

TEST(SmtpCourier, GivesUpAServerThatNoLongerTakesContent) {
    World world;
    world.server.script.point = Point::body;
    world.server.script.fault = Fault::say_and_stop;
    world.options.timeouts.body_timeout = 100ms;
    world.options.timeouts.last_words_timeout = 1ms;
    const AttemptReport report = world.deliver(std::string(32'000'000, 'x'));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::body);
}

TEST(SmtpCourier, ReadsEveryOctetOfContentOnce) {
    World world;
    world.options.body_piece_bytes = 16;
    delivery::Submission submission = world.submission(std::string(30, 'x') + "\r\n");
    std::vector<std::pair<std::uint64_t, std::size_t>> reads;
    submission.content = [&reads, read = submission.content](std::uint64_t offset, std::size_t octets_max) {
        reads.emplace_back(offset, octets_max);
        return read(offset, octets_max);
    };
    expect_all(world.loop.run(world.courier().deliver(std::move(submission))), Fate::delivered);
    EXPECT_THAT(reads, ::testing::ElementsAre(::testing::Pair(0, 16), ::testing::Pair(16, 16)));
    EXPECT_EQ(world.server.records.at(0)->messages.at(0), std::string(30, 'x') + "\r\n");
}

io::Task<base::Result<std::string>> refuse_to_read(base::ErrorKind kind) {
    co_return base::fail(kind, "words of the store");
}

TEST(SmtpCourier, TellsDamagedContentFromContentThatCannotBeReadNow) {
    for (const base::ErrorKind kind : {base::ErrorKind::invalid, base::ErrorKind::io}) {
        World world;
        delivery::Submission submission = world.submission();
        submission.content = [kind](std::uint64_t, std::size_t) { return refuse_to_read(kind); };
        const bool damaged = kind == base::ErrorKind::invalid;
        const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
        expect_all(report, damaged ? Fate::damaged : Fate::not_tried);
        EXPECT_EQ(answer(report).channel, Channel::local);
        EXPECT_EQ(answer(report).code, damaged ? 0 : 451);
        EXPECT_THAT(answer(report).text, HasSubstr("words of the store"));
        EXPECT_EQ(world.server.messages(), 0u);
        expect_all(world.deliver(), Fate::delivered);
    }
}

TEST(SmtpCourier, SendsNoMessageWhoseContentIsNotAsLongAsSaid) {
    for (const int difference : {-1, 1}) {
        World world;
        delivery::Submission submission = world.submission();
        submission.size_bytes -= static_cast<std::uint64_t>(difference);
        submission.content = [](std::uint64_t offset, std::size_t) -> io::Task<base::Result<std::string>> {
            const std::string content = "Subject: x\r\n\r\nHello\r\n";
            co_return content.substr(std::min<std::size_t>(offset, content.size()));
        };
        const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
        expect_all(report, Fate::not_tried);
        EXPECT_EQ(answer(report).channel, Channel::local);
        EXPECT_EQ(world.server.messages(), 0u);
    }
}

}  // namespace
}  // namespace mailramp::upstream
