#include "mailramp/io/tls.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>

#include "sandbox/certificates.h"
#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using ::testing::HasSubstr;
using testing::Loop;
using ::testing::Not;
using testing::Pair;
using testing::patient;
using namespace std::chrono_literals;

class Tls : public ::testing::Test {
  protected:
    Tls() : ca_(sandbox::CertificateAuthority::create("Test CA").value()) {
        write(ca_path(), ca_.certificate_pem());
    }
    ~Tls() override { fs::remove(ca_path()); }

    static fs::path ca_path() {
        return fs::temp_directory_path() / ("mailramp-tls-" + std::to_string(::getpid()));
    }
    static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

    static TlsClient client() { return TlsClient::create({ca_path()}).value(); }
    static TlsServer server(const sandbox::CertificateAuthority& ca,
                            const sandbox::ServerCertificate& wanted) {
        const auto identity = ca.issue(wanted).value();
        return TlsServer::from_pem(identity.certificate_pem, identity.key_pem).value();
    }
    [[nodiscard]] TlsServer good_server() const { return server(ca_, {}); }

    sandbox::CertificateAuthority ca_;
    Loop loop_;
    Pair pair_{loop_};
};

Task<> serve(Stream& stream, const TlsServer& server, base::Result<>& result) {
    result = co_await stream.accept_tls(server, patient);
}

Task<base::Result<>> shake(Stream& stream, const TlsClient& client, std::string host,
                           base::Duration timeout) {
    co_return co_await stream.start_tls(client, host, timeout);
}

Task<base::Result<>> serve_alone(Stream& stream, const TlsServer& server, base::Duration timeout) {
    co_return co_await stream.accept_tls(server, timeout);
}

Task<std::string> exchange(Stream& from, Stream& to, std::string text) {
    std::string got;
    std::array<char, 1000> buffer{};
    auto written = co_await from.write(text, patient);
    if (!written) co_return written.error().message;
    while (got.size() < text.size()) {
        auto part = co_await to.read_some(buffer, patient);
        if (!part) co_return part.error().message;
        got.append(buffer.data(), *part);
    }
    co_return got;
}

Task<base::Result<std::size_t>> read(Stream& stream, base::Duration timeout) {
    std::array<char, 64> buffer{};
    co_return co_await stream.read_some(buffer, timeout);
}

Task<base::Result<std::size_t>> read_few(Stream& stream) {
    std::array<char, 4> few{};
    co_return co_await stream.read_some(few, patient);
}

Task<> say(Stream& stream, std::string text) {
    static_cast<void>(co_await stream.write(text, patient));
}

// The error of a handshake in which the client must refuse.
#define EXPECT_REFUSED(server_expression, host, words)                             \
    do {                                                                           \
        const TlsServer refused = (server_expression);                             \
        base::Result<> server_result;                                              \
        loop_.spawn(serve(pair_.right, refused, server_result));                   \
        const auto result = loop_.run(shake(pair_.left, client(), host, patient)); \
        ASSERT_FALSE(result.has_value());                                          \
        EXPECT_EQ(result.error().kind, ErrorKind::tls);                            \
        EXPECT_THAT(result.error().message, words);                                \
    } while (false)

TEST_F(Tls, TwoSidesThatTrustEachOtherTalk) {
    const TlsServer server = good_server();
    base::Result<> server_result;
    loop_.spawn(serve(pair_.right, server, server_result));
    const auto result = loop_.run(shake(pair_.left, client(), "localhost", patient));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_TRUE(pair_.left.is_tls());
    EXPECT_EQ(loop_.run(exchange(pair_.left, pair_.right, "over TLS")), "over TLS");
    EXPECT_EQ(loop_.run(exchange(pair_.right, pair_.left, std::string(100'000, 'x'))),
              std::string(100'000, 'x'));
    EXPECT_TRUE(server_result.has_value());
    const TlsInfo info = pair_.left.tls_info();
    EXPECT_EQ(info.version, "TLSv1.3");
    EXPECT_EQ(info.peer_subject, "CN = localhost");
    EXPECT_EQ(info.peer_issuer, "CN = Test CA");
    EXPECT_THAT(info.cipher, HasSubstr("TLS_"));
}

TEST_F(Tls, AnIpAddressIsVerifiedAsOne) {
    const TlsServer server = good_server();
    base::Result<> server_result;
    loop_.spawn(serve(pair_.right, server, server_result));
    EXPECT_TRUE(loop_.run(shake(pair_.left, client(), "127.0.0.1", patient)).has_value());
}

TEST_F(Tls, AnotherIpAddressIsRefused) {
    EXPECT_REFUSED(good_server(), "127.0.0.2", HasSubstr("mismatch"));
}

TEST_F(Tls, ACertificateForAnotherNameIsRefused) {
    EXPECT_REFUSED(server(ca_, {.common_name = "localhost", .names = {"other.example"}}), "localhost",
                   ::testing::AllOf(HasSubstr("hostname mismatch"), HasSubstr("localhost")));
}

TEST_F(Tls, AWildcardCoversWholeLabelsOnly) {
    EXPECT_REFUSED(server(ca_, {.common_name = "x", .names = {"sm*.example.org"}}), "smtp.example.org",
                   HasSubstr("mismatch"));
}

TEST_F(Tls, ACertificateOfAnUnknownAuthorityIsRefusedAndItsIssuerNamed) {
    const auto stranger = sandbox::CertificateAuthority::create("Stranger CA").value();
    EXPECT_REFUSED(server(stranger, {}), "localhost", HasSubstr("Stranger CA"));
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
    sandbox::ServerCertificate old;
    old.valid_from = -48h;
    old.valid_until = -24h;
    EXPECT_REFUSED(server(ca_, old), "localhost", HasSubstr("expired"));
}

TEST_F(Tls, AServerThatSpeaksTls11AtMostIsRefused) {
    TlsServer old = good_server();
    SSL_CTX* context = old.context()->native_handle();
    SSL_CTX_set_security_level(context, 0);
    ASSERT_EQ(SSL_CTX_set_min_proto_version(context, TLS1_VERSION), 1);
    ASSERT_EQ(SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION), 1);
    EXPECT_REFUSED(old, "localhost", HasSubstr("protocol"));
}

TEST_F(Tls, OctetsBeforeTheHandshakeAreAnAttack) {
    constexpr std::string_view injected = "250 2.0.0 trust me\r\n";
    ASSERT_EQ(::send(pair_.right.native_handle(), injected.data(), injected.size(), 0),
              static_cast<ssize_t>(injected.size()));
    const auto result = loop_.run(shake(pair_.left, client(), "localhost", patient));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::protocol);
}

TEST_F(Tls, APeerThatDoesNotSpeakTlsIsATlsError) {
    const auto answer_in_clear = [this] {
        constexpr std::string_view plain = "500 5.5.1 what is this\r\n";
        EXPECT_EQ(::send(pair_.right.native_handle(), plain.data(), plain.size(), 0),
                  static_cast<ssize_t>(plain.size()));
    };
    const auto result = loop_.run(shake(pair_.left, client(), "localhost", patient), answer_in_clear);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::tls);
}

TEST_F(Tls, AHandshakeThatHangsEndsAtItsDeadline) {
    const auto result = loop_.run(shake(pair_.left, client(), "localhost", 5ms));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::timeout);
}

TEST_F(Tls, AServerDoesNotWaitForeverForAHandshake) {
    const auto result = loop_.run(serve_alone(pair_.right, good_server(), 5ms));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::timeout);
}

TEST_F(Tls, APeerThatLeavesDuringTheHandshakeIsClosed) {
    pair_.right.close();
    const auto result = loop_.run(shake(pair_.left, client(), "localhost", patient));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::closed);
}

TEST_F(Tls, AReadEndsAtItsDeadlineAndACutLineIsClosed) {
    const TlsServer server = good_server();
    base::Result<> server_result;
    loop_.spawn(serve(pair_.right, server, server_result));
    ASSERT_TRUE(loop_.run(shake(pair_.left, client(), "localhost", patient)).has_value());
    // The first exchange ends the server's handshake, the second takes in its session tickets (TLS 1.3).
    ASSERT_EQ(loop_.run(exchange(pair_.left, pair_.right, "x")), "x");
    ASSERT_EQ(loop_.run(exchange(pair_.right, pair_.left, "x")), "x");
    EXPECT_FALSE(pair_.left.readable_or_closed());
    const auto late = loop_.run(read(pair_.left, 5ms));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().kind, ErrorKind::timeout);
    const auto cut = loop_.run(read(pair_.right, patient));
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().kind, ErrorKind::closed);
}

TEST_F(Tls, OctetsLeftOverInTheTlsLayerMakeAConnectionUnclean) {
    const TlsServer server = good_server();
    base::Result<> server_result;
    loop_.spawn(serve(pair_.right, server, server_result));
    ASSERT_TRUE(loop_.run(shake(pair_.left, client(), "localhost", patient)).has_value());
    ASSERT_EQ(loop_.run(exchange(pair_.left, pair_.right, "x")), "x");
    ASSERT_EQ(loop_.run(exchange(pair_.right, pair_.left, std::string(1000, 'x'))), std::string(1000, 'x'));
    EXPECT_FALSE(pair_.left.readable_or_closed());
    loop_.spawn(say(pair_.right, "421 4.4.2 idle too long\r\n"));
    const auto got = loop_.run(read_few(pair_.left));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(*got, 4u);
    EXPECT_TRUE(pair_.left.readable_or_closed());
}

TEST_F(Tls, AMissingOrEmptyCaFileIsAnErrorThatNamesIt) {
    const auto missing = TlsClient::create({"/nonexistent/ca.pem"});
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().kind, ErrorKind::tls);
    EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/ca.pem"));
    write(ca_path(), "not a certificate\n");
    EXPECT_FALSE(TlsClient::create({ca_path()}).has_value());
}

TEST_F(Tls, AServerNeedsTheKeyOfItsCertificate) {
    const auto one = ca_.issue({}).value();
    const auto other = ca_.issue({}).value();
    const auto server = TlsServer::from_pem(one.certificate_pem, other.key_pem);
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().kind, ErrorKind::tls);
    EXPECT_THAT(server.error().message, Not(HasSubstr("PRIVATE")));
    EXPECT_FALSE(TlsServer::from_files("/nonexistent", "/nonexistent").has_value());
}

}  // namespace
}  // namespace mailramp::io
