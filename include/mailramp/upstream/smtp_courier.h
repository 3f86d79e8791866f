// mailramp/upstream/smtp_courier.h: submits messages over SMTP, with a token where one is needed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/delivery/courier.h"
#include "mailramp/io/async.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/tls.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/upstream/options.h"

namespace mailramp::upstream {

// A mailbox and its token. `tokens` must outlive the courier; null when authentication is none.
struct CourierMailbox {
    ServerOptions server;
    oauth::TokenCache* tokens = nullptr;
};

// What an administrator wants to know about a mailbox's connections. Counters start with the daemon.
struct MailboxStatus {
    std::string mailbox;
    std::size_t connections_in_use = 0;
    std::size_t connections_idle = 0;
    std::uint64_t connections_opened = 0;  // connected and logged in
    std::uint64_t connections_failed = 0;  // did not get as far
    std::uint64_t connections_reused = 0;  // messages that found a warm connection
    std::uint64_t connections_replaced =
        0;                             // warm ones that had died, replaced without an attempt being lost
    std::uint64_t tokens_refused = 0;  // AUTH was answered with a refusal
    std::uint64_t recipients_delivered = 0;
    std::uint64_t recipients_refused = 0;
    std::uint64_t recipients_not_tried = 0;
    std::uint64_t recipients_uncertain = 0;
};

// Keeps warm, authenticated connections for each mailbox. Lives on the event loop. The event loop must have
// stopped, or stop() been called and every deliver() and maintain() ended, before it is destroyed.
class SmtpCourier final : public delivery::Courier {
  public:
    // Mailboxes whose options check() refuses are an error, as are two of one name and a missing token cache.
    // `tls` may be missing only if no mailbox uses TLS. `clock` must outlive the courier.
    [[nodiscard]] static base::Result<std::unique_ptr<SmtpCourier>> create(
        std::vector<CourierMailbox> mailboxes, const std::optional<io::TlsClient>& tls,
        const std::vector<io::Endpoint>& own_listeners, const io::Executor& executor,
        const base::Clock& clock, base::Logger logger);
    ~SmtpCourier() override;

    [[nodiscard]] io::Task<delivery::AttemptReport> deliver(delivery::Submission submission) override;

    // Ends connections that were idle long enough, politely, until stop().
    io::Task<> maintain();
    // Says QUIT to idle connections and keeps none from now on; what is being delivered goes on.
    void stop();
    // Cuts every connection: what is being delivered ends, uncertain if its last octet was out. What has no
    // connection yet, because it waits for its turn, a name server or the server, ends as not tried; only one
    // that waits for a token goes on until the token cache is stopped.
    void abort();

    [[nodiscard]] std::vector<MailboxStatus> status() const;

  private:
    struct Impl;
    explicit SmtpCourier(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::upstream
