// What has to be durable before the end of data may go out.
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
using ::testing::Not;
using testing::Point;
using testing::World;

// A disk that answers when it is told to.
struct Disk {
    explicit Disk(World& with) : world(with), may_answer(with.loop.executor()) {}

    io::Task<base::Result<>> mark(std::vector<std::size_t> accepted) {
        ++marks;
        marked = std::move(accepted);
        messages_before = world.server.messages();
        if (hangs) co_await may_answer.wait();
        ++answers;
        co_return result;
    }
    AttemptReport deliver() {
        delivery::Submission submission = world.submission();
        submission.before_end = [this](auto accepted) { return mark(std::move(accepted)); };
        return world.loop.run(world.courier().deliver(std::move(submission)));
    }

    World& world;
    io::Event may_answer;
    bool hangs = false;
    base::Result<> result;
    int marks = 0, answers = 0;
    std::size_t messages_before = 1000;
    std::vector<std::size_t> marked;
};

io::Task<bool> let_it_answer(Disk& disk) {
    disk.may_answer.notify();
    while (disk.answers == 0)
        co_await io::sleep_for(1ms);
    co_return true;
}

TEST(BeforeTheEndOfData, TheAttemptIsNotedOnceAndTheServerHasNothing) {
    World world;
    Disk disk(world);
    expect_all(disk.deliver(), Fate::delivered);
    EXPECT_EQ(disk.marks, 1);
    EXPECT_EQ(disk.messages_before, 0u);
    EXPECT_EQ(world.server.messages(), 1u);
    expect_all(disk.deliver(), Fate::delivered);
    EXPECT_EQ(disk.marks, 2);
    EXPECT_EQ(world.server.records.size(), 1u) << "the connection stays";
}

TEST(BeforeTheEndOfData, OnlyThoseWhomTheServerAcceptedAreNoted) {
    World world;
    world.server.script.point = Point::rcpt;
    world.server.script.fault = Fault::say;
    world.server.script.text = "550 5.1.1 nobody of this name\r\n";
    world.server.script.times = 1;
    Disk disk(world);
    const AttemptReport report = disk.deliver();
    EXPECT_EQ(report.recipients.at(0).fate, Fate::refused);
    EXPECT_EQ(report.recipients.at(1).fate, Fate::delivered);
    EXPECT_EQ(disk.marked, std::vector<std::size_t>{1});
    expect_all(disk.deliver(), Fate::delivered);
    EXPECT_EQ(disk.marked, (std::vector<std::size_t>{0, 1}));
}

TEST(BeforeTheEndOfData, AFailureSendsNoDotAndTriesNobody) {
    World world;
    Disk disk(world);
    disk.result = base::fail(base::ErrorKind::unavailable, "the disk is ill");
    const AttemptReport report = disk.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_EQ(answer(report).phase, Phase::body);
    EXPECT_EQ(answer(report).code, 451);
    EXPECT_THAT(answer(report).text, HasSubstr("the disk is ill"));
    world.until([&] { return world.server.records.at(0)->ended; });
    EXPECT_EQ(world.server.messages(), 0u);
    EXPECT_THAT(world.server.heard(), HasSubstr("Hello\r\n"));
    EXPECT_THAT(world.server.heard(), Not(HasSubstr("\r\n.\r\n")));
}

TEST(BeforeTheEndOfData, ADiskThatHangsIsNotWaitedForForEver) {
    World world;
    world.options.timeouts.before_end_timeout = 10ms;
    Disk disk(world);
    disk.hangs = true;
    const AttemptReport report = disk.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_EQ(answer(report).code, 451);
    world.until([&] { return world.server.records.at(0)->ended; });
    // The disk's answer comes too late to send anything.
    EXPECT_TRUE(world.loop.run(let_it_answer(disk)));
    EXPECT_EQ(world.server.messages(), 0u);
    EXPECT_THAT(world.server.heard(), Not(HasSubstr("\r\n.\r\n")));
}

TEST(BeforeTheEndOfData, AServerThatHangsUpIsHeardWhileTheDiskHangs) {
    World world;
    world.server.script.point = Point::body;
    world.server.script.fault = Fault::drop;
    Disk disk(world);
    disk.hangs = true;
    const AttemptReport report = disk.deliver();
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::smtp);
    EXPECT_EQ(answer(report).phase, Phase::body);
    if (disk.marks == 0) return;  // it was heard even before
    EXPECT_TRUE(world.loop.run(let_it_answer(disk)));
}

io::Task<base::Result<>> abort_then(Disk& disk, std::vector<std::size_t> accepted) {
    disk.world.courier().abort();
    co_return co_await disk.mark(std::move(accepted));
}

TEST(BeforeTheEndOfData, ACourierThatIsCutDoesNotWaitForTheDisk) {
    World world;
    Disk disk(world);
    disk.hangs = true;
    delivery::Submission submission = world.submission();
    submission.before_end = [&disk](auto accepted) { return abort_then(disk, std::move(accepted)); };
    expect_all(world.loop.run(world.courier().deliver(std::move(submission))), Fate::not_tried);
    EXPECT_EQ(disk.answers, 0);
    EXPECT_TRUE(world.loop.run(let_it_answer(disk)));
    EXPECT_EQ(world.server.messages(), 0u);
}

}  // namespace
}  // namespace mailramp::upstream
