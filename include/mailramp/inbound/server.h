// mailramp/inbound/server.h: accepts applications' connections and turns them into queued mail.
#pragma once

#include <cstdint>
#include <memory>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/inbound/options.h"
#include "mailramp/io/async.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/server_certificate.h"
#include "mailramp/queue/queue_store.h"
#include "mailramp/route/recipients.h"
#include "mailramp/route/router.h"

namespace mailramp::inbound {

// Since the start. Read on the event loop.
struct Counters {
    std::uint64_t sessions = 0;           // clients that were greeted
    std::uint64_t sessions_open = 0;      // now
    std::uint64_t sessions_refused = 0;   // not allowed, or too many
    std::uint64_t sessions_tls = 0;       // that came to speak TLS
    std::uint64_t tls_failed = 0;         // handshakes that came to nothing
    std::uint64_t logins = 0;             // AUTH answered 235
    std::uint64_t logins_refused = 0;     // AUTH answered 535, or 454
    std::uint64_t messages_accepted = 0;  // answered 250
    std::uint64_t messages_rejected = 0;  // answered 4xx or 5xx after DATA
    std::uint64_t messages_aborted = 0;   // the client left during DATA
    std::uint64_t bytes_accepted = 0;
    std::uint64_t answers_lost = 0;  // 250 could not be written: the client may send again
};

// For listeners with TLS, by the versions that they speak; where there is none, TLS is not offered.
struct Certificates {
    io::ServerCertificate* current = nullptr;
    io::ServerCertificate* legacy = nullptr;
};

// Lives on the event loop. Options, store, router, recipients, clock and certificates must outlive it.
class Server {
  public:
    Server(const Options& options, const io::Executor& executor, queue::QueueStore& store,
           const route::Router& router, const route::Recipients& recipients, const base::Clock& clock,
           base::Logger logger, Certificates certificates = {});
    ~Server();

    // Starts to accept from this socket. `terms` as from terms_for(); without them, those of its address.
    void serve(io::Listener listener, ListenerOptions terms);
    void serve(io::Listener listener);
    // Closes the listening sockets; open sessions get 421 at their next command.
    void stop_accepting();
    // After stop_accepting(): returns when the last session has ended; at the deadline the rest are cut off.
    io::Task<> drain(base::SteadyTime deadline);

    [[nodiscard]] const Counters& counters() const;
    // The most sessions at once since it was last asked.
    [[nodiscard]] std::size_t take_sessions_peak();

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace mailramp::inbound
