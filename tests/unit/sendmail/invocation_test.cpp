#include "sendmail/invocation.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace mailramp::sendmail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Invocation read(const std::vector<std::string>& words, std::string_view program = "/usr/sbin/sendmail") {
    auto invocation = read_arguments(program, words);
    EXPECT_TRUE(invocation) << invocation.error().message;
    return invocation.value_or(Invocation{});
}

std::string refusal(const std::vector<std::string>& words, std::string_view program = "sendmail") {
    const auto invocation = read_arguments(program, words);
    EXPECT_FALSE(invocation);
    return invocation ? "" : invocation.error().message;
}

TEST(Invocation, OfCronIsUnderstood) {
    const Invocation cron = read({"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"});
    EXPECT_EQ(cron.mode, Mode::send);
    EXPECT_EQ(cron.full_name, "CronDaemon");
    EXPECT_EQ(cron.lone_dot, LoneDot::is_content);
    EXPECT_EQ(cron.header_recipients, HeaderRecipients::ignored);
    EXPECT_THAT(cron.recipients, ElementsAre("root"));
}

TEST(Invocation, OfPhpIsUnderstoodWithAndWithoutASender) {
    const Invocation plain = read({"-t", "-i"});
    EXPECT_EQ(plain.header_recipients, HeaderRecipients::added);
    EXPECT_EQ(plain.lone_dot, LoneDot::is_content);
    EXPECT_FALSE(plain.sender);
    EXPECT_EQ(read({"-t", "-i", "-fshop@example.com"}).sender, "shop@example.com");
}

TEST(Invocation, OfMuttAndOfMailLibrariesIsUnderstood) {
    const Invocation mutt = read({"-oem", "-oi", "--", "-odd@example.com", "b@example.com"});
    EXPECT_EQ(mutt.lone_dot, LoneDot::is_content);
    EXPECT_THAT(mutt.recipients, ElementsAre("-odd@example.com", "b@example.com"));
    const Invocation library = read({"-i", "-f", "a@example.com", "--", "b@example.com"});
    EXPECT_EQ(library.sender, "a@example.com");
    EXPECT_THAT(library.recipients, ElementsAre("b@example.com"));
}

TEST(Invocation, OfFail2banAndMdadmIsUnderstood) {
    const Invocation fail2ban = read({"-f", "fail2ban@example.com", "root@example.com"});
    EXPECT_EQ(fail2ban.sender, "fail2ban@example.com");
    EXPECT_EQ(fail2ban.lone_dot, LoneDot::ends_the_input);
    EXPECT_EQ(read({"-t"}).header_recipients, HeaderRecipients::added);
}

TEST(Invocation, TakesLettersThatShareAWord) {
    const Invocation shared = read({"-tivfa@example.com"});
    EXPECT_EQ(shared.header_recipients, HeaderRecipients::added);
    EXPECT_EQ(shared.lone_dot, LoneDot::is_content);
    EXPECT_EQ(shared.talk, Talk::of_everything);
    EXPECT_EQ(shared.sender, "a@example.com");
}

TEST(Invocation, TakesOptionsBehindRecipients) {
    const Invocation mixed = read({"a@example.com", "-f", "b@example.com", "c@example.com"});
    EXPECT_EQ(mixed.sender, "b@example.com");
    EXPECT_THAT(mixed.recipients, ElementsAre("a@example.com", "c@example.com"));
}

TEST(Invocation, ALaterSenderCountsAndRIsF) {
    EXPECT_EQ(read({"-fa@example.com", "-r", "b@example.com", "x"}).sender, "b@example.com");
    EXPECT_EQ(read({"-f", "", "x"}).sender, "");
}

TEST(Invocation, TakesWhatHasNoMeaningHereWithItsArgument) {
    const Invocation old =
        read({"-U",  "-G",  "-m",   "-n",    "-c", "-x",        "-Ac", "-C",   "/etc/x.cf", "-L",
              "tag", "-O",  "a=b",  "-Oc=d", "-X", "/dev/null", "-e",  "m",    "-em",       "-h",
              "3",   "-om", "-odb", "-o",    "em", "-o7",       "-p",  "smtp", "-d0.1",     "root"});
    EXPECT_THAT(old.recipients, ElementsAre("root"));
    EXPECT_EQ(old.mode, Mode::send);
    EXPECT_EQ(old.lone_dot, LoneDot::ends_the_input);
}

TEST(Invocation, FindsItsModeByLetterAndByName) {
    EXPECT_EQ(read({"-bm", "root"}).mode, Mode::send);
    EXPECT_EQ(read({"-bs"}).mode, Mode::smtp_session);
    EXPECT_EQ(read({"-bp"}).mode, Mode::list_queue);
    EXPECT_EQ(read({"-b", "i"}).mode, Mode::rebuild_aliases);
    EXPECT_EQ(read({"-I"}).mode, Mode::rebuild_aliases);
    EXPECT_EQ(read({"-q"}).mode, Mode::run_queue);
    EXPECT_EQ(read({"-q15m"}).mode, Mode::run_queue);
    EXPECT_EQ(read({}, "/usr/bin/mailq").mode, Mode::list_queue);
    EXPECT_EQ(read({}, "newaliases").mode, Mode::rebuild_aliases);
    EXPECT_EQ(read({"--help"}).mode, Mode::help);
    EXPECT_EQ(read({"--version"}).mode, Mode::version);
}

TEST(Invocation, RefusesAModeThatItHasNot) {
    EXPECT_THAT(refusal({"-bd"}), HasSubstr("mailramp serve"));
    EXPECT_THAT(refusal({"-bt"}), HasSubstr("m, s, p or i"));
}

TEST(Invocation, RefusesUnknownOptionsSinceTheirArgumentsWouldBecomeRecipients) {
    EXPECT_THAT(refusal({"-Z", "value", "root"}), HasSubstr("'-Z'"));
    EXPECT_THAT(refusal({"-iZ", "root"}), HasSubstr("'-Z'"));
    EXPECT_THAT(refusal({"--queue", "root"}), HasSubstr("'--queue'"));
    EXPECT_THAT(refusal({"-\x1b[1m", "root"}), HasSubstr("'-?'"));
}

TEST(Invocation, RefusesAnOptionWithoutItsArgument) {
    EXPECT_THAT(refusal({"root", "-f"}), HasSubstr("-f needs"));
}

TEST(Invocation, NeedsARecipientOnlyToSend) {
    EXPECT_THAT(refusal({"-i"}), HasSubstr("no recipient"));
    EXPECT_THAT(refusal({}), HasSubstr("no recipient"));
    EXPECT_THAT(refusal({"-bp", "root"}), HasSubstr("'root'"));
    EXPECT_THAT(read({"-t"}).recipients, IsEmpty());
}

TEST(Invocation, HasNoControlCharactersInAddresses) {
    EXPECT_THAT(refusal({"-f", "u@x.test\r\nRCPT TO:<z@z.test>", "a@b.test"}),
                HasSubstr("control character in -f 'u@x.test??RCPT"));
    EXPECT_THAT(refusal({"-r", "u@x.test\x7f", "-t"}), HasSubstr("control character"));
    EXPECT_THAT(refusal({"a@b.test", "c@d.test\n"}),
                HasSubstr("control character in the recipient 'c@d.test?'"));
    EXPECT_THAT(refusal({"--", "a@b.test,\tc@d.test"}), HasSubstr("control character"));
}

TEST(Invocation, ReadsWhatIsToBeNotified) {
    EXPECT_EQ(read({"-N", "never", "x"}).notify, "NEVER");
    EXPECT_EQ(read({"-N", "success, failure,delay", "x"}).notify, "SUCCESS,FAILURE,DELAY");
    EXPECT_EQ(read({"-R", "hdrs", "x"}).ret, mail::DsnReturn::headers);
    EXPECT_EQ(read({"-RFULL", "x"}).ret, mail::DsnReturn::full);
    EXPECT_EQ(read({"-V", "a b+c=d", "x"}).envid, "a+20b+2Bc+3Dd");
    EXPECT_THAT(refusal({"-N", "never,delay", "x"}), HasSubstr("-N"));
    EXPECT_THAT(refusal({"-N", "sometimes", "x"}), HasSubstr("'sometimes'"));
    EXPECT_THAT(refusal({"-R", "half", "x"}), HasSubstr("'half'"));
    EXPECT_THAT(refusal({"-V", std::string(101, 'a'), "x"}), HasSubstr("100"));
    EXPECT_THAT(refusal({"-B", "BINARY", "x"}), HasSubstr("'BINARY'"));
}

TEST(Invocation, HelpNamesEveryOptionThatIsTaken) {
    for (const std::string option :
         {"-t ", "-i,", "-oi", "-f,", "-r ", "-F ", "-N ", "-R ", "-V ", "-v ", "-bm",
          "-bs", "-bp", "-bi", "-I ", "-q",  "-A ", "-B ", "-C ", "-G ", "-L ", "-O ",
          "-U ", "-X ", "-c ", "-d ", "-e ", "-h ", "-m ", "-n ", "-o",  "-p ", "-x"})
        EXPECT_THAT(std::string(help_text()), HasSubstr(option));
}

}  // namespace
}  // namespace mailramp::sendmail
