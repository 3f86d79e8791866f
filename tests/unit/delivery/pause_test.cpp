#include "delivery/pause.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace mailramp::delivery {
namespace {

using namespace std::chrono_literals;
using Change = Pause::Change;
using Kind = MailboxNews::Kind;
using mail::Phase;

const PauseOptions options;

Moment at(base::Duration since_start) {
    return {base::SteadyTime(100h) + since_start, base::WallTime(std::chrono::days(20'000)) + since_start};
}

MailboxNews news(Kind kind, Phase phase, int code = 0) {
    MailboxNews result;
    result.kind = kind;
    result.reached = phase;
    result.answer.channel = mail::Channel::smtp;
    result.answer.phase = phase;
    result.answer.code = code;
    return result;
}
MailboxNews refused_login() {
    MailboxNews result = news(Kind::pause, Phase::auth, 535);
    result.cause = "not allowed";
    result.remedy = "allow it";
    return result;
}
MailboxNews delivered() {
    return news(Kind::works, Phase::quit, 250);
}
MailboxNews unreachable() {
    return news(Kind::rest, Phase::connect);
}

// One attempt that begins and ends at the same time.
Change attempt(Pause& pause, const MailboxNews& word, base::Duration when, double chance = 0) {
    EXPECT_TRUE(pause.leave(at(when).steady).granted);
    return pause.end(pause.begin(), word, at(when), chance);
}
Pause paused_at_start() {
    Pause pause(options);
    EXPECT_EQ(attempt(pause, refused_login(), 0s), Change::paused);
    return pause;
}

TEST(Pause, AnOperatorsPauseHasNoProbesAndEndsOnlyByAnOperator) {
    Pause pause(options);
    const Pause::Ticket before = pause.begin();
    pause.order("ann paused it", "resume it", at(0s));
    EXPECT_EQ(pause.standing(), Pause::Standing::paused);
    EXPECT_TRUE(pause.ordered());
    EXPECT_EQ(pause.reason().cause, "ann paused it");
    EXPECT_EQ(pause.end(before, delivered(), at(1s), 0), Change::none)
        << "what was under way changes nothing";
    EXPECT_EQ(pause.end(before, refused_login(), at(1s), 0), Change::none);
    const Pause::Leave leave = pause.leave(at(1000h).steady);
    EXPECT_FALSE(leave.granted);
    EXPECT_EQ(leave.ask_again, std::nullopt);

    queue::MailboxRecord record;
    pause.describe(record);
    Pause restarted(options);
    restarted.restore(record, at(2h));
    EXPECT_TRUE(restarted.ordered());
    EXPECT_FALSE(restarted.leave(at(1000h).steady).granted);
    EXPECT_EQ(restarted.stopped_since(), at(0s).wall);
    EXPECT_TRUE(restarted.resume());
    EXPECT_FALSE(restarted.ordered());
    EXPECT_TRUE(restarted.leave(at(2h).steady).granted);
    restarted.describe(record);
    EXPECT_FALSE(record.by_operator);
}

TEST(Pause, AnOperatorsPauseTakesTheTimeOfAPauseBeforeIt) {
    Pause pause = paused_at_start();
    pause.order("ann paused it", "resume it", at(1h));
    EXPECT_EQ(pause.stopped_since(), at(0s).wall) << "no message grew old meanwhile";
    EXPECT_FALSE(pause.leave(at(2h).steady).granted);
}

TEST(Pause, ProbesAfterOneFiveFifteenAndThenEveryFifteenMinutes) {
    Pause pause = paused_at_start();
    base::Duration when = 0s;
    for (const base::Duration interval : {1min, 5min, 15min, 15min, 15min}) {
        EXPECT_FALSE(pause.leave(at(when + interval - 1us).steady).granted);
        EXPECT_EQ(pause.leave(at(when).steady).ask_again, at(when + interval).steady);
        when += interval;
        EXPECT_EQ(attempt(pause, refused_login(), when), Change::still_paused);
    }
}

TEST(Pause, SendsOneMessageAsAProbe) {
    Pause pause = paused_at_start();
    ASSERT_TRUE(pause.leave(at(1min).steady).granted);
    const Pause::Ticket probe = pause.begin();
    EXPECT_FALSE(pause.leave(at(2min).steady).granted);
    EXPECT_FALSE(pause.leave(at(2min).steady).ask_again);
    EXPECT_EQ(pause.end(probe, delivered(), at(2min), 0), Change::resumed);
    EXPECT_TRUE(pause.leave(at(2min).steady).granted);
}

TEST(Pause, ProbesAgainWhenThereWasNothingToProbeWith) {
    Pause pause = paused_at_start();
    const Pause::Ticket probe = pause.begin();
    pause.withdraw(probe);
    EXPECT_TRUE(pause.leave(at(1min).steady).granted);
}

TEST(Pause, EndsWhenAProbeGetsPastTheStepThatStoppedIt) {
    struct Case {
        Phase stopped_at;
        MailboxNews word;
        Change change;
    };
    const Case cases[] = {
        {Phase::auth, delivered(), Change::resumed},
        {Phase::auth, news(Kind::works, Phase::rcpt, 550), Change::resumed},
        {Phase::auth, news(Kind::crowded, Phase::body_end, 432), Change::resumed},
        {Phase::auth, news(Kind::rest, Phase::data, 421), Change::resumed},
        {Phase::auth, news(Kind::rest, Phase::auth, 454), Change::still_paused},
        {Phase::auth, unreachable(), Change::still_paused},
        {Phase::auth, news(Kind::nothing, Phase::body), Change::resumed},
        {Phase::auth, news(Kind::nothing, Phase::none), Change::still_paused},
        {Phase::body_end, delivered(), Change::resumed},
        {Phase::body_end, news(Kind::works, Phase::rcpt, 550), Change::still_paused},
        {Phase::body_end, news(Kind::works, Phase::body_end, 554), Change::resumed},
        {Phase::body_end, news(Kind::nothing, Phase::body), Change::still_paused},
        {Phase::token, news(Kind::pause, Phase::auth, 535), Change::still_paused},
    };
    for (const Case& c : cases) {
        Pause pause(options);
        attempt(pause, news(Kind::pause, c.stopped_at, 554), 0s);
        EXPECT_EQ(attempt(pause, c.word, 1min), c.change)
            << mail::to_string(c.stopped_at) << " then " << mail::to_string(c.word.reached);
    }
}

TEST(Pause, TriesAnInconclusiveProbeAgainSoon) {
    Pause pause = paused_at_start();
    attempt(pause, refused_login(), 1min);
    attempt(pause, unreachable(), 6min);
    EXPECT_EQ(pause.leave(at(6min).steady).ask_again, at(7min).steady);
    EXPECT_EQ(attempt(pause, refused_login(), 7min), Change::still_paused);
    EXPECT_EQ(pause.leave(at(7min).steady).ask_again, at(22min).steady);
}

TEST(Pause, RestsAfterAProbeThatPassedTheLoginAndMetOtherTrouble) {
    Pause pause = paused_at_start();
    EXPECT_EQ(attempt(pause, news(Kind::rest, Phase::data, 421), 1min), Change::resumed);
    EXPECT_EQ(pause.standing(), Pause::Standing::resting);
}

TEST(Pause, IgnoresWhatAttemptsFromBeforeThePauseSay) {
    Pause pause(options);
    const Pause::Ticket one = pause.begin();
    const Pause::Ticket two = pause.begin();
    const Pause::Ticket three = pause.begin();
    EXPECT_EQ(pause.end(one, refused_login(), at(0s), 0), Change::paused);
    EXPECT_EQ(pause.end(two, refused_login(), at(1s), 0), Change::none);  // no second step of the schedule
    EXPECT_EQ(pause.end(three, delivered(), at(2s), 0), Change::none);    // its login was an older one
    EXPECT_EQ(pause.leave(at(2s).steady).ask_again, at(1min).steady);
}

TEST(Pause, WaitsAsLongAsAVerdictAsksForAProbe) {
    Pause pause(options);
    MailboxNews quota = news(Kind::pause, Phase::body_end, 554);
    quota.asked = 1h;
    attempt(pause, quota, 0s);
    EXPECT_EQ(pause.leave(at(0s).steady).ask_again, at(1h).steady);
    quota.asked = 10'000h;
    attempt(pause, quota, 1h);
    EXPECT_EQ(pause.leave(at(1h).steady).ask_again, at(1h + options.rest_asked_max).steady);
}

TEST(Pause, KeepsCauseAndRemedyAndTheNewestWords) {
    Pause pause = paused_at_start();
    EXPECT_EQ(pause.reason().cause, "not allowed");
    EXPECT_EQ(pause.reason().remedy, "allow it");
    MailboxNews other = news(Kind::pause, Phase::token, 401);
    other.cause = "secret expired";
    attempt(pause, other, 1min);
    EXPECT_EQ(pause.reason().cause, "secret expired");
    EXPECT_EQ(pause.stopped_since(), at(0s).wall);
}

TEST(Pause, GoesOnAfterARestart) {
    Pause before = paused_at_start();
    attempt(before, refused_login(), 1min);
    queue::MailboxRecord record;
    before.describe(record);
    ASSERT_TRUE(record.paused);

    Pause after(options);
    after.restore(record, at(2min));
    EXPECT_EQ(after.standing(), Pause::Standing::paused);
    EXPECT_EQ(after.reason().remedy, "allow it");
    EXPECT_EQ(after.stopped_since(), at(0s).wall);
    EXPECT_EQ(after.leave(at(2min).steady).ask_again, at(6min).steady);
    EXPECT_EQ(attempt(after, refused_login(), 6min), Change::still_paused);
    EXPECT_EQ(after.leave(at(6min).steady).ask_again, at(21min).steady);
}

TEST(Pause, ProbesWithinAQuarterOfAnHourOfARestartWhateverTheWallClockDid) {
    Pause before = paused_at_start();
    queue::MailboxRecord record;
    before.describe(record);
    record.next_probe += std::chrono::days(3650);
    Pause after(options);
    after.restore(record, at(0s));
    EXPECT_EQ(after.leave(at(0s).steady).ask_again, at(15min).steady);
    record.next_probe -= std::chrono::days(7300);
    Pause late(options);
    late.restore(record, at(0s));
    EXPECT_TRUE(late.leave(at(0s).steady).granted);
}

TEST(Pause, EndsByAnOperatorsWord) {
    Pause pause = paused_at_start();
    const Pause::Ticket probe = pause.begin();
    EXPECT_TRUE(pause.resume());
    EXPECT_FALSE(pause.resume());
    EXPECT_TRUE(pause.leave(at(0s).steady).granted);
    queue::MailboxRecord record;
    pause.describe(record);
    EXPECT_FALSE(record.paused);
    EXPECT_FALSE(record.stopped_since);
    // The probe of the old pause has nothing to say any more about a rest.
    EXPECT_EQ(pause.end(probe, unreachable(), at(1s), 0), Change::none);
}

// ------------------------------------------------------------------ resting

TEST(Pause, RestsTwiceAsLongEachTimeUpToTheMaximum) {
    Pause pause(options);
    base::Duration when = 0s;
    for (const base::Duration rest : {1s, 2s, 4s, 8s, 10s, 10s}) {
        EXPECT_EQ(attempt(pause, unreachable(), when), Change::rests);
        EXPECT_EQ(pause.leave(at(when).steady).ask_again, at(when + rest).steady);
        when += rest;
    }
}

TEST(Pause, RestsLongerWhenTheServerItselfSaidNotNow) {
    Pause pause(options);
    base::Duration when = 0s;
    for (int i = 0; i < 20; ++i) {
        attempt(pause, news(Kind::rest, Phase::auth, 454), when);
        when += 5min;
    }
    EXPECT_EQ(pause.leave(at(when - 5min).steady).granted, false);
    EXPECT_EQ(pause.leave(at(when - 5min).steady).ask_again, at(when).steady);
}

TEST(Pause, RestsAsLongAsIsAskedFor) {
    Pause pause(options);
    MailboxNews slower = news(Kind::rest, Phase::body_end, 421);
    slower.asked = 60s;
    attempt(pause, slower, 0s);
    EXPECT_EQ(pause.leave(at(0s).steady).ask_again, at(60s).steady);
}

TEST(Pause, LetsOneAttemptGoAloneAfterARestUntilOneHasWorked) {
    Pause pause(options);
    attempt(pause, unreachable(), 0s);
    const Pause::Ticket first = pause.begin();
    EXPECT_TRUE(first.alone);
    EXPECT_FALSE(pause.leave(at(5s).steady).granted);
    EXPECT_EQ(pause.end(first, delivered(), at(5s), 0), Change::recovered);
    EXPECT_TRUE(pause.leave(at(5s).steady).granted);
    const Pause::Ticket side_by_side = pause.begin();
    EXPECT_FALSE(side_by_side.alone);
    EXPECT_TRUE(pause.leave(at(5s).steady).granted);
    EXPECT_EQ(attempt(pause, unreachable(), 6s), Change::rests);
    EXPECT_EQ(pause.leave(at(6s).steady).ask_again, at(7s).steady);  // from the beginning again
}

TEST(Pause, CountsSeveralFailuresOfOneMomentAsOne) {
    Pause pause(options);
    const Pause::Ticket one = pause.begin();
    const Pause::Ticket two = pause.begin();
    EXPECT_EQ(pause.end(one, unreachable(), at(0s), 0), Change::rests);
    EXPECT_EQ(pause.end(two, unreachable(), at(0s), 0), Change::none);
    EXPECT_EQ(pause.leave(at(0s).steady).ask_again, at(1s).steady);
}

TEST(Pause, ShortensARestByChanceButNeverBelowWhatWasAskedFor) {
    Pause pause(options);
    attempt(pause, unreachable(), 0s, 0.99999);
    const auto until = pause.leave(at(0s).steady).ask_again;
    ASSERT_TRUE(until);
    EXPECT_LT(*until, at(1s).steady);
    EXPECT_GE(*until, at(750ms).steady);
}

TEST(Pause, StandsStillFromTheFirstRestUntilAnAttemptHasWorked) {
    Pause pause(options);
    EXPECT_FALSE(pause.stopped_since());
    attempt(pause, unreachable(), 0s);
    attempt(pause, unreachable(), 10s);
    EXPECT_EQ(pause.stopped_since(), at(0s).wall);
    attempt(pause, delivered(), 20s);
    EXPECT_FALSE(pause.stopped_since());
}

TEST(Pause, DoesNotStandStillForARestThatAMessageMayHaveCaused) {
    Pause pause(options);
    MailboxNews cut = news(Kind::rest, Phase::rcpt);
    cut.of_message = true;
    attempt(pause, cut, 0s);
    EXPECT_EQ(pause.standing(), Pause::Standing::resting);
    EXPECT_FALSE(pause.stopped_since());
    attempt(pause, unreachable(), 10s);
    EXPECT_EQ(pause.stopped_since(), at(10s).wall);
    attempt(pause, cut, 20s);  // the server is there again
    EXPECT_FALSE(pause.stopped_since());
}

TEST(Pause, GoesOnWithARestAfterARestartAndTriesAtOnce) {
    Pause before(options);
    attempt(before, unreachable(), 0s);
    queue::MailboxRecord record;
    before.describe(record);
    EXPECT_FALSE(record.paused);
    EXPECT_EQ(record.stopped_since, at(0s).wall);

    Pause after(options);
    after.restore(record, at(0s));
    EXPECT_EQ(after.standing(), Pause::Standing::resting);
    EXPECT_EQ(after.stopped_since(), at(0s).wall);
    EXPECT_EQ(after.reason().answer, unreachable().answer);
    EXPECT_EQ(attempt(after, delivered(), 0s), Change::recovered);
}

TEST(Pause, BelievesARefusedLoginAlsoWhenItRests) {
    Pause pause(options);
    const Pause::Ticket one = pause.begin();
    const Pause::Ticket two = pause.begin();
    EXPECT_EQ(pause.end(one, unreachable(), at(0s), 0), Change::rests);
    EXPECT_EQ(pause.end(two, refused_login(), at(1s), 0), Change::paused);
}

}  // namespace
}  // namespace mailramp::delivery
