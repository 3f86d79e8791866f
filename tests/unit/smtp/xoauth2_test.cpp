// The vectors V1 and V2 are the ones that Microsoft and Google publish in their documentation; the others
// were computed with another implementation (Python's base64).
#include "smtp/xoauth2.h"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

constexpr const char* relay = "relay@example.com";

std::string encoded(std::string_view user, std::string token) {
    const auto response = xoauth2_response(user, base::Secret(std::move(token)));
    EXPECT_TRUE(response) << (response ? "" : response.error().message);
    return response ? std::string(response->reveal()) : std::string();
}

// FNV-1a, 64 bits: says that two long texts are equal without showing them.
std::uint64_t checksum(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

std::size_t command_bytes(std::size_t token_length) {
    return ("AUTH XOAUTH2 " + encoded(relay, std::string(token_length, 't')) + "\r\n").size();
}

TEST(Xoauth2, AgreesWithMicrosoftsExample) {
    EXPECT_EQ(encoded("test@contoso.onmicrosoft.com", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"),
              "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYm"
              "pMQldaV0Nj"
              "bFJDM0VvQUEBAQ==");
}

TEST(Xoauth2, AgreesWithGooglesExample) {
    EXPECT_EQ(encoded("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"),
              "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG"
              "1semRHRXVZ"
              "Mjl0Q2cBAQ==");
}

TEST(Xoauth2, EncodesAShortNameAndToken) {
    EXPECT_EQ(encoded("user", "ya29.TOKEN"), "dXNlcj11c2VyAWF1dGg9QmVhcmVyIHlhMjkuVE9LRU4BAQ==");
}

TEST(Xoauth2, EncodesTheFieldsOctetForOctet) {
    const std::string response = encoded(relay, "TESTTOKEN.not.a.secret");
    EXPECT_EQ(response, "dXNlcj1yZWxheUBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBURVNUVE9LRU4ubm90LmEuc2VjcmV0AQE=");
    const auto raw = base::base64_decode(response);
    ASSERT_TRUE(raw);
    EXPECT_EQ(raw->size(), 59u);
    EXPECT_EQ(*raw,
              "user=relay@example.com\x01"
              "auth=Bearer TESTTOKEN.not.a.secret\x01\x01");
    EXPECT_EQ(("AUTH XOAUTH2 " + response + "\r\n").size(), 95u);
}

TEST(Xoauth2, PadsEveryLength) {
    EXPECT_EQ(encoded("u@e.com", std::string(10, 't')),
              "dXNlcj11QGUuY29tAWF1dGg9QmVhcmVyIHR0dHR0dHR0dHQBAQ==");
    EXPECT_EQ(encoded("u@e.com", std::string(11, 't')),
              "dXNlcj11QGUuY29tAWF1dGg9QmVhcmVyIHR0dHR0dHR0dHR0AQE=");
    EXPECT_EQ(encoded("u@e.com", std::string(12, 't')),
              "dXNlcj11QGUuY29tAWF1dGg9QmVhcmVyIHR0dHR0dHR0dHR0dAEB");
}

TEST(Xoauth2, FitsTheCommandUpTo512Octets) {
    for (const std::size_t length : {333u, 334u, 335u}) {
        EXPECT_EQ(command_bytes(length), 511u);
        EXPECT_TRUE(fits_auth_command("XOAUTH2", base::Secret(encoded(relay, std::string(length, 't')))));
    }
    for (const std::size_t length : {336u, 337u, 338u}) {
        EXPECT_EQ(command_bytes(length), 515u);
        EXPECT_FALSE(fits_auth_command("XOAUTH2", base::Secret(encoded(relay, std::string(length, 't')))));
    }
    EXPECT_TRUE(fits_auth_command("XOAUTH2", base::Secret(std::string(497, 'x'))));   // 512 exactly
    EXPECT_FALSE(fits_auth_command("XOAUTH2", base::Secret(std::string(498, 'x'))));  // 513
}

TEST(Xoauth2, EncodesATokenOfEntrasLength) {
    std::string token;
    while (token.size() < 2048)
        token += "abcdefghij";
    token.resize(2048);
    const std::string response = encoded(relay, token);
    EXPECT_EQ(response.size(), 2780u);
    EXPECT_EQ((response + "\r\n").size(), 2782u);
    EXPECT_TRUE(response.starts_with("dXNlcj1yZWxheUBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBh"));
    EXPECT_TRUE(response.ends_with("Y2RlZmdoaWphYmNkZWZnaAEB"));
    EXPECT_EQ(checksum(response), 0x2b1d0675ac376d6bu);
}

TEST(Xoauth2, EndsAt12288Octets) {
    EXPECT_EQ(encoded(relay, std::string(9179, 't')).size(), auth_response_bytes_max);
    EXPECT_FALSE(xoauth2_response(relay, base::Secret(std::string(9180, 't'))));
}

TEST(Oauthbearer, EncodesHostAndPort) {
    const auto response =
        oauthbearer_response(relay, "smtp.office365.com", 587, base::Secret("TESTTOKEN.not.a.secret"));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->reveal(),
              "bixhPXJlbGF5QGV4YW1wbGUuY29tLAFob3N0PXNtdHAub2ZmaWNlMzY1LmNvbQFwb3J0PTU4NwFhdXRoPUJlYXJlciBURV"
              "NUVE9LRU4u"
              "bm90LmEuc2VjcmV0AQE=");
    EXPECT_EQ(response->reveal().size(), 124u);
    EXPECT_EQ(base::base64_decode(response->reveal()).value_or("").size(), 92u);
}

TEST(Oauthbearer, EscapesCommaAndEqualsInTheName) {
    const auto response = oauthbearer_response("a,b=c@example.com", "h", 25, base::Secret("t"));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->reveal(),
              "bixhPWE9MkNiPTNEY0BleGFtcGxlLmNvbSwBaG9zdD1oAXBvcnQ9MjUBYXV0aD1CZWFyZXIgdAEB");
}

TEST(BearerLogin, RefusesWhatCouldEndAFieldOrALine) {
    const base::Secret good("token");
    for (const char* user : {"", "a b@example.com", "a\r\nRCPT TO:<x>@example.com", "a\x01@example.com",
                             "a\t@b", "a\x7f@b", "\xff@b"}) {
        EXPECT_FALSE(xoauth2_response(user, good)) << user;
        EXPECT_FALSE(oauthbearer_response(user, "h", 25, good)) << user;
    }
    for (const char* token : {"", "to ken", "token\r\n", "\ntoken",
                              "tok\x01"
                              "en",
                              "tok\"en", "t\xc3\xa4"}) {
        const auto response = xoauth2_response(relay, base::Secret(token));
        ASSERT_FALSE(response) << token;
        EXPECT_EQ(response.error().message.find("tok"),
                  response.error().message.find("token"));  // never the token
        EXPECT_FALSE(oauthbearer_response(relay, "h", 25, base::Secret(token))) << token;
    }
    EXPECT_FALSE(oauthbearer_response(relay, "h\r\n", 25, good));
    EXPECT_FALSE(oauthbearer_response(relay, "", 25, good));
    EXPECT_FALSE(xoauth2_response(std::string(321, 'a'), good));
    EXPECT_TRUE(xoauth2_response("m\xc3\xbcller@example.com", good));
}

TEST(ExplainAuthChallenge, ReadsTheStatusThatGoogleSends) {
    EXPECT_EQ(explain_auth_challenge("eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoi"
                                     "aHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K"),
              "status 401, scope https://mail.google.com/");
    EXPECT_EQ(explain_auth_challenge(base::base64_encode(R"({ "status" : 400 })")), "status 400");
}

TEST(ExplainAuthChallenge, SaysNothingAboutAnythingElse) {
    for (const std::string json :
         {"", "{}", "[1]", R"({"status":"4\"1"})", R"({"status")", R"({"status":"401)", R"({"status":x})"})
        EXPECT_EQ(explain_auth_challenge(base::base64_encode(json)), std::nullopt) << json;
    EXPECT_EQ(explain_auth_challenge("not base64"), std::nullopt);
    EXPECT_EQ(explain_auth_challenge(std::string(8000, 'A')), std::nullopt);
    EXPECT_EQ(explain_auth_challenge(base::base64_encode("{\"status\":\"4\r\n1\"}")), "status 4??1");
}

}  // namespace
}  // namespace mailramp::smtp
