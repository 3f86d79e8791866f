// mailramp/upstream/session.h: one connection to a server, from the first look-up of its name to QUIT.
//
// Drives smtp::ClientProtocol over an io::Stream. What the server says, and what goes wrong on the way, are
// values (mail::Answer), never errors. One coroutine at a time uses a session; it must end before the session
// is destroyed.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/base/secret.h"
#include "mailramp/delivery/courier.h"
#include "mailramp/io/async.h"
#include "mailramp/io/stream.h"
#include "mailramp/io/timer.h"
#include "mailramp/io/tls.h"
#include "mailramp/mail/answer.h"
#include "mailramp/smtp/client_protocol.h"
#include "mailramp/upstream/options.h"

namespace mailramp::upstream {

// What every session of a mailbox needs. Sessions share it and keep it alive.
struct SessionEnvironment {
    ServerOptions server;
    std::optional<io::TlsClient> tls;
    std::vector<io::Endpoint> own_listeners;
    const base::Clock& clock;
    io::Executor executor;
    base::Logger logger;
};

class Session {
  public:
    // The server as it is reached now, not yet logged in; the answer says why not. All addresses are tried.
    [[nodiscard]] static io::Task<std::expected<std::unique_ptr<Session>, mail::Answer>> connect(
        std::shared_ptr<const SessionEnvironment> environment, base::SteadyTime deadline);
    // Over a connection that exists already.
    Session(std::shared_ptr<const SessionEnvironment> environment, io::Stream stream);

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Up to EHLO under TLS, and AUTH if the mailbox has one. Afterwards ready() or failure().
    [[nodiscard]] io::Task<> log_in(base::Secret token, base::SteadyTime deadline);

    // One transaction on a session that is ready(). One outcome for each recipient, in their order.
    // `deadline` holds up to the content; from there on Timeouts do.
    [[nodiscard]] io::Task<std::vector<smtp::RecipientOutcome>> submit(smtp::OutgoingMessage message,
                                                                       delivery::ContentReader content,
                                                                       delivery::BeforeEnd before_end,
                                                                       base::SteadyTime deadline);
    // Says goodbye within quit_timeout and closes.
    [[nodiscard]] io::Task<> quit();

    [[nodiscard]] bool logged_in() const { return protocol_.next() == Step::ready; }
    // Another message may go over it, as far as can be seen without asking the server.
    [[nodiscard]] bool ready();
    // The last submit() ended because the stored content is not what was accepted (ErrorKind::invalid).
    [[nodiscard]] bool content_damaged() const { return content_damaged_; }
    [[nodiscard]] const mail::Answer& failure() const { return protocol_.failure(); }
    [[nodiscard]] const smtp::Capabilities& capabilities() const { return protocol_.capabilities(); }
    [[nodiscard]] const std::string& peer_address() const { return stream_.peer_address(); }
    [[nodiscard]] io::TlsInfo tls_info() const { return stream_.tls_info(); }

    // Ends the connection now; what is under way ends with an answer.
    void close() { stream_.close(); }

  private:
    using Step = smtp::ClientProtocol::Step;

    io::Task<> advance(base::SteadyTime deadline);
    io::Task<> converse(base::SteadyTime deadline);
    io::Task<> start_tls(base::SteadyTime deadline);
    // A call of before_end. It may hang longer than the session waits, so they share this.
    struct Ending {
        explicit Ending(const io::Executor& executor) : changed(executor) {}
        static io::Task<> run(std::shared_ptr<Ending> ending, delivery::BeforeEnd before_end,
                              std::vector<std::size_t> accepted);

        std::optional<base::Result<>> result;
        io::Event changed;  // the result is there, or the listener has ended
    };

    io::Task<> send_content(delivery::ContentReader content, delivery::BeforeEnd before_end,
                            std::uint64_t size_bytes, base::SteadyTime content_deadline);
    io::Task<> prepare_end(delivery::BeforeEnd before_end);
    io::Task<> write_content(delivery::ContentReader content, std::uint64_t size_bytes,
                             base::SteadyTime content_deadline);
    io::Task<> write_pending(base::Duration timeout);
    io::Task<> hear_replies();
    [[nodiscard]] base::Duration content_time(std::uint64_t size_bytes) const;
    [[nodiscard]] base::Duration reply_timeout() const;
    [[nodiscard]] base::SteadyTime now() const { return environment_->clock.steady(); }
    [[nodiscard]] base::Duration until(base::SteadyTime deadline) const;
    void lose(const base::Error& error);
    void lose_content(std::string_view what, const base::Error& error);

    std::shared_ptr<const SessionEnvironment> environment_;
    io::Stream stream_;
    smtp::ClientProtocol protocol_;
    std::string buffer_;                           // for reading
    io::Event listener_done_;                      // hear_replies() has ended
    std::shared_ptr<Ending> ending_;               // that is waited for
    std::optional<mail::Answer> content_failure_;  // what stopped the content on our side
    bool content_damaged_ = false;                 // and never will be
};

}  // namespace mailramp::upstream
