#include "cli/check_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace mailramp::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

check::Finding failed_login() {
    check::Finding finding = check::passed(check::Step::login, "a@b.example", "535 5.7.3 refused\x1b[2J");
    finding.outcome = check::Outcome::failed;
    finding.cause = "the cause";
    finding.remedy = {{"look here", "Get-Something -Identity " + std::string(120, 'x')}, {"then wait", ""}};
    finding.setup = {"Wrong Object ID", "1.2, steps 5 and 12"};
    return finding;
}

View view_of(Colour colour) {
    View view;
    view.colour = colour;
    view.columns = 60;
    return view;
}

TEST(FindingText, IsALineWhenItIsGood) {
    EXPECT_EQ(finding_text(check::passed(check::Step::token_host, "", "x is y"), view_of(Colour::off)),
              "✓ token host      x is y\n");
    EXPECT_EQ(finding_text(check::skipped(check::Step::login, "a@b", "needs a token"), view_of(Colour::off)),
              "– login           a@b: needs a token\n");
}

TEST(FindingText, TellsCauseRemedyAndPlaceAndLeavesCommandsWhole) {
    EXPECT_EQ(finding_text(failed_login(), view_of(Colour::off)),
              "✗ login           a@b.example: 535 5.7.3 refused?[2J\n"
              "    Cause:   the cause\n"
              "    Remedy:  look here:\n"
              "               Get-Something -Identity " +
                  std::string(120, 'x') +
                  "\n"
                  "             then wait\n"
                  "    Set-up:  \"Wrong Object ID\"; in the article 1.2, steps 5\n"
                  "             and 12\n");
}

TEST(FindingText, IsColouredOnlyWhereThatIsWanted) {
    EXPECT_THAT(finding_text(failed_login(), view_of(Colour::on)), StartsWith("\x1b[31m✗\x1b[0m login  "));
    EXPECT_THAT(finding_text(failed_login(), view_of(Colour::off)), Not(HasSubstr("\x1b")));
}

TEST(FindingText, ShowsNotesOfWhatIsGood) {
    check::Finding finding = check::passed(check::Step::configuration, "", "/m.yaml");
    finding.notes = {"line 3: listen: is wide open"};
    EXPECT_EQ(finding_text(finding, view_of(Colour::off)),
              "✓ configuration   /m.yaml\n    Note:    line 3: listen: is wide open\n");
}

TEST(FindingsJson, HasOneObjectForEachStep) {
    const auto parsed = boost::json::parse(
        findings_json("/m.yaml", {check::passed(check::Step::clock, "", "right"), failed_login(),
                                  check::skipped(check::Step::message, "a@b.example", "needs a login")}));
    const boost::json::object& whole = parsed.as_object();
    EXPECT_EQ(whole.at("config").as_string(), "/m.yaml");
    EXPECT_FALSE(whole.at("ok").as_bool());
    EXPECT_EQ(whole.at("failed").as_int64(), 1);
    EXPECT_EQ(whole.at("skipped").as_int64(), 1);
    const boost::json::object& login = whole.at("findings").as_array().at(1).as_object();
    EXPECT_EQ(login.at("step").as_string(), "login");
    EXPECT_EQ(login.at("outcome").as_string(), "failed");
    EXPECT_EQ(login.at("subject").as_string(), "a@b.example");
    EXPECT_EQ(login.at("text").as_string(), "535 5.7.3 refused?[2J");
    EXPECT_EQ(login.at("remedy").as_array().at(1).as_object().at("words").as_string(), "then wait");
    EXPECT_EQ(login.at("setup").as_string(), "Wrong Object ID");
    EXPECT_EQ(login.at("article").as_string(), "1.2, steps 5 and 12");
}

}  // namespace
}  // namespace mailramp::cli
