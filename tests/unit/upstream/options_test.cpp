#include "mailramp/upstream/options.h"

#include <gtest/gtest.h>

namespace mailramp::upstream {
namespace {

TEST(CheckServerOptions, AllowsPlainTextOnlyOnThisMachineAndWithoutALogin) {
    ServerOptions options;
    options.mailbox = "m";
    options.user = "u@example.com";
    options.host = "smtp.office365.com";
    EXPECT_TRUE(check(options));
    options.starttls = smtp::StartTls::none;
    EXPECT_FALSE(check(options));
    options.authentication = smtp::Authentication::none;
    EXPECT_FALSE(check(options));
    for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
        options.host = host;
        EXPECT_TRUE(check(options)) << host;
    }
    for (const char* host :
         {"127.example.com", "192.0.2.1", "::", "0.0.0.0", "localhost.example.com", "1127.0.0.1"}) {
        options.host = host;
        EXPECT_FALSE(check(options)) << host;
    }
    options.host = "127.0.0.1";
    options.authentication = smtp::Authentication::xoauth2;
    EXPECT_FALSE(check(options));
}

TEST(CheckServerOptions, WantsHostPortUserAndAConnection) {
    ServerOptions good;
    good.mailbox = "m";
    good.user = "u@example.com";
    good.host = "mx.example.com";
    ASSERT_TRUE(check(good));
    ServerOptions options = good;
    options.host = "";
    EXPECT_FALSE(check(options));
    options = good;
    options.port = 0;
    EXPECT_FALSE(check(options));
    options = good;
    options.user = "";
    EXPECT_FALSE(check(options));
    options = good;
    options.pool.connections_max = 0;
    EXPECT_FALSE(check(options));
}

TEST(IsOwnListener, KnowsListenersOnEveryAddress) {
    const std::vector<io::Endpoint> own{{"192.0.2.1", 25}, {"0.0.0.0", 2525}};
    EXPECT_TRUE(is_own_listener("192.0.2.1", 25, own));
    EXPECT_FALSE(is_own_listener("192.0.2.1", 587, own));
    EXPECT_FALSE(is_own_listener("192.0.2.2", 25, own));
    EXPECT_TRUE(is_own_listener("127.0.0.1", 2525, own));
    EXPECT_FALSE(is_own_listener("198.51.100.1", 2525, own));
}

}  // namespace
}  // namespace mailramp::upstream
