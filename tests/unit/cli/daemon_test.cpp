#include "cli/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/reading.h"

namespace mailramp::cli {
namespace {

using testing::HasSubstr;

TEST(Daemon, AnswersAreObjects) {
    const Reply reply = read_reply(200, R"({"version": "0.1.0"})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(text_at(*reply, "version"), "0.1.0");
}

TEST(Daemon, ErrorsHaveAStatusByTheirKind) {
    const auto failure = [](int http_status, const std::string& kind) {
        return read_reply(http_status, R"({"error": {"kind": ")" + kind + R"(", "message": "why"}})").error();
    };
    EXPECT_EQ(failure(400, "invalid").status, ExitStatus::data);
    EXPECT_EQ(failure(404, "not_found").status, ExitStatus::data);
    EXPECT_EQ(failure(405, "method_not_allowed").status, ExitStatus::software);
    EXPECT_EQ(failure(409, "conflict").status, ExitStatus::try_again);
    EXPECT_EQ(failure(500, "io").status, ExitStatus::io_error);
    EXPECT_EQ(failure(500, "internal").status, ExitStatus::software);
    EXPECT_EQ(failure(503, "unavailable").status, ExitStatus::try_again);
    EXPECT_EQ(failure(503, "unavailable").message, "why");
}

TEST(Daemon, WhatIsNotOursIsSaidToBe) {
    for (const char* body : {"", "<html>", "[]", "{\"a\":", "\xff"}) {
        const Reply reply = read_reply(200, body);
        ASSERT_FALSE(reply) << body;
        EXPECT_THAT(reply.error().message, HasSubstr("is not mailramp"));
    }
    EXPECT_EQ(read_reply(502, "{}").error().message, "the daemon answered HTTP 502");
}

TEST(Daemon, FieldsOfAnotherTypeReadAsEmpty) {
    const boost::json::object odd{{"text", 5}, {"number", "x"}, {"negative", -1},
                                  {"flag", 1}, {"list", "x"},   {"object", 1}};
    EXPECT_EQ(text_at(odd, "text"), "");
    EXPECT_EQ(number_at(odd, "number"), 0u);
    EXPECT_EQ(number_at(odd, "negative"), 0u);
    EXPECT_FALSE(flag_at(odd, "flag"));
    EXPECT_TRUE(array_at(odd, "list").empty());
    EXPECT_TRUE(object_at(odd, "object").empty());
    EXPECT_EQ(time_at(odd, "text"), std::nullopt);
}

TEST(Daemon, RepliesAreSaidInPlainWords) {
    EXPECT_EQ(answer_text({}), "");
    EXPECT_EQ(answer_text({{"code", 535}, {"enhanced", "5.7.3"}, {"text", "no"}, {"phase", "auth"}}),
              "535 5.7.3 no (at login)");
    EXPECT_EQ(answer_text({{"code", 250}, {"phase", "none"}}), "250");
    EXPECT_EQ(answer_text({{"text", "refused"}, {"phase", "connect"}}), "refused (connecting)");
    EXPECT_EQ(answer_text({{"phase", "connect"}}), "");
}

}  // namespace
}  // namespace mailramp::cli
