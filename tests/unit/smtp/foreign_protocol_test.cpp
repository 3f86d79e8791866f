#include "smtp/foreign_protocol.h"

#include <gtest/gtest.h>

namespace mailramp::smtp {
namespace {

TEST(ForeignProtocol, KnowsHttp) {
    for (const auto* line :
         {"GET / HTTP/1.1", "get /", "POST /x HTTP/1.0", "CONNECT a:25", "BREW pot HTTP/1.1",
          "PRI * HTTP/2.0", "Host: localhost", "X-Any-Field:value", "Content-Length: 5"})
        EXPECT_TRUE(looks_like_http(line)) << line;
}

TEST(ForeignProtocol, LeavesSmtpAlone) {
    for (const auto* line :
         {"EHLO a", "MAIL FROM:<post@example.com>", "RCPT TO:<get@example.com>", "NOOP a:b", "", "HELP POST",
          "MAIL from: <a@b.example>", "DATA", "GETTING", "http"})
        EXPECT_FALSE(looks_like_http(line)) << line;
}

TEST(ForeignProtocol, KnowsTlsByItsFirstTwoOctets) {
    EXPECT_TRUE(looks_like_tls("\x16\x03"));
    EXPECT_TRUE(looks_like_tls("\x16\x03\x01\x02"));
    EXPECT_FALSE(looks_like_tls("\x16"));
    EXPECT_FALSE(looks_like_tls("EHLO \x16\x03"));
}

}  // namespace
}  // namespace mailramp::smtp
