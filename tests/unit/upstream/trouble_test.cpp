#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::testing::HasSubstr;
using testing::Point;
using testing::World;

struct Trouble {
    const char* name;
    Fault fault;
    const char* text;
};
constexpr Trouble troubles[] = {
    {"drop", Fault::drop, ""},
    {"421", Fault::say, "421 4.3.2 Service not available\r\n"},
    {"4xx", Fault::say, "451 4.7.0 Temporary server error. Please try again later. PRX2\r\n"},
    {"5xx", Fault::say, "554 5.9.9 no\r\n"},
    {"garbage", Fault::say, "\x15\x03\x01 what\r\n"},
    {"endless line", Fault::say, nullptr},
    {"hang", Fault::hang, ""},
};

Phase phase_of(Point point) {
    switch (point) {
        case Point::none:
            return Phase::none;
        case Point::banner:
            return Phase::banner;
        case Point::ehlo:
        case Point::ehlo_again:
            return Phase::ehlo;
        case Point::starttls:
            return Phase::starttls;
        case Point::tls:
            return Phase::tls;
        case Point::auth:
            return Phase::auth;
        case Point::mail:
            return Phase::mail;
        case Point::rcpt:
            return Phase::rcpt;
        case Point::data:
            return Phase::data;
        case Point::body:
            return Phase::body;
        case Point::body_end:
            return Phase::body_end;
    }
    return Phase::none;
}

// The one that ends the wait when the server hangs there. The others stay as they are, since this machine may
// be busy.
base::Duration& timeout_of(Point point, Timeouts& timeouts) {
    switch (point) {
        case Point::none:
        case Point::banner:
            return timeouts.banner_timeout;
        case Point::ehlo:
        case Point::ehlo_again:
            return timeouts.ehlo_timeout;
        case Point::starttls:
            return timeouts.starttls_timeout;
        case Point::tls:
            return timeouts.tls_timeout;
        case Point::auth:
            return timeouts.auth_timeout;
        case Point::mail:
        case Point::rcpt:
        case Point::data:
            return timeouts.envelope_timeout;
        case Point::body:
        case Point::body_end:
            return timeouts.body_end_timeout;
    }
    return timeouts.banner_timeout;
}

class TroubleAt : public ::testing::TestWithParam<Point> {};

TEST_P(TroubleAt, IsReportedAndOvercome) {
    for (const Trouble& trouble : troubles) {
        SCOPED_TRACE(trouble.name);
        World world;
        if (trouble.fault == Fault::hang) timeout_of(GetParam(), world.options.timeouts) = 500ms;
        testing::Script& script = world.server.script;
        script.point = GetParam();
        script.fault = trouble.fault;
        script.text = trouble.text != nullptr ? trouble.text : std::string(100'000, '2');
        const bool reply = script.text.starts_with("4") || script.text.starts_with("5");
        // While content flows nobody waits for the server, so its silence goes unnoticed until the end.
        const bool unnoticed = GetParam() == Point::body && trouble.fault == Fault::hang;
        const Point noticed = unnoticed ? Point::body_end : GetParam();
        // In place of a handshake any octets are garbage.
        const bool refusal = reply && GetParam() != Point::tls;

        // So much that it still flows when the server speaks up.
        std::string content = "Subject: x\r\n\r\n";
        while (GetParam() == Point::body && content.size() < 16'000'000)
            content += std::string(998, 'x') + "\r\n";
        const AttemptReport report = world.deliver(content);
        ASSERT_EQ(report.recipients.size(), 2u);
        for (const delivery::RecipientReport& recipient : report.recipients) {
            const bool first_or_all = &recipient == &report.recipients[0] || GetParam() != Point::rcpt;
            EXPECT_EQ(recipient.answer.channel, Channel::smtp);
            EXPECT_FALSE(recipient.answer.text.empty());
            EXPECT_LE(recipient.answer.text.size(), mail::answer_text_bytes_max);
            EXPECT_NE(recipient.fate, Fate::delivered);
            EXPECT_EQ(recipient.fate == Fate::uncertain, noticed == Point::body_end && !refusal);
            if (first_or_all) {
                EXPECT_EQ(recipient.answer.phase, phase_of(noticed));
                EXPECT_EQ(recipient.answer.code, refusal ? std::stoi(script.text.substr(0, 3)) : 0);
            }
        }
        EXPECT_EQ(world.server.messages(), 0u);

        // And the mailbox recovers by itself.
        script.fault = Fault::none;
        script.point = Point::none;
        expect_all(world.deliver(), Fate::delivered);
        EXPECT_EQ(world.server.messages(), 1u);
    }
}

INSTANTIATE_TEST_SUITE_P(EveryPoint, TroubleAt,
                         ::testing::Values(Point::banner, Point::ehlo, Point::starttls, Point::tls,
                                           Point::ehlo_again, Point::auth, Point::mail, Point::rcpt,
                                           Point::data, Point::body, Point::body_end));

TEST(SmtpCourier, HearsARefusalOfAServerThatNoLongerReads) {
    World world;
    world.server.script.point = Point::body;
    world.server.script.fault = Fault::say_and_stop;
    world.server.script.text = "452 4.3.1 Insufficient system resources\r\n";
    const AttemptReport report = world.deliver(std::string(32'000'000, 'x'));  // more than any socket buffer
    expect_all(report, Fate::refused);
    EXPECT_EQ(answer(report).phase, Phase::body);
    EXPECT_EQ(answer(report).code, 452);
}

TEST(SmtpCourier, ReportsContentThatCannotBeRead) {
    World world;
    delivery::Submission submission = world.submission();
    submission.content = [](std::uint64_t, std::size_t) -> io::Task<base::Result<std::string>> {
        co_return base::fail(base::ErrorKind::io, "read /spool/1: Input/output error");
    };
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).channel, Channel::local);
    EXPECT_THAT(answer(report).text, HasSubstr("Input/output error"));
    EXPECT_EQ(world.server.messages(), 0u);
    expect_all(world.deliver(), Fate::delivered);
}

TEST(SmtpCourier, EndsAnAttemptAtItsDeadline) {
    World world;
    world.server.script.point = Point::mail;
    world.server.script.fault = Fault::hang;
    delivery::Submission submission = world.submission();
    submission.deadline = world.clock.steady() + 300ms;
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
}

TEST(SmtpCourier, EndsALookupAtTheDeadlineOfItsAttempt) {
    World world;
    const io::testing::HungNameServer names(world.loop);
    world.options.host = "hung.example";
    world.options.connect.resolve_timeout = io::testing::patient;
    delivery::Submission submission = world.submission();
    submission.deadline = world.clock.steady() + 20ms;
    const AttemptReport report = world.loop.run(world.courier().deliver(std::move(submission)));
    expect_all(report, Fate::not_tried);
    EXPECT_EQ(answer(report).phase, Phase::resolve);
}

}  // namespace
}  // namespace mailramp::upstream
