#include "sendmail/server_list.h"

#include <gmock/gmock.h>

namespace mailramp::sendmail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Server> read(std::string_view list) {
    const auto servers = read_servers(list);
    EXPECT_TRUE(servers) << servers.error().message;
    return servers.value_or(std::vector<Server>{});
}

TEST(ServerList, IsThisMachineByDefault) {
    EXPECT_THAT(read(default_servers), ElementsAre(Server{"127.0.0.1", "25"}, Server{"::1", "25"}));
}

TEST(ServerList, HasPort25WhereNoneIsGiven) {
    EXPECT_THAT(read("mailramp"), ElementsAre(Server{"mailramp", "25"}));
    EXPECT_THAT(read("::1"), ElementsAre(Server{"::1", "25"}));
    EXPECT_THAT(read("[::1]"), ElementsAre(Server{"::1", "25"}));
}

TEST(ServerList, ReadsPortsAndBracketsAndBlanks) {
    EXPECT_THAT(read("mailramp:2525 , [fe80::1]:26"),
                ElementsAre(Server{"mailramp", "2525"}, Server{"fe80::1", "26"}));
}

TEST(ServerList, ShowsAddressesInBrackets) {
    EXPECT_EQ((Server{"::1", "25"}.text()), "[::1]:25");
    EXPECT_EQ((Server{"mailramp", "25"}.text()), "mailramp:25");
}

TEST(ServerList, SaysWhatIsWrong) {
    for (const std::string_view wrong :
         {"", ",", "a:", "a:0", "a:65536", "a:smtp", ":25", "[::1", "[::1]25", "[]:25", "a:-1"}) {
        const auto servers = read_servers(wrong);
        ASSERT_FALSE(servers) << wrong;
        EXPECT_THAT(servers.error().message, HasSubstr("HOST:PORT"));
    }
    EXPECT_FALSE(read_servers("a,b,c,d,e,f,g,h,i"));
    EXPECT_TRUE(read_servers("a,b,c,d,e,f,g,h"));
}

TEST(Servers, TakeLocalhostForTheLoopback) {
    const auto servers = read_servers("localhost:2525,mailramp");
    ASSERT_TRUE(servers);
    EXPECT_EQ(*servers, (std::vector<Server>{{"127.0.0.1", "2525"}, {"::1", "2525"}, {"mailramp", "25"}}));
}

}  // namespace
}  // namespace mailramp::sendmail
