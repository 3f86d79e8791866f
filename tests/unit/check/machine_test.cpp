#include "check/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/check/matching.h"

namespace mailramp::check {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using testing::all_of;

// ------------------------------------------------------------------ configuration

TEST(JudgeConfiguration, IsGoodWithItsWarnings) {
    const Finding finding = judge_configuration("/etc/m.yaml", {}, {{3, 1, "listen", "is wide open"}});
    EXPECT_EQ(finding.outcome, Outcome::passed);
    EXPECT_THAT(finding.notes, ElementsAre("line 3: listen: is wide open"));
}

TEST(JudgeConfiguration, TellsEveryErrorWithItsPlace) {
    const Finding finding = judge_configuration(
        "/etc/m.yaml", {{4, 3, "upstream.hots", "unknown key", "did you mean host?"}}, {});
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_EQ(all_of(finding), "4:3: upstream.hots: unknown key; did you mean host?\n");
}

TEST(JudgeConfiguration, TellsTheVariableThatIsWrong) {
    const Finding finding = judge_configuration(
        "the environment", {{0, 0, "", "no such variable", "did you mean x?", "MAILRAMP_X"}},
        {{0, 0, "listen", "is wide open", "MAILRAMP_LISTEN"}});
    EXPECT_EQ(all_of(finding), "MAILRAMP_X: no such variable; did you mean x?\n");
    EXPECT_THAT(finding.notes, ElementsAre("MAILRAMP_LISTEN: listen: is wide open"));
}

TEST(JudgeConfiguration, LeavesSecretsToTheirOwnStep) {
    EXPECT_TRUE(is_about_a_secret({1, 1, "client_secret", "", ""}));
    EXPECT_TRUE(is_about_a_secret({1, 1, "credentials.erp.client_secret", "", ""}));
    EXPECT_FALSE(is_about_a_secret({1, 1, "ca_file", "", ""}));
    EXPECT_FALSE(is_about_a_secret({1, 1, "client_secret.file", "", ""}));
}

// ------------------------------------------------------------------ secret

TEST(JudgeSecret, SaysWhereItIsAndNeverWhatItIs) {
    const oauth::SecretReference inside{oauth::SecretPlace::configuration, "", base::Secret("s3cret")};
    EXPECT_EQ(judge_secret("default", inside, {}).text, "the secret in the configuration");
    const oauth::SecretReference file{oauth::SecretPlace::file, "/etc/mailramp/client_secret", {}};
    EXPECT_EQ(judge_secret("default", file, {}).text,
              "secret file /etc/mailramp/client_secret, closed to other users");
}

TEST(JudgeSecret, RepeatsTheRemedyThatComesWithTheFailure) {
    const oauth::SecretReference file{oauth::SecretPlace::file, "/s", {}};
    const Finding finding = judge_secret(
        "default", file,
        base::Error{base::ErrorKind::invalid, "secret file /s is open to other users: chmod 600 /s"});
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_THAT(finding.text, HasSubstr("chmod 600 /s"));
    EXPECT_EQ(finding.setup.article, "1.3, step 9");
}

TEST(JudgeSecret, TellsHowToTryACredentialAtAShell) {
    const oauth::SecretReference credential{oauth::SecretPlace::credential, "client_secret", {}};
    const Finding finding =
        judge_secret("default", credential, base::Error{base::ErrorKind::not_found, "is not set"});
    EXPECT_THAT(all_of(finding), HasSubstr("LoadCredential=client_secret:/etc/mailramp/client_secret"));
    EXPECT_THAT(all_of(finding), HasSubstr("env CREDENTIALS_DIRECTORY=/etc/mailramp mailramp check"));
}

// ------------------------------------------------------------------ port

PortFacts taken_by(std::optional<io::PortOwner> owner, std::string greeting = {}) {
    return {{"127.0.0.1", 25}, true, std::move(owner), std::move(greeting)};
}

TEST(JudgePort, IsGoodWhenItIsFreeOrOurs) {
    EXPECT_EQ(judge_port({{"127.0.0.1", 25}, false, {}, {}}).outcome, Outcome::passed);
    EXPECT_EQ(judge_port({{"::1", 0}, false, {}, {}}).text, "any free port");
    EXPECT_EQ(judge_port(taken_by(io::PortOwner{7, "mailramp", ""})).outcome, Outcome::passed);
    EXPECT_EQ(judge_port(taken_by({}, "220 web1 ESMTP mailramp")).outcome, Outcome::passed);
}

TEST(JudgePort, IsNotDecidedWhileSystemdHoldsIt) {
    EXPECT_EQ(judge_port(taken_by(io::PortOwner{1, "systemd", ""})).outcome, Outcome::skipped);
}

TEST(JudgePort, NamesWhoHasItWithProcessAndUnit) {
    const Finding finding = judge_port(taken_by(io::PortOwner{42, "exim4", "exim4.service"}));
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_EQ(finding.subject, "127.0.0.1:25");
    EXPECT_EQ(finding.text, "taken by exim4 (process 42, exim4.service)");
    EXPECT_THAT(all_of(finding), HasSubstr("systemctl disable --now exim4.service"));
}

TEST(JudgePort, NamesAnOwnerThatCannotBeSeenByWhatItSays) {
    const Finding finding = judge_port(taken_by({}, "220 web1 ESMTP Exim 4.96"));
    EXPECT_EQ(finding.outcome, Outcome::failed);
    EXPECT_THAT(finding.text, HasSubstr("ESMTP Exim 4.96"));
    EXPECT_THAT(all_of(finding), HasSubstr("ss -ltnp 'sport = :25'"));
}

// ------------------------------------------------------------------ clock

constexpr base::WallTime noon = sys_days(2026y / 11 / 23) + 12h;
Finding clock_at(base::Duration ahead) {
    return judge_clock({"login.example", "Mon, 23 Nov 2026 12:00:00 GMT", noon + ahead, 5min});
}

TEST(JudgeClock, ForgivesTheToleranceAndNoMore) {
    for (const auto ahead : {0s, 300s, -300s})
        EXPECT_EQ(clock_at(ahead).outcome, Outcome::passed) << ahead.count();
    for (const auto ahead : {301s, -301s})
        EXPECT_EQ(clock_at(ahead).outcome, Outcome::failed) << ahead.count();
}

TEST(JudgeClock, SaysHowFarAndWhichWayAndWhatToType) {
    EXPECT_EQ(clock_at(15min).text, "this machine is 15 min ahead of login.example");
    EXPECT_EQ(clock_at(-26h).text, "this machine is 26 h behind login.example");
    EXPECT_EQ(clock_at(std::chrono::days(400)).text, "this machine is 400 days ahead of login.example");
    EXPECT_EQ(clock_at(15min).remedy.at(0).command, "timedatectl set-ntp true");
}

TEST(JudgeClock, IsNotDecidedWithoutADate) {
    EXPECT_EQ(judge_clock({"login.example", "", noon, 5min}).outcome, Outcome::skipped);
    EXPECT_EQ(judge_clock({"login.example", "yesterday\x1b", noon, 5min}).text,
              "login.example says a time that is none: yesterday?");
}

}  // namespace
}  // namespace mailramp::check
