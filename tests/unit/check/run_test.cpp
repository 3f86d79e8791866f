#include "mailramp/check/run.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "mailramp/io/listener.h"

namespace mailramp::check {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// A configuration for a server on this machine, which takes connections and says nothing.
class Run : public ::testing::Test {
  protected:
    Run() {
        options_.source.file =
            std::filesystem::temp_directory_path() / ("mailramp-check-" + std::to_string(getpid()) + ".yaml");
        std::ofstream(options_.source.file)
            << "mailbox: app@contoso.test\nlisten: [127.0.0.1:0]\nupstream: {host: 127.0.0.1, port: "
            << listener_.endpoint().port << ", tls: none, authentication: none}\n";
        options_.limits.reply_timeout = 30ms;
    }
    ~Run() override { std::filesystem::remove(options_.source.file); }

    base::Result<Verdict> run() {
        findings_.clear();
        return check::run(options_, [this](const Finding& finding) { findings_[finding.step] = finding; });
    }
    Outcome outcome(Step step) { return findings_.at(step).outcome; }

    boost::asio::io_context loop_;
    io::Listener listener_ = io::Listener::bind_tcp(loop_.get_executor(), {"127.0.0.1", 0}, 8).value();
    Options options_;
    std::map<Step, Finding> findings_;
};

TEST_F(Run, WaitsNoLongerThanItsLimitsForASilentServer) {
    EXPECT_EQ(run().value(), Verdict::failed);
    EXPECT_EQ(outcome(Step::connection), Outcome::passed);
    EXPECT_EQ(outcome(Step::starttls), Outcome::failed);
    EXPECT_THAT(findings_.at(Step::starttls).text, HasSubstr("no progress within the time limit"));
    EXPECT_EQ(findings_.at(Step::login).text, "needs a server to log in to");
    EXPECT_EQ(findings_.at(Step::message).text, "needs a login");
}

TEST_F(Run, TriesNothingMoreWhenTheTimeForAllOfItIsOver) {
    options_.limits.total_timeout = 0ms;
    EXPECT_EQ(run().value(), Verdict::failed);
    EXPECT_EQ(outcome(Step::configuration), Outcome::passed);
    EXPECT_EQ(outcome(Step::port), Outcome::failed);
    EXPECT_EQ(findings_.at(Step::port).text, "not tried: it has taken 0 s so far");
    EXPECT_EQ(findings_.at(Step::mail_host).text, "needs more time");
}

TEST_F(Run, RefusesWhatItIsNotToldRight) {
    options_.send_to = "nobody";
    EXPECT_EQ(run().error().kind, base::ErrorKind::invalid);
    options_.send_to.clear();
    options_.mailbox = "alerts";
    EXPECT_EQ(run().error().kind, base::ErrorKind::not_found);
    EXPECT_THAT(run().error().message, HasSubstr("it has: default"));
    options_.mailbox = "defualt";
    EXPECT_THAT(run().error().message, HasSubstr("did you mean default?"));
    EXPECT_TRUE(findings_.empty());
}

TEST_F(Run, SkipsEverythingWithoutAConfiguration) {
    std::ofstream(options_.source.file) << "mailbox: nobody\n";
    EXPECT_EQ(run().value(), Verdict::misconfigured);
    EXPECT_EQ(outcome(Step::configuration), Outcome::failed);
    EXPECT_EQ(findings_.size(), 18u);
    findings_.erase(Step::configuration);
    for (const auto& [step, finding] : findings_)
        EXPECT_EQ(finding.text, "needs the configuration");
}

}  // namespace
}  // namespace mailramp::check
