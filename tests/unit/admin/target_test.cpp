#include "admin/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::admin {
namespace {

using testing::ElementsAre;
using testing::Pair;

Target parsed(std::string_view text) {
    auto target = parse_target(text);
    EXPECT_TRUE(target) << text;
    return target.value_or(Target{});
}

Route route_of(std::string_view method, std::string_view target) {
    return find_route(method, parsed(target));
}

TEST(Target, IsTakenApartAndDecoded) {
    const Target target = parsed("/v1/mailboxes/a%2Fb%20c+d?state=held&mailbox=x%3Dy&empty=");
    EXPECT_THAT(target.segments, ElementsAre("v1", "mailboxes", "a/b c+d"));
    EXPECT_THAT(target.query, ElementsAre(Pair("state", "held"), Pair("mailbox", "x=y"), Pair("empty", "")));
    EXPECT_EQ(target.field("mailbox"), "x=y");
    EXPECT_EQ(target.field("limit"), std::nullopt);
}

TEST(Target, IsRefusedWhenItCannotBeRead) {
    for (const char* text :
         {"", "v1/status", "http://localhost/v1/status", "/v1/%", "/v1/%4", "/v1/%zz", "/v1/%00",
          "/v1/status#top", "/v1/messages?=5", "/v1/messages?a=%0g", "/v1/messages?a=1&a=2",
          "/v1/messages?%61=1&a=2", "/v1/a b", "/v1/\ta", "/v1/messages?a=\x7f", "*"}) {
        EXPECT_FALSE(parse_target(text)) << text;
    }
    EXPECT_FALSE(parse_target(std::string_view("/?\0a=1", 6))) << "a NUL that nobody has escaped";
}

TEST(Route, IsFoundByMethodAndPath) {
    EXPECT_EQ(route_of("GET", "/v1/status").action, Action::status);
    EXPECT_EQ(route_of("GET", "/v1/messages?limit=5").action, Action::list_messages);
    EXPECT_EQ(route_of("GET", "/v1/messages/0ABC").action, Action::show_message);
    EXPECT_EQ(route_of("GET", "/v1/messages/0ABC").argument, "0ABC");
    EXPECT_EQ(route_of("POST", "/v1/messages/0ABC/retry").action, Action::retry_message);
    EXPECT_EQ(route_of("POST", "/v1/messages/0ABC/retry").argument, "0ABC");
    EXPECT_EQ(route_of("POST", "/v1/messages/retry").action, Action::retry_messages);
    EXPECT_EQ(route_of("POST", "/v1/messages/hold").action, Action::hold_messages);
    EXPECT_EQ(route_of("POST", "/v1/messages/release").action, Action::release_messages);
    EXPECT_EQ(route_of("DELETE", "/v1/messages").action, Action::delete_messages);
    EXPECT_EQ(route_of("GET", "/v1/messages/count").action, Action::count_messages);
    EXPECT_EQ(route_of("POST", "/v1/messages/X/hold").action, Action::hold_message);
    EXPECT_EQ(route_of("POST", "/v1/messages/X/release").action, Action::release_message);
    EXPECT_EQ(route_of("GET", "/v1/messages/X/trace").action, Action::trace_message);
    EXPECT_EQ(route_of("GET", "/v1/messages/X/content").argument, "X");
    EXPECT_EQ(route_of("GET", "/v1/history").action, Action::list_history);
    EXPECT_EQ(route_of("POST", "/v1/mailboxes/X/pause").action, Action::pause_mailbox);
    EXPECT_EQ(route_of("DELETE", "/v1/messages/0ABC").action, Action::delete_message);
    EXPECT_EQ(route_of("POST", "/v1/mailboxes/al%20erts/resume").argument, "al erts");
    EXPECT_EQ(route_of("GET", "/healthz").action, Action::health);
    EXPECT_EQ(route_of("HEAD", "/healthz").action, Action::health);
}

TEST(Route, NamesTheMethodsThatAPathHas) {
    const Route route = route_of("PUT", "/v1/messages/0ABC");
    EXPECT_EQ(route.match, Route::Match::method_not_allowed);
    EXPECT_EQ(route.allowed_methods, "GET, HEAD, DELETE");
    EXPECT_EQ(route_of("get", "/v1/status").match, Route::Match::method_not_allowed);
}

TEST(Route, ChangesNothingByASafeMethod) {
    for (const char* target : {"/v1/messages/0ABC/retry", "/v1/mailboxes/alerts/resume"}) {
        for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE"}) {
            EXPECT_EQ(route_of(method, target).match, Route::Match::method_not_allowed)
                << method << " " << target;
        }
    }
    // GET asks for a message whose id is "retry", which none has; it does not retry.
    EXPECT_EQ(route_of("GET", "/v1/messages/retry").action, Action::show_message);
}

TEST(Route, IsAnExactPath) {
    for (const char* target : {"/", "/v1", "/v1/status/x", "/V1/status", "/v1//messages",
                               "/v1/messages//retry", "/v2/status", "/v1/mailboxes", "/v1%2Fstatus"}) {
        EXPECT_EQ(route_of("GET", target).match, Route::Match::no_such_path) << target;
    }
}

}  // namespace
}  // namespace mailramp::admin
