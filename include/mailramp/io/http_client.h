// mailramp/io/http_client.h: the seam to HTTP, and its implementation on libcurl.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"
#include "mailramp/io/async.h"

namespace mailramp::io {

// Which URLs a request may have.
enum class UrlSchemes {
    https,          // nothing else, whatever the URL says
    https_or_http,  // the caller has checked that http is good enough there
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    UrlSchemes schemes = UrlSchemes::https;  // without a meaning when unix_socket is set
    std::vector<std::pair<std::string, std::string>> headers;
    base::Secret body;                  // it may hold a client secret, so it is treated as one
    std::filesystem::path unix_socket;  // when set: HTTP over this socket, for the admin commands
    std::string proxy;                  // "http://proxy:3128"; empty: none (the environment is not read)
    base::Duration connect_timeout = std::chrono::seconds(10);
    base::Duration total_timeout = std::chrono::seconds(30);
    std::size_t response_bytes_max = 64 * 1024;
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    base::Secret body;                                         // it may hold a token
    [[nodiscard]] std::string header(std::string_view name_in_lower_case) const;
};

// Sends one request. Any HTTP status is a response; an Error means that there was none.
class HttpClient {
  public:
    virtual ~HttpClient() = default;
    [[nodiscard]] virtual Task<base::Result<HttpResponse>> send(HttpRequest request) = 0;
};

struct CurlHttpClientOptions {
    std::filesystem::path ca_file;  // PEM; trusted in addition to the system's CAs
    std::string user_agent = "mailramp";
    std::size_t requests_in_flight_max = 16;
};

// libcurl on one thread of its own (curl_multi_poll, curl_multi_wakeup): requests run side by side, one hung
// server does not hold up another. No redirects, no .netrc, TLS 1.2 or newer, certificates always verified.
class CurlHttpClient final : public HttpClient {
  public:
    // Fails with ErrorKind::tls when `ca_file` cannot be read.
    [[nodiscard]] static base::Result<std::unique_ptr<CurlHttpClient>> create(
        const CurlHttpClientOptions& options);
    ~CurlHttpClient() override;
    [[nodiscard]] Task<base::Result<HttpResponse>> send(HttpRequest request) override;
    // Answers every request in flight with ErrorKind::cancelled and detaches: for shutdown, right before
    // _exit.
    void abandon();

  private:
    struct Impl;
    explicit CurlHttpClient(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace mailramp::io
