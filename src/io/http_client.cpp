#include "mailramp/io/http_client.h"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <curl/curl.h>

#include "io/curl_transfer.h"
#include "io/thread.h"
#include "io/trust.h"
#include "mailramp/io/worker.h"

namespace mailramp::io {
namespace {

struct CurlMultiFree {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

// How long the thread sleeps when nothing is to be done; it is woken when there is.
constexpr int idle_wait_ms = 3'600'000;

}  // namespace

std::string HttpResponse::header(std::string_view name_in_lower_case) const {
    const auto found = std::ranges::find(headers, name_in_lower_case,
                                         [](const auto& field) { return std::string_view(field.first); });
    return found == headers.end() ? std::string() : found->second;
}

// Shared by the client, its thread and every waiting coroutine.
struct CurlHttpClient::Impl {
    explicit Impl(const CurlHttpClientOptions& chosen) : options(chosen) {}

    const CurlHttpClientOptions options;
    X509Store trusted;
    std::unique_ptr<CURLM, CurlMultiFree> multi;  // used by the thread; others only wake it

    std::mutex mutex;
    std::vector<std::shared_ptr<CurlTransfer>> arrivals;
    std::size_t in_flight = 0;
    bool stopping = false;
    std::thread thread;  // started by the first request

    std::vector<std::shared_ptr<CurlTransfer>> active;  // the thread's own

    [[nodiscard]] base::Result<> start(const std::shared_ptr<Impl>& self,
                                       std::shared_ptr<CurlTransfer> transfer);
    void stop();
    void wake() const { curl_multi_wakeup(multi.get()); }

    void serve();
    bool take_arrivals();
    void add(const std::shared_ptr<CurlTransfer>& transfer);
    void drop_cancelled();
    void settle_finished();
    template <class Outcome>
    void end(const std::shared_ptr<CurlTransfer>& transfer, Outcome outcome);
};

base::Result<> CurlHttpClient::Impl::start(const std::shared_ptr<Impl>& self,
                                           std::shared_ptr<CurlTransfer> transfer) {
    {
        const std::lock_guard lock(mutex);
        if (stopping) return base::fail(base::ErrorKind::cancelled, "the HTTP client is closed");
        if (in_flight >= options.requests_in_flight_max)
            return base::fail(base::ErrorKind::limit, std::to_string(options.requests_in_flight_max) +
                                                          " HTTP requests are under way already");
        try {
            if (!thread.joinable()) thread = start_thread("mailramp-http", [self] { self->serve(); });
        } catch (const std::system_error& error) {
            return base::fail(base::ErrorKind::limit,
                              std::string("cannot start the HTTP thread: ") + error.what());
        }
        ++in_flight;
        arrivals.push_back(std::move(transfer));
    }
    wake();
    return {};
}

void CurlHttpClient::Impl::stop() {
    {
        const std::lock_guard lock(mutex);
        stopping = true;
    }
    wake();
}

// The life of the thread.
void CurlHttpClient::Impl::serve() {
    while (take_arrivals()) {
        int running = 0;
        curl_multi_perform(multi.get(), &running);
        settle_finished();
        drop_cancelled();
        curl_multi_poll(multi.get(), nullptr, 0, idle_wait_ms, nullptr);
    }
    while (!active.empty()) {
        const auto transfer = active.back();
        end(transfer, base::Error{base::ErrorKind::cancelled, "the HTTP client is closed"});
    }
}

// False when it is time to end.
bool CurlHttpClient::Impl::take_arrivals() {
    std::vector<std::shared_ptr<CurlTransfer>> taken;
    bool goes_on = true;
    {
        const std::lock_guard lock(mutex);
        taken.swap(arrivals);
        goes_on = !stopping;
    }
    for (const auto& transfer : taken)
        add(transfer);
    return goes_on;
}

void CurlHttpClient::Impl::add(const std::shared_ptr<CurlTransfer>& transfer) {
    active.push_back(transfer);
    if (auto prepared = transfer->prepare(trusted.get(), options.user_agent); !prepared)
        return end(transfer, std::move(prepared.error()));
    if (const CURLMcode code = curl_multi_add_handle(multi.get(), transfer->easy()); code != CURLM_OK)
        end(transfer, base::Error{base::ErrorKind::internal, curl_multi_strerror(code)});
}

void CurlHttpClient::Impl::drop_cancelled() {
    const std::vector<std::shared_ptr<CurlTransfer>> all = active;
    for (const auto& transfer : all)
        if (transfer->cancelled())
            end(transfer, base::Error{base::ErrorKind::cancelled, "nobody waits for it"});
}

void CurlHttpClient::Impl::settle_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;  // `message` dies with the handle's leaving
        const auto found = std::ranges::find(active, message->easy_handle, &CurlTransfer::easy);
        if (found != active.end()) end(std::shared_ptr(*found), code);
    }
}

template <class Outcome>
void CurlHttpClient::Impl::end(const std::shared_ptr<CurlTransfer>& transfer, Outcome outcome) {
    if (transfer->easy() != nullptr) curl_multi_remove_handle(multi.get(), transfer->easy());
    std::erase(active, transfer);
    {
        const std::lock_guard lock(mutex);
        --in_flight;
    }
    transfer->finish(std::move(outcome));
}

base::Result<std::unique_ptr<CurlHttpClient>> CurlHttpClient::create(const CurlHttpClientOptions& options) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return base::fail(base::ErrorKind::internal, "libcurl does not start");
    auto impl = std::make_shared<Impl>(options);
    auto trusted = load_trust(options.ca_file);
    if (!trusted) return std::unexpected(trusted.error());
    impl->trusted = std::move(*trusted);
    impl->multi.reset(curl_multi_init());
    if (!impl->multi) return base::fail(base::ErrorKind::limit, "libcurl has no memory");
    return std::unique_ptr<CurlHttpClient>(new CurlHttpClient(std::move(impl)));
}

CurlHttpClient::CurlHttpClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

CurlHttpClient::~CurlHttpClient() {
    impl_->stop();
    if (impl_->thread.joinable()) impl_->thread.join();
}

void CurlHttpClient::abandon() {
    impl_->stop();
    if (impl_->thread.joinable()) impl_->thread.detach();
}

namespace {

// Cancels the transfer when the coroutine that waits for it ends, early or not.
template <class Impl>
class CancelAtExit {
  public:
    CancelAtExit(std::shared_ptr<Impl> impl, std::shared_ptr<CurlTransfer> transfer)
        : impl_(std::move(impl)), transfer_(std::move(transfer)) {}
    ~CancelAtExit() {
        if (finished_) return;
        transfer_->cancel();
        impl_->wake();
    }
    CancelAtExit(const CancelAtExit&) = delete;
    CancelAtExit& operator=(const CancelAtExit&) = delete;
    void finished() { finished_ = true; }

  private:
    std::shared_ptr<Impl> impl_;
    std::shared_ptr<CurlTransfer> transfer_;
    bool finished_ = false;
};

}  // namespace

Task<base::Result<HttpResponse>> CurlHttpClient::send(HttpRequest request) {
    const Executor executor = co_await asio::this_coro::executor;
    const std::shared_ptr<Impl> impl = impl_;
    auto transfer = std::make_shared<CurlTransfer>(executor, std::move(request));
    detail::Waiting waiting(executor, transfer);
    if (auto started = impl->start(impl, transfer); !started) co_return std::unexpected(started.error());
    CancelAtExit guard(impl, transfer);
    co_await waiting.wait();
    guard.finished();
    co_return transfer->take();
}

}  // namespace mailramp::io
