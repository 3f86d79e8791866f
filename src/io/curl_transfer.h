// io/curl_transfer.h: one HTTP request on its way through libcurl.
//
// Made on the event loop, driven by the HTTP thread, answered through Rendezvous. After cancel() or the end
// of the waiting coroutine the outcome is dropped.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>

#include "mailramp/base/result.h"
#include "mailramp/io/http_client.h"
#include "mailramp/io/worker.h"

namespace mailramp::io {

struct CurlEasyFree {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct CurlListFree {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class CurlTransfer final : public detail::Rendezvous {
  public:
    CurlTransfer(Executor executor, HttpRequest request)
        : Rendezvous(std::move(executor)), request_(std::move(request)) {}

    // On the event loop.
    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] base::Result<HttpResponse> take() { return std::move(*outcome_); }

    // On the HTTP thread. Both `trusted` and `user_agent` must outlive the transfer.
    [[nodiscard]] base::Result<> prepare(X509_STORE* trusted, const std::string& user_agent);
    [[nodiscard]] CURL* easy() const { return easy_.get(); }
    [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    // Ends the transfer with what libcurl says. The handle must have left its multi handle.
    void finish(CURLcode code);
    void finish(base::Error error);

  private:
    [[nodiscard]] base::Result<> set_target();
    [[nodiscard]] base::Result<> set_headers();
    void set_body();
    void set_limits();
    [[nodiscard]] base::Error error_of(CURLcode code) const;
    bool take_header_line(std::string_view line);
    bool take_body(std::string_view part);

    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static CURLcode on_ssl_context(CURL* easy, void* ssl_context, void* store);

    HttpRequest request_;
    std::atomic<bool> cancelled_ = false;
    std::unique_ptr<CURL, CurlEasyFree> easy_;
    std::unique_ptr<curl_slist, CurlListFree> headers_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    HttpResponse response_;
    std::string body_;
    std::size_t header_bytes_ = 0;
    bool too_large_ = false;
    std::optional<base::Result<HttpResponse>> outcome_;
};

}  // namespace mailramp::io
