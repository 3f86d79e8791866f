#include "admin/http_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::admin {
namespace {

using Step = HttpReader::Step;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr HttpLimits limits{512, 1024};

TEST(HttpReader, ReadsARequestAtEverySplitOfItsOctets) {
    const std::string text =
        "POST /v1/messages/0A/retry HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody";
    for (std::size_t split = 1; split < text.size(); ++split) {
        HttpReader reader(limits);
        reader.receive(text.substr(0, split));
        ASSERT_EQ(reader.next(), Step::need_bytes) << split;
        reader.receive(text.substr(split));
        ASSERT_EQ(reader.next(), Step::request) << split;
        const ApiRequest request = reader.take_request();
        EXPECT_EQ(request.method, "POST");
        EXPECT_EQ(request.target, "/v1/messages/0A/retry");
        EXPECT_EQ(reader.fate(), ConnectionFate::keep);
        EXPECT_EQ(reader.next(), Step::need_bytes);
    }
}

TEST(HttpReader, ReadsOneOctetAtATime) {
    const std::string text =
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    HttpReader reader(limits);
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        reader.receive(text.substr(i, 1));
        ASSERT_EQ(reader.next(), Step::need_bytes) << i;
    }
    reader.receive(text.substr(text.size() - 1));
    EXPECT_EQ(reader.next(), Step::request);
}

TEST(HttpReader, ReadsPipelinedRequestsInOrderAndRefusesTheGarbageBehind) {
    HttpReader reader(limits);
    reader.receive(
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nEHLO [127.0.0.1]\r\n\r\n");
    ASSERT_EQ(reader.next(), Step::request);
    EXPECT_EQ(reader.take_request().target, "/a");
    ASSERT_EQ(reader.next(), Step::request);
    EXPECT_EQ(reader.take_request().target, "/b");
    ASSERT_EQ(reader.next(), Step::refused);
    EXPECT_EQ(reader.refusal().status, 400);
    EXPECT_EQ(reader.next(), Step::refused);
}

TEST(HttpReader, KnowsWhenTheClientWantsToClose) {
    for (const char* text :
         {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
        HttpReader reader(limits);
        reader.receive(text);
        ASSERT_EQ(reader.next(), Step::request);
        (void)reader.take_request();
        EXPECT_EQ(reader.fate(), ConnectionFate::close) << text;
    }
}

int refused_with(const std::string& octets) {
    HttpReader reader(limits);
    reader.receive(octets);
    return reader.next() == Step::refused ? reader.refusal().status : 0;
}

TEST(HttpReader, RefusesALongHeader) {
    EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(600, 'x') + "\r\n\r\n"), 431);
    EXPECT_EQ(refused_with("GET /" + std::string(600, 'x')), 431);
    // At the limit it is not yet one.
    EXPECT_EQ(refused_with("GET /" + std::string(400, 'x')), 0);
}

TEST(HttpReader, RefusesALongBody) {
    EXPECT_EQ(refused_with("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n"), 413);
    EXPECT_EQ(refused_with("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n"), 0);
    EXPECT_EQ(refused_with("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" +
                           std::string(1025, 'x')),
              413);
}

TEST(HttpReader, BoundsWhatItKeepsOfAnEndlessLine) {
    EXPECT_EQ(refused_with("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                           std::string(2000, 'x')),
              431);
}

TEST(HttpReader, RefusesWhatIsNotHttp) {
    for (const std::string text :
         {"\x16\x03\x01\x02\r\n\r\n", "HELO x\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
          "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
        EXPECT_EQ(refused_with(text), 400) << text;
    }
}

TEST(HttpReader, WantsOneHostField) {
    EXPECT_EQ(refused_with("GET / HTTP/1.1\r\n\r\n"), 400);
    EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
    EXPECT_EQ(refused_with("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(HttpText, IsAWholeAnswer) {
    ApiResponse response;
    response.status = 405;
    response.body = "{}\n";
    response.allow = "GET, HEAD";
    const std::string text = http_text(response, ConnectionFate::close, ContentPart::sent);
    EXPECT_THAT(text, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
    EXPECT_THAT(text, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(text, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(text, HasSubstr("Allow: GET, HEAD\r\n"));
    EXPECT_THAT(text, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(text, HasSubstr("Content-Length: 3\r\n"));
    EXPECT_TRUE(text.ends_with("\r\n\r\n{}\n"));
}

TEST(HttpText, LeavesTheContentOutForHeadButSaysItsLength) {
    ApiResponse response;
    response.body = "{}\n";
    const std::string text = http_text(response, ConnectionFate::keep, ContentPart::left_out);
    EXPECT_THAT(text, HasSubstr("Content-Length: 3\r\n"));
    EXPECT_TRUE(text.ends_with("\r\n\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("Connection: close")));
}

}  // namespace
}  // namespace mailramp::admin
