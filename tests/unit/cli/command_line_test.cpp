#include "mailramp/cli/command_line.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/base/version.h"

namespace mailramp::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Outcome {
    int status = 0;
    std::string out;
    std::string err;
};

Outcome call(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "mailramp");
    std::vector<char*> pointers;
    for (std::string& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.status = run(static_cast<int>(arguments.size()), pointers.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
}

TEST(CommandLine, PrintsItsVersion) {
    const std::string line = "mailramp " + std::string(base::version()) + "\n";
    for (const char* argument : {"version", "--version"}) {
        const Outcome outcome = call({argument});
        EXPECT_EQ(outcome.status, 0);
        EXPECT_EQ(outcome.out, line);
        EXPECT_THAT(outcome.err, IsEmpty());
    }
}

TEST(CommandLine, HelpIsAResult) {
    const Outcome outcome = call({"--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("serve"), HasSubstr("queue"), HasSubstr("Exit status")));
    EXPECT_THAT(call({"queue", "list", "--help"}).out, AllOf(HasSubstr("--state"), HasSubstr("--json")));
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
    const std::vector<std::vector<std::string>> wrong{{},
                                                      {"nonsense"},
                                                      {"queue"},
                                                      {"queue", "list", "extra"},
                                                      {"queue", "show"},
                                                      {"queue", "list", "--limit", "-1"},
                                                      {"queue", "list", "--limit", "x"},
                                                      {"queue", "list", "--state", "lost"},
                                                      {"queue", "list", "--older-than", "yesterday"},
                                                      {"queue", "hold", "--mailbox", ""},
                                                      {"queue", "delete", "--state", "delivered", "--yes"},
                                                      {"queue", "cat"},
                                                      {"queue", "export", "--all"},
                                                      {"history", "--state", "held"},
                                                      {"trace"},
                                                      {"mailbox", "resume"},
                                                      {"mailbox", "pause"},
                                                      {"serve", "--nonsense"},
                                                      {"--json"}};
    for (const std::vector<std::string>& arguments : wrong) {
        const Outcome outcome = call(arguments);
        EXPECT_EQ(outcome.status, 64) << testing::PrintToString(arguments);
        EXPECT_THAT(outcome.out, IsEmpty());
        EXPECT_THAT(outcome.err, testing::Not(IsEmpty()));
    }
}

TEST(CommandLine, NamesTheWordThatWasProbablyMeant) {
    struct Typo {
        std::vector<std::string> arguments;
        std::string answer;
    };
    const std::vector<Typo> typos{
        {{"statsu"}, "mailramp has no command \"statsu\"; did you mean status?\nSee: mailramp --help"},
        {{"queue", "lst"},
         "mailramp queue has no command \"lst\"; did you mean list?\nSee: mailramp queue --help"},
        {{"xyzzy"}, "mailramp has no command \"xyzzy\"\nSee: mailramp --help"},
        {{"mailbox"},
         "mailramp mailbox wants one of these commands: list, pause and resume\nSee: mailramp mailbox "
         "--help"},
        {{"queue", "list", "--mailbox", "a", "--limti", "3"},
         "mailramp queue list has no option \"--limti\"; did you mean --limit?\nSee: mailramp queue list "
         "--help"},
        {{"status", "--jsn=1"},
         "mailramp status has no option \"--jsn\"; did you mean --json?\nSee: mailramp status --help"},
        {{"--config", "serve"}, "mailramp has no option \"--config\"\nSee: mailramp --help"},
        {{"statsu\x1b[2J"}, "mailramp has no command \"statsu?[2J\""},
    };
    for (const Typo& typo : typos) {
        const Outcome outcome = call(typo.arguments);
        EXPECT_EQ(outcome.status, 64);
        EXPECT_THAT(outcome.err, StartsWith("mailramp: " + typo.answer));
    }
}

TEST(CommandLine, NamesTheBoundsOfANumber) {
    for (const char* number : {"-1", "x", "1000000001", "1.5"}) {
        const Outcome outcome = call({"queue", "list", "--limit", number});
        EXPECT_EQ(outcome.status, 64);
        EXPECT_THAT(outcome.err, HasSubstr("--limit: \"" + std::string(number) +
                                           "\" is not a number of 0 to 1000000000\n"));
    }
}

TEST(CommandLine, RetryWantsEitherAnIdOrAll) {
    const std::vector<std::vector<std::string>> wrong{{"queue", "retry"},
                                                      {"queue", "retry", "0A1B2C3D4E5", "--all"}};
    for (const std::vector<std::string>& arguments : wrong) {
        const Outcome outcome = call(arguments);
        EXPECT_EQ(outcome.status, 64);
        EXPECT_THAT(outcome.err, HasSubstr("--all"));
    }
}

TEST(CommandLine, SaysWhichSocketNobodyServes) {
    const Outcome named = call({"status", "--socket", "/nonexistent/named.sock"});
    EXPECT_EQ(named.status, 69);
    EXPECT_THAT(named.out, IsEmpty());
    EXPECT_THAT(named.err, AllOf(StartsWith("mailramp: "), HasSubstr("/nonexistent/named.sock")));

    ASSERT_EQ(::setenv("MAILRAMP_SOCKET", "/nonexistent/environment.sock", 1), 0);
    EXPECT_THAT(call({"queue", "list"}).err, HasSubstr("/nonexistent/environment.sock"));
    EXPECT_THAT(call({"queue", "list", "--socket", "/nonexistent/named.sock"}).err,
                HasSubstr("/nonexistent/named.sock"));
    ASSERT_EQ(::unsetenv("MAILRAMP_SOCKET"), 0);
}

TEST(CommandLine, SaysThatADaemonThatNobodyCanAskIsUnhealthy) {
    ASSERT_EQ(::setenv("MAILRAMP_ADMIN__SOCKET", "/nonexistent/admin.sock", 1), 0);
    const Outcome missing = call({"healthcheck"});
    ASSERT_EQ(::unsetenv("MAILRAMP_ADMIN__SOCKET"), 0);
    EXPECT_EQ(missing.status, 1);
    EXPECT_EQ(missing.out,
              "unhealthy: the daemon does not answer: there is no socket /nonexistent/admin.sock.\n");
    EXPECT_EQ(call({"healthcheck", "--config", "/nonexistent/mailramp.yaml"}).status, 1);
}

class ConfigCommandTest : public testing::Test {
  protected:
    ConfigCommandTest() {
        std::string name = (std::filesystem::temp_directory_path() / "mailramp-cli-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        folder = name;
    }
    ~ConfigCommandTest() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }
    std::string write(const std::string& text) {
        const std::filesystem::path file = folder / "mailramp.yaml";
        std::ofstream(file) << text;
        return file.string();
    }
    std::filesystem::path folder;
};

constexpr const char* good_text =
    "mailbox: alerts@contoso.example\n"
    "provider: custom\n"
    "upstream:\n"
    "  host: 127.0.0.1\n"
    "  port: 2526\n"
    "  tls: none\n"
    "  authentication: none\n"
    "admin:\n"
    "  socket: /nonexistent/configured.sock\n";

TEST_F(ConfigCommandTest, CheckSaysThatAFileIsGood) {
    const std::string file = write(good_text);
    const Outcome outcome = call({"config", "check", file});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, file + ": OK\n");
    EXPECT_THAT(call({"config", "check", file, "--json"}).out, HasSubstr("\"ok\":true,\"errors\":[]"));
}

TEST_F(ConfigCommandTest, CheckOfTheFileAloneIgnoresWhatItRefersTo) {
    const std::string file =
        write(good_text + std::string("  group: mailramp-no-such-group\nca_file: /nonexistent/ca.pem\n"));
    const Outcome whole = call({"config", "check", file});
    EXPECT_EQ(whole.status, 78);
    EXPECT_THAT(whole.err, AllOf(HasSubstr(":10:10: admin.group: there is no group mailramp-no-such-group; "),
                                 HasSubstr(":11:10: ca_file: ")));
    EXPECT_EQ(call({"config", "check", "--file-only", file}).status, 0);
}

TEST_F(ConfigCommandTest, CheckSaysAllThatIsWrong) {
    const std::string file = write("nonsense: 1\nmore_nonsense: 2\n");
    const Outcome outcome = call({"config", "check", file});
    EXPECT_EQ(outcome.status, 78);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(":1:1: nonsense: "), HasSubstr(":2:1: more_nonsense: ")));
    const Outcome as_json = call({"config", "check", "--json", file});
    EXPECT_EQ(as_json.status, 78);
    EXPECT_THAT(as_json.out, AllOf(HasSubstr("\"ok\":false"), HasSubstr("\"key\":\"nonsense\"")));
}

TEST_F(ConfigCommandTest, CommandsTakeTheSocketFromTheConfiguration) {
    const std::string file = write(good_text);
    ASSERT_EQ(::setenv("MAILRAMP_SOCKET", "/nonexistent/environment.sock", 1), 0);
    EXPECT_THAT(call({"status", "--config", file}).err, HasSubstr("/nonexistent/configured.sock"));
    ASSERT_EQ(::unsetenv("MAILRAMP_SOCKET"), 0);
    const Outcome broken = call({"status", "--config", write("nonsense: 1\n")});
    EXPECT_EQ(broken.status, 78);
    EXPECT_THAT(broken.err, HasSubstr("nonsense"));
}

TEST_F(ConfigCommandTest, KeysAreTheManual) {
    const Outcome outcome = call({"config", "keys"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("mailboxes"), HasSubstr("admin")));
}

}  // namespace
}  // namespace mailramp::cli
