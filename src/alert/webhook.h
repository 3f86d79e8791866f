// alert/webhook.h: posts alerts to a URL.
#pragma once

#include <string>

#include "alert/target.h"
#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"
#include "mailramp/io/async.h"
#include "mailramp/io/http_client.h"

namespace mailramp::alert {

// The URL is fetched from its place for each alert, so that a changed file takes effect without a restart; it
// appears in no word of an outcome but for its host.
class Webhook {
  public:
    // Both must outlive the webhook.
    Webhook(const Options& options, io::HttpClient& http, std::string host)
        : options_(options), http_(http), host_(std::move(host)) {}

    [[nodiscard]] io::Task<Sent> send(Alert alert);
    // "webhook https://hooks.slack.com", or without the host while the URL cannot be had.
    [[nodiscard]] std::string name() const;

  private:
    const Options& options_;
    io::HttpClient& http_;
    std::string host_;
};

}  // namespace mailramp::alert
