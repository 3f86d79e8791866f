#include "alert/webhook.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "alert/body.h"
#include "mailramp/alert/webhook_url.h"
#include "mailramp/base/text.h"

namespace mailramp::alert {
namespace {

constexpr std::uint64_t retry_after_seconds_max = 24 * 60 * 60;
constexpr int http_ok = 200, http_redirect = 300, http_bad = 400, http_timeout = 408, http_busy = 429,
              http_server_error = 500;

base::Result<base::Secret> load_url(const oauth::SecretReference& reference) {
    auto url = oauth::load_secret(reference);
    if (!url) return std::unexpected(std::move(url.error()));
    if (auto good = check_webhook_url(url->reveal()); !good) return std::unexpected(std::move(good.error()));
    return url;
}

// RFC 9110 §10.2.3, in seconds: none of the receivers that send it are known to send a date.
base::Duration asked_wait(const io::HttpResponse& response) {
    const auto seconds = base::parse_number(base::trim(response.header("retry-after")));
    return std::chrono::seconds(std::min(seconds.value_or(0), retry_after_seconds_max));
}

Sent judged(const io::HttpResponse& response) {
    Sent sent;
    sent.words = "HTTP " + std::to_string(response.status);
    if (response.status >= http_ok && response.status < http_redirect) {
        sent.end = Sent::End::taken;
    } else if (response.status == http_timeout || response.status == http_busy ||
               response.status >= http_server_error) {
        sent.words += ": the receiver is in trouble or wants no more for now";
        sent.retry_after = asked_wait(response);
    } else {
        sent.end = Sent::End::refused;
        sent.words +=
            response.status < http_bad
                ? ": a redirect, which is not followed; configure the URL that it leads to"
                : ": the receiver does not want it; is the URL still good, and alert.webhook_format "
                  "the right one?";
    }
    return sent;
}

}  // namespace

io::Task<Sent> Webhook::send(Alert alert) {
    auto url = load_url(options_.webhook);
    if (!url) co_return Sent{.end = Sent::End::failed, .words = url.error().message, .retry_after = {}};

    io::HttpRequest request;
    request.method = "POST";
    request.url = std::string(url->reveal());
    request.schemes = io::UrlSchemes::https_or_http;
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = base::Secret(webhook_body(alert, host_, options_.webhook_format));
    request.proxy = base::starts_with_ignoring_case(request.url, "https:") ? options_.proxy : std::string();
    request.connect_timeout = options_.timeout;
    request.total_timeout = options_.timeout;
    request.response_bytes_max = options_.response_bytes_max;
    const base::Result<io::HttpResponse> response = co_await http_.send(std::move(request));
    if (response) co_return judged(*response);
    Sent sent;
    sent.words = response.error().message;
    co_return sent;
}

std::string Webhook::name() const {
    const auto url = load_url(options_.webhook);
    return url ? "webhook " + visible_part(url->reveal()) : "webhook";
}

}  // namespace mailramp::alert
