#include "alert/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "unit/alert/samples.h"

namespace mailramp::alert {
namespace {

namespace json = boost::json;

TEST(Body, HasTheDocumentedFields) {
    Alert alert = problem("erp");
    alert.repeats = 2;
    alert.suppressed = 3;
    const json::value body = json::parse(json_body(alert, "relay.contoso.com"));
    const json::value expected = json::parse(R"({
        "event": "mailbox_paused", "subject": "erp", "resolved": false, "severity": "error",
        "time": "2026-11-23T01:00:00Z", "since": "2026-11-23T00:00:00Z", "host": "relay.contoso.com",
        "mailbox": "erp", "credential": null, "summary": "mailbox erp is paused",
        "detail": "the server said <no> & meant it", "remedy": "type this", "repeats": 2, "suppressed": 3,
        "text": "[error] mailramp on relay.contoso.com: mailbox erp is paused\nthe server said &lt;no&gt; &amp; meant it\nRemedy: type this"})");
    EXPECT_EQ(body, expected) << json::serialize(body);
}

TEST(Body, OfWhatIsOverSaysThatItIsOver) {
    Alert alert = problem("erp");
    alert.kind = Alert::Kind::resolved;
    const json::value body = json::parse(json_body(alert, "relay"));
    EXPECT_EQ(body.at("resolved"), true);
    EXPECT_EQ(body.at("summary"), "mailbox erp sends again");
    EXPECT_EQ(body.at("text"), "[resolved] mailramp on relay: mailbox erp sends again");
}

TEST(Body, IsPrintableAndBoundedWhateverAServerSaid) {
    Alert alert = problem("erp");
    alert.condition.detail = "a\r\nb\x1b[2J\xff" + std::string(100'000, 'x');
    const std::string body = json_body(alert, "relay");
    EXPECT_LT(body.size(), 8 * text_field_bytes_max);
    const json::value parsed = json::parse(body);
    EXPECT_TRUE(parsed.at("detail").as_string().starts_with("a??b?[2J?xxx"));
}

TEST(Body, ForTeamsIsAnAdaptiveCard) {
    const json::value body = json::parse(webhook_body(problem("erp"), "relay", WebhookFormat::teams));
    EXPECT_EQ(body.at("type"), "message");
    const json::value& attachment = body.at("attachments").at(0);
    EXPECT_EQ(attachment.at("contentType"), "application/vnd.microsoft.card.adaptive");
    const json::value& blocks = attachment.at("content").at("body");
    EXPECT_EQ(blocks.at(0).at("text"), "[error] mailramp on relay: mailbox erp is paused");
    EXPECT_EQ(blocks.at(1).at("text"), "the server said <no> & meant it");
    EXPECT_EQ(blocks.at(2).at("text"), "Remedy: type this");
}

}  // namespace
}  // namespace mailramp::alert
