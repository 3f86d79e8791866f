#include "cli/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "samples.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(StatusText, SaysInSentencesThatAllIsWell) {
    EXPECT_EQ(status_text(sample_status(), sample_view()),
              R"(mailramp 0.1.0 has been running for 2 h 5 min, since 10:01:40 +01:00, as process 4711.
It takes mail on 127.0.0.1:25 and [::1]:25.
12 messages (48 KiB) are in the queue, the oldest for 40 s: 11 recipients to send and 1 being sent.
Mailbox alerts works: 1 message on the way, 5 of 30 used of what it may send at this moment.
The token of credential contoso is good for 52 min.
)");
}

TEST(StatusText, SaysWhyAMailboxIsPausedAndWhatToType) {
    json::object status = sample_status();
    status["mailboxes"] = json::parse(R"([{"name": "alerts", "paused": true,
        "paused_since": "2026-11-18T11:00:00.000Z", "next_probe": "2026-11-18T11:15:00.000Z", "resting_until": null,
        "cause": "The application has no permission for this mailbox.",
        "remedy": "Add-MailboxPermission -Identity alerts@contoso.example -User 1111 -AccessRights FullAccess",
        "answer": {"channel": "smtp", "phase": "auth", "code": 535, "enhanced": "5.7.3",
                   "text": "Authentication unsuccessful"}, "in_flight": 0, "budget": {}}])");
    EXPECT_EQ(mailboxes_text(status, sample_view()),
              R"(Mailbox alerts is paused since 12:00:00 +01:00; its mail is kept and waits.
  Cause: The application has no permission for this mailbox.
  Reply: 535 5.7.3 Authentication unsuccessful (at login)
  Remedy: Add-MailboxPermission -Identity alerts@contoso.example -User 1111 -AccessRights FullAccess
  Tried again: by itself at 12:15:00 +01:00, or at once with: mailramp mailbox resume alerts
)");
}

TEST(StatusText, SaysThatAMailboxRests) {
    json::object status = sample_status();
    status["mailboxes"] = json::parse(R"([{"name": "alerts", "paused": false,
        "resting_until": "2026-11-18T11:07:00.000Z", "cause": "Nobody answers.", "answer": null}])");
    EXPECT_EQ(
        mailboxes_text(status, sample_view()),
        "Mailbox alerts rests until 12:07:00 +01:00 after trouble on the way.\n  Cause: Nobody answers.\n");
}

TEST(StatusText, SaysWhyThereIsNoToken) {
    json::object status = sample_status();
    json::object& token = status["tokens"].as_array().at(0).as_object();
    token["usable"] = false;
    token["last_failure"] = json::parse(R"({"kind": "configuration", "cause": "The secret has expired.",
        "message": "invalid_client AADSTS7000222", "remedy": "Make a new one."})");
    EXPECT_THAT(
        status_text(status, sample_view()),
        HasSubstr("The token of credential contoso could not be had.\n  Cause: The secret has expired.\n"
                  "  Answer: invalid_client AADSTS7000222\n  Remedy: Make a new one.\n"));
    token["usable"] = true;
    EXPECT_THAT(status_text(status, sample_view()),
                HasSubstr("contoso is good for 52 min, but a new one could not be had.\n"));
    token["usable"] = false;
    token["last_failure"] = nullptr;
    EXPECT_THAT(status_text(status, sample_view()), HasSubstr("contoso has not been asked for yet.\n"));
}

TEST(StatusText, WarnsOfASecretThatEndsAndOfAlertsThatDoNotArrive) {
    json::object status = sample_status();
    json::object& token = status["tokens"].as_array()[0].as_object();
    token["secret_expires"] = "2026-11-24T00:00:00.000Z";
    EXPECT_THAT(status_text(status, sample_view()),
                testing::HasSubstr("The client secret of credential contoso ends in 6 days"));
    token["secret_expires"] = "2027-11-24T00:00:00.000Z";
    EXPECT_EQ(status_text(status, sample_view()).find("secret"), std::string::npos);
    status["certificates"] = json::parse(R"([{"file": "/a.pem", "ends": "2026-11-24T00:00:00.000Z"},
                                             {"file": "/b.pem", "ends": "2027-11-24T00:00:00.000Z"}])");
    EXPECT_THAT(status_text(status, sample_view()),
                testing::HasSubstr(
                    "The certificate that clients are shown ends in 6 days, on 2026-11-24: /a.pem.\n"));
    EXPECT_EQ(status_text(status, sample_view()).find("/b.pem"), std::string::npos);
    status["alert_targets"] = json::parse(R"([{"target": "webhook https://a.example", "trouble": "HTTP 500"},
                                              {"target": "exec /bin/b", "trouble": ""}])");
    const std::string text = status_text(status, sample_view());
    EXPECT_THAT(text, testing::HasSubstr("Alerts do not arrive: webhook https://a.example."));
    EXPECT_THAT(text, testing::HasSubstr("Cause: HTTP 500"));
    EXPECT_EQ(text.find("/bin/b"), std::string::npos);
}

TEST(StatusText, NamesNoTimeForARestThatIsOver) {
    json::object status = sample_status();
    status["mailboxes"] = json::parse(R"([{"name": "alerts", "paused": false,
        "resting_until": "2026-11-17T11:07:00.000Z", "cause": "Nobody answers.", "answer": null}])");
    EXPECT_EQ(mailboxes_text(status, sample_view()),
              "Mailbox alerts had trouble on the way; it tries again with the next message that is due.\n"
              "  Cause: Nobody answers.\n");
}

TEST(StatusText, TellsATokenFailureOnce) {
    json::object status = sample_status();
    status["mailboxes"] = json::parse(R"([{"name": "alerts", "paused": false,
        "resting_until": "2026-11-18T11:07:00.000Z", "cause": "The application has no token.",
        "remedy": "Look at the application.", "answer": {"channel": "http", "phase": "token", "code": 401,
        "enhanced": "", "text": "invalid_client AADSTS7000222"}}])");
    json::object& token = status["tokens"].as_array().at(0).as_object();
    token["usable"] = false;
    token["last_failure"] = json::parse(R"({"kind": "configuration", "cause": "The secret has expired.",
        "message": "invalid_client AADSTS7000222", "remedy": "Make a new one."})");
    EXPECT_THAT(status_text(status, sample_view()),
                HasSubstr("Mailbox alerts rests until 12:07:00 +01:00 after trouble on the way.\n"
                          "  Cause: it has no token; the reason is below.\n"
                          "The token of credential contoso could not be had.\n"
                          "  Cause: The secret has expired.\n  Answer: invalid_client AADSTS7000222\n"
                          "  Remedy: Make a new one.\n"));
    // Where tokens are not spoken of, the mailbox says it itself.
    EXPECT_THAT(
        mailboxes_text(status, sample_view()),
        HasSubstr("  Cause: The application has no token.\n  Reply: 401 invalid_client AADSTS7000222"));
    token["last_failure"] = nullptr;
    EXPECT_THAT(status_text(status, sample_view()), HasSubstr("  Cause: The application has no token.\n"));
}

TEST(StatusText, SaysThatMailIsRefusedAndWhy) {
    json::object status = sample_status();
    json::object& queue = status["queue"].as_object();
    queue["reason"] = "the disk is full; make room in /var/lib/mailramp";
    queue["state"] = "full";
    EXPECT_THAT(
        status_text(status, sample_view()),
        HasSubstr("New mail is refused for now (452): the disk is full; make room in /var/lib/mailramp\n"));
    queue["state"] = "failed";
    const std::string failed = status_text(status, sample_view());
    queue["state"] = "stalled";
    const std::string stalled = status_text(status, sample_view());
    EXPECT_THAT(stalled, HasSubstr("New mail has to wait: "));
    EXPECT_THAT(stalled, Not(HasSubstr("It takes mail")));
    EXPECT_THAT(failed, HasSubstr("New mail is refused for now (451): "));
    EXPECT_THAT(failed, Not(HasSubstr("It takes mail")));
}

TEST(StatusText, CountsOneMessageAsOneAndPointsToWhatIsHeld) {
    json::object status = sample_status();
    status["queue"] = json::parse(R"({"state": "open", "messages": 1, "bytes": 812,
        "oldest_accepted": "2026-11-18T11:06:00.000Z", "recipients": {"queued": 0, "held": 1}})");
    EXPECT_THAT(status_text(status, sample_view()),
                HasSubstr("1 message (812 B) is in the queue, for 40 s: 1 recipient held for you.\n"
                          "See why with: mailramp queue list --state held\n"));
    status["queue"] = json::parse(R"({"state": "open", "messages": 0})");
    EXPECT_THAT(status_text(status, sample_view()), HasSubstr("The queue is empty.\n"));
}

TEST(StatusText, SurvivesAnAnswerWithoutFieldsAndControlsInNames) {
    EXPECT_THAT(status_text({}, sample_view()),
                StartsWith("mailramp has been running for 0 s, as process 0.\n"));
    json::object status = sample_status();
    status["mailboxes"] = json::parse("[{\"name\": \"a\\u001b[31mb\"}]");
    status["listeners"] = json::parse("[\"\\u001bc\"]");
    EXPECT_THAT(status_text(status, sample_view()), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace mailramp::cli
