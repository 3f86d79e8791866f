// sandbox/exchange_session.h: one session of a server that behaves like Exchange Online's client submission,
// without the socket. Its strictness is the point: what it accepts, Exchange should accept.
//
// The driver looks at next() and does that one thing after it has written take_output().
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "mailramp/base/clock.h"
#include "mailramp/mail/envelope.h"
#include "sandbox/body_reader.h"
#include "sandbox/directory.h"
#include "sandbox/faults.h"
#include "sandbox/jwt.h"
#include "sandbox/mailbox_limits.h"
#include "sandbox/sasl.h"

namespace mailramp::sandbox {

enum class Security {
    starttls,  // TLS and AUTH before mail
    none,      // a plain sink: neither is offered nor asked for, and no limit of a mailbox applies
};
enum class AuthShape { microsoft, google };
enum class SendAs {
    any,      // every sender is taken
    mailbox,  // MAIL FROM and the one mailbox in From must be the mailbox that logged in
};

struct SessionOptions {
    Security security = Security::starttls;
    AuthShape auth_shape = AuthShape::microsoft;
    SendAs send_as = SendAs::any;
    Permission permission = Permission::classic;
    std::uint64_t size_announced_bytes = 157'286'400;  // in EHLO; a larger SIZE= is refused at MAIL
    std::uint64_t size_bytes_max = 36'700'160;         // of a message, measured; refused after its end
    std::size_t recipients_max = 500;                  // of a message; beyond: 452 4.5.3
    std::size_t line_bytes_max = 16 * 1024;            // of a command; beyond: 500, and the session ends
};

struct SessionCounters {
    std::uint64_t connections = 0;
    std::uint64_t connections_now = 0;
    std::uint64_t connections_now_max = 0;
    std::uint64_t tls_handshakes = 0;
    std::uint64_t auths = 0;
    std::uint64_t auths_refused = 0;
    std::uint64_t messages = 0;
    std::uint64_t commands_before_tls = 0;    // other than EHLO, HELO, NOOP, STARTTLS and QUIT
    std::uint64_t octets_after_starttls = 0;  // sessions with plain octets behind STARTTLS
    std::uint64_t auth_lines_over_512 = 0;    // against RFC 4954 §4
    std::string last_auth_refusal;            // why, in words
};

struct ReceivedMessage {
    mail::Envelope envelope;
    std::string content;
    std::string mailbox;    // that logged in, in lower case; empty without AUTH
    std::string mechanism;  // "XOAUTH2 (two steps)"
    std::string tls_version;
    std::string helo;
    std::uint64_t connection = 0;
};

// What all sessions share; each must outlive them.
struct SessionWorld {
    const Directory& directory;
    const TokenSigner& signer;
    Faults& faults;
    MailboxLimits& limits;
    SessionCounters& counters;
};

struct Now {
    base::WallTime wall;
    base::SteadyTime steady;
};

class ExchangeSession {
  public:
    enum class Step {
        need_bytes,  // read, then receive()
        start_tls,   // do the handshake, then tls_started()
        message,     // take_message(), keep it, then stored()
        hang,        // say nothing more and wait for the client to go
        closed,      // end the connection
    };

    ExchangeSession(SessionOptions options, SessionWorld world, std::uint64_t connection, std::string peer);
    ~ExchangeSession();
    ExchangeSession(const ExchangeSession&) = delete;
    ExchangeSession& operator=(const ExchangeSession&) = delete;

    [[nodiscard]] Step next(const Now& now);
    void receive(std::string_view octets) { input_ += octets; }
    [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
    void tls_started(std::string version);
    [[nodiscard]] ReceivedMessage take_message();
    void stored(const Now& now);
    // Ends the session with a reply of the driver's: a timeout.
    void close_with(std::string_view reply);
    // Taken once, when the session begins: which certificate to show.
    [[nodiscard]] std::string_view certificate_fault() const { return certificate_fault_; }

  private:
    enum class State {
        greeting,
        command,
        auth_response,
        auth_challenge,
        body,
        chunk,
        message,
        tls,
        hang,
        closed
    };
    struct Line {
        std::string_view verb;  // as it came
        std::string_view arguments;
    };

    // exchange_session.cpp
    void begin(const Now& now);
    bool take_line(const Now& now);
    void read_body(const Now& now);
    void read_chunk(const Now& now);
    void end_of_message(const Now& now);
    [[nodiscard]] std::optional<std::string> refusal_of_message(const Now& now);
    [[nodiscard]] std::optional<std::string> refusal_of_sender(const Now& now) const;
    void accept_message();
    void reset_message();
    void say(std::string_view reply);
    void hang_up(std::string_view reply = {});
    // True when a fault took the place of the reply to this phase.
    bool interrupted(std::string_view phase);
    [[nodiscard]] std::string expand(std::string_view text, const Now& now) const;

    // exchange_commands.cpp
    void run(std::string_view line, const Now& now);
    void ehlo(const Line& line);
    [[nodiscard]] std::string auth_offer() const;
    void starttls(const Line& line);
    void mail(const Line& line, const Now& now);
    void rcpt(const Line& line);
    void data(const Line& line);
    void bdat(const Line& line, const Now& now);
    [[nodiscard]] bool may_send_mail(const Now& now);
    [[nodiscard]] std::optional<std::string> mail_parameter(std::string_view parameter);

    // exchange_auth.cpp
    void auth(const Line& line, const Now& now);
    void login(std::string_view response, const Now& now);
    [[nodiscard]] std::optional<std::string> login_refusal(const std::optional<BearerLogin>& login,
                                                           const Now& now);
    void refuse_login(const std::string& reply);

    const SessionOptions options_;
    SessionWorld world_;
    const std::uint64_t connection_;
    const std::string peer_;

    State state_ = State::greeting;
    std::string input_;
    std::size_t used_ = 0;  // of input_
    std::string output_;
    std::set<std::string, std::less<>> session_faults_;  // those that last for the session
    std::string certificate_fault_;

    std::string helo_;
    std::string tls_version_;
    std::string mechanism_;  // while AUTH is under way, and afterwards
    std::string login_reply_;
    std::string mailbox_;

    bool has_sender_ = false;
    mail::Envelope envelope_;
    BodyReader body_;
    std::string content_;
    std::uint64_t chunk_left_ = 0;
    bool chunk_is_last_ = false;
    bool body_begun_ = false;
    bool drop_after_message_ = false;
};

}  // namespace mailramp::sandbox
