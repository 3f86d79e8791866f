#include "mailramp/io/http_client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mailramp/io/listener.h"
#include "mailramp/io/timer.h"
#include "sandbox/certificates.h"
#include "unit/io/loop.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using ::testing::HasSubstr;
using testing::Loop;
using ::testing::Not;
using testing::patient;
using namespace std::chrono_literals;

// What the little server does with a request, by its path.
struct Served {
    std::string request;  // the last one, whole
    int connections = 0;
};

Task<std::string> read_request(Stream& stream) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const std::size_t end = text.find("\r\n\r\n");
        const std::size_t length = text.find("Content-Length: ");
        const std::size_t body = length < end ? std::stoul(text.substr(length + 16)) : 0;
        if (end != std::string::npos && text.size() >= end + 4 + body) co_return text;
        auto got = co_await stream.read_some(buffer, patient);
        if (!got) co_return text;
        text.append(buffer.data(), *got);
    }
}

std::string respond_to(const std::string& request) {
    const std::string path = request.substr(0, request.find(" HTTP"));
    const auto with_body = [](const std::string& head, const std::string& body) {
        return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    if (path.ends_with("/token"))
        return with_body("200 OK\r\nRetry-After: 60\r\nX-Id:  a b ", "{\"token\":\"t\"}");
    if (path.ends_with("/denied")) return with_body("401 Unauthorized", "no");
    if (path.ends_with("/moved")) return with_body("302 Found\r\nLocation: /token", "");
    if (path.ends_with("/large")) return with_body("200 OK", std::string(2000, 'x'));
    if (path.ends_with("/headers")) return with_body("200 OK\r\nX-Long: " + std::string(60'000, 'x'), "");
    if (path.ends_with("/garbage")) return "this is not HTTP\r\n\r\n";
    if (path.ends_with("/interim"))
        return "HTTP/1.1 103 Early Hints\r\nX-Interim: 1\r\n\r\n" + with_body("200 OK", "x");
    return {};  // hangs
}

Task<> serve_one(Stream stream, const TlsServer* tls, Served& served) {
    if (tls != nullptr) {
        auto shaken = co_await stream.accept_tls(*tls, patient);
        if (!shaken) co_return;
    }
    served.request = co_await read_request(stream);
    const std::string response = respond_to(served.request);
    if (!response.empty()) static_cast<void>(co_await stream.write(response, patient));
    std::array<char, 16> rest{};
    static_cast<void>(co_await stream.read_some(rest, patient));
}

Task<> serve(Loop& loop, Listener& listener, const TlsServer* tls, Served& served) {
    for (;;) {
        auto stream = co_await listener.accept();
        if (!stream) co_return;
        ++served.connections;
        loop.spawn(serve_one(std::move(*stream), tls, served));
    }
}

Task<base::Result<HttpResponse>> ask(HttpClient& client, HttpRequest request) {
    co_return co_await client.send(std::move(request));
}

Task<> ask_detached(HttpClient& client, HttpRequest request, std::vector<ErrorKind>& kinds) {
    auto response = co_await ask(client, std::move(request));
    kinds.push_back(response ? ErrorKind::internal : response.error().kind);
}

class Http : public ::testing::Test {
  protected:
    Http() : ca_(sandbox::CertificateAuthority::create("Test CA").value()) {
        std::ofstream(ca_path()) << ca_.certificate_pem();
        const auto identity = ca_.issue({}).value();
        tls_ = TlsServer::from_pem(identity.certificate_pem, identity.key_pem).value();
        loop_.spawn(serve(loop_, listener_, &tls_, served_));
        client_ = CurlHttpClient::create({.ca_file = ca_path()}).value();
    }
    ~Http() override { fs::remove(ca_path()); }

    static fs::path ca_path() {
        return fs::temp_directory_path() / ("mailramp-http-" + std::to_string(::getpid()));
    }
    [[nodiscard]] HttpRequest request(const std::string& path) const {
        HttpRequest made;
        made.url = "https://localhost:" + std::to_string(listener_.endpoint().port) + path;
        made.total_timeout = patient;
        return made;
    }
    base::Result<HttpResponse> get(const std::string& path) {
        return loop_.run(ask(*client_, request(path)));
    }

    sandbox::CertificateAuthority ca_;
    TlsServer tls_;
    Served served_;
    Loop loop_;
    Listener listener_ = Listener::bind_tcp(loop_.executor(), {"127.0.0.1", 0}, 10).value();
    std::unique_ptr<CurlHttpClient> client_;
};

TEST_F(Http, SendsAPostAndReturnsStatusHeadersAndBody) {
    HttpRequest post = request("/token");
    post.method = "POST";
    post.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    post.body = base::Secret("grant_type=client_credentials");
    const auto response = loop_.run(ask(*client_, std::move(post)));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body.reveal(), "{\"token\":\"t\"}");
    EXPECT_EQ(response->header("retry-after"), "60");
    EXPECT_EQ(response->header("x-id"), "a b");
    EXPECT_EQ(response->header("x-none"), "");
    EXPECT_THAT(served_.request, HasSubstr("POST /token HTTP/1.1\r\n"));
    EXPECT_THAT(served_.request, HasSubstr("Content-Type: application/x-www-form-urlencoded\r\n"));
    EXPECT_THAT(served_.request, HasSubstr("\r\n\r\ngrant_type=client_credentials"));
    EXPECT_THAT(served_.request, Not(HasSubstr("Expect")));
}

TEST_F(Http, AnErrorStatusIsAResponse) {
    const auto response = get("/denied");
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 401);
    EXPECT_EQ(response->body.reveal(), "no");
}

TEST_F(Http, DoesNotFollowARedirect) {
    const auto response = get("/moved");
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 302);
    EXPECT_EQ(served_.connections, 1);
}

TEST_F(Http, ForgetsTheHeadersOfInterimResponses) {
    const auto response = get("/interim");
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->header("x-interim"), "");
}

TEST_F(Http, CapsTheBody) {
    HttpRequest large = request("/large");
    large.response_bytes_max = 1999;
    const auto refused = loop_.run(ask(*client_, std::move(large)));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::limit);
    HttpRequest fits = request("/large");
    fits.response_bytes_max = 2000;
    EXPECT_TRUE(loop_.run(ask(*client_, std::move(fits))).has_value());
}

TEST_F(Http, CapsTheHeaders) {
    const auto refused = get("/headers");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::limit);
}

TEST_F(Http, GarbageIsAnErrorWithWords) {
    const auto refused = get("/garbage");
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().kind, ErrorKind::timeout);
    EXPECT_THAT(refused.error().message, HasSubstr("GET https://localhost:"));
}

TEST_F(Http, GivesUpAtTheTotalTimeout) {
    HttpRequest hanging = request("/hang?client_secret=s3cret");
    hanging.total_timeout = 50ms;
    const auto refused = loop_.run(ask(*client_, std::move(hanging)));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::timeout);
    EXPECT_THAT(refused.error().message, Not(HasSubstr("s3cret")));
}

TEST_F(Http, AHungServerHoldsUpNobodyElse) {
    std::vector<ErrorKind> hung;
    loop_.spawn(ask_detached(*client_, request("/hang"), hung));
    const auto response = get("/token");
    EXPECT_TRUE(response.has_value());
    EXPECT_TRUE(hung.empty());
}

TEST_F(Http, RefusesMoreRequestsThanAllowed) {
    client_ = CurlHttpClient::create({.ca_file = ca_path(), .requests_in_flight_max = 1}).value();
    std::vector<ErrorKind> hung;
    loop_.spawn(ask_detached(*client_, request("/hang"), hung));
    EXPECT_EQ(get("/token").error().kind, ErrorKind::limit);
}

TEST_F(Http, RefusesAServerOfAnUnknownAuthority) {
    client_ = CurlHttpClient::create({}).value();
    const auto refused = get("/token");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::tls);
    EXPECT_EQ(served_.request, "");
}

TEST_F(Http, RefusesACertificateForAnotherName) {
    const auto identity = ca_.issue({.common_name = "localhost", .names = {"other.example"}}).value();
    tls_ = TlsServer::from_pem(identity.certificate_pem, identity.key_pem).value();
    EXPECT_EQ(get("/token").error().kind, ErrorKind::tls);
}

TEST_F(Http, RefusesPlainHttp) {
    HttpRequest plain = request("/token");
    plain.url.replace(0, 5, "http");
    const auto refused = loop_.run(ask(*client_, std::move(plain)));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_EQ(served_.connections, 0);
}

TEST_F(Http, RefusesLineBreaksInHeaders) {
    HttpRequest smuggled = request("/token");
    smuggled.headers = {{"X-A", "b\r\nX-C: d"}};
    EXPECT_EQ(loop_.run(ask(*client_, std::move(smuggled))).error().kind, ErrorKind::invalid);
    EXPECT_EQ(served_.connections, 0);
}

TEST_F(Http, SaysThatNobodyListens) {
    listener_.close();
    EXPECT_EQ(get("/token").error().kind, ErrorKind::unavailable);
}

TEST_F(Http, IgnoresTheProxyOfTheEnvironment) {
    ASSERT_EQ(::setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
    const auto response = get("/token");
    ::unsetenv("https_proxy");
    EXPECT_TRUE(response.has_value());
}

TEST_F(Http, UsesTheProxyOfTheRequest) {
    HttpRequest proxied = request("/token");
    proxied.proxy = "http://127.0.0.1:1";
    EXPECT_EQ(loop_.run(ask(*client_, std::move(proxied))).error().kind, ErrorKind::unavailable);
}

TEST_F(Http, AbandonAnswersWhatIsUnderWay) {
    std::vector<ErrorKind> kinds;
    loop_.spawn(ask_detached(*client_, request("/hang"), kinds));
    while (served_.request.empty())
        loop_.context().run_one();
    client_->abandon();
    while (kinds.empty())
        loop_.context().run_one();
    EXPECT_THAT(kinds, ::testing::ElementsAre(ErrorKind::cancelled));
    EXPECT_EQ(get("/token").error().kind, ErrorKind::cancelled);
}

TEST_F(Http, ARequestMayOutliveItsEventLoop) {
    std::vector<ErrorKind> kinds;
    auto brief = std::make_unique<Loop>();
    brief->spawn(ask_detached(*client_, request("/hang"), kinds));
    brief->context().poll();
    brief.reset();
    EXPECT_TRUE(get("/token").has_value());
    EXPECT_TRUE(kinds.empty());
}

TEST_F(Http, SpeaksPlainHttpOverAUnixSocket) {
    const fs::path path = fs::temp_directory_path() / ("mailramp-http-sock-" + std::to_string(::getpid()));
    auto local = Listener::bind_unix(loop_.executor(), path, 0600).value();
    loop_.spawn(serve(loop_, local, nullptr, served_));
    HttpRequest command;
    command.url = "http://localhost/token";
    command.unix_socket = path;
    const auto response = loop_.run(ask(*client_, std::move(command)));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 200);
}

TEST(HttpClient, NeedsAReadableCaFile) {
    const auto client = CurlHttpClient::create({.ca_file = "/nonexistent/ca.pem"});
    ASSERT_FALSE(client.has_value());
    EXPECT_EQ(client.error().kind, ErrorKind::tls);
}

}  // namespace
}  // namespace mailramp::io
