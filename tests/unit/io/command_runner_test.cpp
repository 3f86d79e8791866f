#include "mailramp/io/command_runner.h"

#include <csignal>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

using How = CommandEnd::How;
using testing::Loop;

// A script of /bin/sh whose standard error is what the test sees.
CommandRequest script(const std::string& text) {
    CommandRequest request;
    request.words = {"/bin/sh", "-c", text, "script", "first word", "$HOME"};
    request.environment = {"NAME=value"};
    request.input = "one\ntwo\n";
    request.timeout = testing::patient;
    return request;
}

base::Result<CommandEnd> run(CommandRequest request) {
    Loop loop;
    CommandRunner runner;
    auto running = runner.run(std::move(request));
    return loop.run(std::move(running));
}

std::string first_line(const std::string& text) {
    const auto end = run(script(text));
    return end ? end->first_error_line : end.error().message;
}

TEST(CommandRunner, TellsTheStatusAndTheFirstLineOfStandardError) {
    const auto end = run(script("echo out; echo; echo ' no modem ' >&2; echo second >&2; exit 3"));
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_EQ(end->how, How::exited);
    EXPECT_EQ(end->number, 3);
    EXPECT_EQ(end->first_error_line, "no modem");
}

TEST(CommandRunner, PassesWordsInputAndEnvironmentAsTheyAre) {
    EXPECT_EQ(first_line("printf '%s|' \"$@\" >&2"), "first word|$HOME|");
    EXPECT_EQ(first_line("read a; read b; echo $a $b >&2"), "one two");
    EXPECT_EQ(first_line("echo $NAME $PATH_OF_OURS $HOME >&2; pwd"), "value");
    EXPECT_EQ(first_line("pwd >&2"), "/");
}

TEST(CommandRunner, LetsNoDescriptorThrough) {
    const int open_in_us = ::dup(STDERR_FILENO);  // without close-on-exec
    EXPECT_EQ(first_line("[ -e /proc/self/fd/" + std::to_string(open_in_us) + " ] && echo open >&2"), "");
    ::close(open_in_us);
}

TEST(CommandRunner, BeginsWithTheSignalsAsTheyShouldBe) {
    EXPECT_EQ(first_line("grep SigBlk /proc/self/status | tr -d '\\t0' >&2"), "SigBlk:");
    // As the daemon does. The C library ignores two real-time signals of its own, beyond these seven digits.
    std::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(first_line("grep SigIgn /proc/self/status | sed 's/.*\\(.......\\)$/\\1/' >&2"), "0000000");
    std::signal(SIGPIPE, SIG_DFL);
}

TEST(CommandRunner, TellsTheSignalThatEndedIt) {
    const auto end = run(script("kill -TERM $$"));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, How::killed);
    EXPECT_EQ(end->number, SIGTERM);
}

TEST(CommandRunner, KillsWhatDoesNotEndWithAllThatItStarted) {
    CommandRequest request = script("sleep 600 & sleep 600 & echo waiting >&2; wait");
    request.timeout = std::chrono::milliseconds(300);
    const auto end = run(std::move(request));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, How::timed_out);
    EXPECT_EQ(end->first_error_line, "waiting");
}

TEST(CommandRunner, DoesNotWaitForWhatItsChildLeftBehind) {
    const auto end = run(script("setsid sleep 5 & exit 0"));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, How::exited);
    EXPECT_EQ(end->number, 0);
}

TEST(CommandRunner, ReadsMuchOutputWithoutKeepingIt) {
    const auto end = run(script("head -c 3000000 /dev/zero | tr '\\0' x >&2"));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->number, 0);
    EXPECT_EQ(end->first_error_line, std::string(300, 'x'));
}

TEST(CommandRunner, SaysWhyAProgramCannotBeStarted) {
    CommandRequest request = script("");
    request.words = {"/nonexistent/program"};
    const auto end = run(std::move(request));
    ASSERT_FALSE(end);
    EXPECT_THAT(end.error().message, ::testing::HasSubstr("/nonexistent/program: No such file"));
}

TEST(CommandRunner, EndsAtOnceWhenItIsAbandoned) {
    Loop loop;
    CommandRunner runner;
    const std::string fifo = ::testing::TempDir() + "command_runner_" + std::to_string(::getpid());
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    auto running = runner.run(script("echo runs > " + fifo + "; sleep 600"));
    const auto end = loop.run(std::move(running), [&runner, &fifo] {
        // Opened when the script opens it, too.
        EXPECT_EQ(std::ifstream(fifo).get(), 'r');
        runner.abandon();
    });
    ::unlink(fifo.c_str());
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, How::killed);
    EXPECT_EQ(end->number, SIGKILL);
}

TEST(CommandRunner, StartsNothingAfterItWasAbandoned) {
    Loop loop;
    CommandRunner runner;
    runner.abandon();
    const auto end = loop.run(runner.run(script("exit 0")));
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, base::ErrorKind::cancelled);
}

}  // namespace
}  // namespace mailramp::io
