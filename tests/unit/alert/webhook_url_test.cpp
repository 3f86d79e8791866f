#include "mailramp/alert/webhook_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::alert {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(WebhookUrl, IsHttpsOrOnThisMachine) {
    for (const char* url : {"https://hooks.slack.com/services/T0/B0/x", "HTTPS://a.example:8443/?a=b#c",
                            "https://[2001:db8::1]/x", "http://localhost:8080/x", "http://127.0.0.1/",
                            "http://[::1]:99/x", "http://LOCALHOST"})
        EXPECT_TRUE(check_webhook_url(url)) << url;
}

TEST(WebhookUrl, IsRefusedWithoutBeingRepeated) {
    for (const std::string url :
         {"", "hooks.example/secret", "ftp://hooks.example/secret", "https://", "https:///secret",
          "https://:443/secret", "https://hooks.example/sec ret", "https://hooks.example/secret\r\n",
          "https://user:secret@hooks.example/", "https://hooks.example\\@localhost/secret",
          "http://hooks.example/secret", "http://localhost.evil.example/secret",
          "http://127.0.0.1@evil.example/secret", "http://127.0.0.1.evil.example/secret",
          "http://localhost\\.evil.example/secret",
          "https://hooks.example/s\xc3\xa9"
          "cret"}) {
        const auto checked = check_webhook_url(url);
        ASSERT_FALSE(checked) << url;
        EXPECT_EQ(checked.error().kind, base::ErrorKind::invalid);
        EXPECT_THAT(checked.error().message, Not(HasSubstr("secret")));
    }
    EXPECT_FALSE(check_webhook_url("https://hooks.example/" + std::string(5000, 'x')));
}

TEST(WebhookUrl, ShowsNothingBehindItsHost) {
    EXPECT_EQ(visible_part("https://hooks.slack.com/services/T0/B0/secret"), "https://hooks.slack.com");
    EXPECT_EQ(visible_part("https://hooks.example:8443?token=secret"), "https://hooks.example:8443");
    EXPECT_EQ(visible_part("https://hooks.example#secret"), "https://hooks.example");
}

}  // namespace
}  // namespace mailramp::alert
