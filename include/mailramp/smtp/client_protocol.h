// mailramp/smtp/client_protocol.h: the client's half of one SMTP session, without the socket.
//
// The protocol decides, the driver does: it looks at next(), does that one thing, and tells the protocol how
// it went. Octets to send are fetched with take_output(), octets that came are given to receive(), at any
// time and in any pieces. Nothing here blocks, reads a clock or fails; what ended a session is failure().
// Pure.
//
//     banner → ehlo → starttls → tls → ehlo → credentials → auth → ready ⇄ transaction → quit → closed
//
// It obeys RFC 5321, 2920 (pipelining), 3207 (STARTTLS), 4954 (AUTH), 6152 (8BITMIME), 1870 (SIZE), 6531
// (SMTPUTF8), 3461 (DSN) and 7628 (OAUTHBEARER). It sends AUTH only after the driver has vouched for TLS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/base/secret.h"
#include "mailramp/mail/answer.h"
#include "mailramp/mail/envelope.h"
#include "mailramp/smtp/client_options.h"
#include "mailramp/smtp/dot_stuffer.h"
#include "mailramp/smtp/reply.h"

namespace mailramp::smtp {

// What the server said it can do, in the EHLO that counts: the one after TLS.
struct Capabilities {
    bool starttls = false;
    bool pipelining = false;
    bool eight_bit_mime = false;
    bool smtputf8 = false;
    bool dsn = false;
    bool auth_xoauth2 = false;
    bool auth_oauthbearer = false;
    std::optional<std::uint64_t> size_bytes_max;  // nothing: SIZE not offered; 0: offered without a limit
};

// One message for one transaction.
struct OutgoingMessage {
    mail::Envelope envelope;
    std::uint64_t size_bytes = 0;  // of the content as it will be handed to send_body()
};

enum class RecipientFate {
    delivered,  // 250 after the end of data
    refused,    // the answer refuses this recipient, or the whole message
    not_tried,  // the session ended before the end of data was sent; the answer says why
    uncertain,  // the end of data was sent and no final reply came
};

struct RecipientOutcome {
    RecipientFate fate = RecipientFate::not_tried;
    mail::Answer answer;
};

class ClientProtocol {
  public:
    enum class Step {
        need_bytes,        // send the output, then read; phase() says what is waited for
        start_tls,         // do the handshake, then tls_started()
        need_credentials,  // authenticate()
        ready,             // submit() or quit()
        need_body,         // send_body() or end_body(); keep reading meanwhile
        submitted,         // take_outcomes(); afterwards ready
        closed,            // QUIT was answered: close the connection
        failed,  // close the connection; failure() says why, take_outcomes() what became of a message
    };

    explicit ClientProtocol(ClientOptions options);

    [[nodiscard]] Step next() const;
    // What the server is being asked, for the driver's timeouts and for answers.
    [[nodiscard]] mail::Phase phase() const;
    [[nodiscard]] std::string_view state_name() const;

    void receive(std::string_view bytes);
    // Octets to send, possibly none. While phase() is `auth` they hold a token: wipe them after use. Once the
    // end of a message's data has been taken, a message without a final reply is uncertain.
    [[nodiscard]] std::string take_output();
    // The connection ended, timed out or could not be made secure. Ends the session in whatever state.
    void connection_lost(const base::Error& error);

    // Chain and host name were verified. Whatever the server said before is forgotten (RFC 3207 §4.2).
    void tls_started();
    // Logs in as `user`. A name or token that could break out of its line is refused here and fails the
    // session.
    void authenticate(std::string_view user, const base::Secret& token);
    void submit(OutgoingMessage message);
    // Adds content; take_output() before the next piece, so that memory stays bounded.
    void send_body(std::string_view octets);
    void end_body();
    void quit();

    // Those whose RCPT the server has accepted, by their index. Complete once the next() is need_body.
    [[nodiscard]] std::vector<std::size_t> accepted_recipients() const;
    // One outcome for each recipient of the last submit(), in its order; empty when there was none.
    [[nodiscard]] std::vector<RecipientOutcome> take_outcomes();
    // Why the session failed. Channel::local when the reason is ours.
    [[nodiscard]] const mail::Answer& failure() const { return failure_; }
    [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }
    // How many complete replies have come: a driver's clock for one reply starts anew with each.
    [[nodiscard]] std::uint64_t replies() const { return replies_; }
    // The server's first words, printable.
    [[nodiscard]] const std::string& greeting() const { return greeting_; }

  private:
    enum class State {
        banner,
        ehlo,
        starttls,
        tls,
        credentials,
        auth,            // AUTH with the response on its line
        auth_prompt,     // AUTH alone, waiting for 334
        auth_response,   // the response on its own line
        auth_challenge,  // the refusal's 334 was answered, waiting for the 5xx
        ready,
        transaction,  // MAIL, RCPT and DATA under way
        body,
        body_end,
        lone_dot,  // 354 although no recipient was accepted (RFC 2920 §3.1)
        submitted,
        quit,
        closed,
        failed,
    };
    enum class Verb { rset, mail, rcpt, data };
    struct Command {
        Verb verb = Verb::rset;
        std::size_t recipient = 0;  // index, for rcpt
        std::size_t bytes = 0;      // of its line
    };
    enum class Security { plain, verified_tls };
    enum class Mechanism { xoauth2, oauthbearer };

    static std::string_view name(State state);
    void enter(State state);
    void ask(std::string_view line);
    void handle(const Reply& reply);
    void fail(mail::Answer answer);
    void fail_locally(mail::Phase phase, int code, std::string_view enhanced, std::string_view text);
    void fail_on(const Reply& reply);

    void reply_banner(const Reply& reply);
    void enter_ehlo();
    void reply_ehlo(const Reply& reply);
    void read_capabilities(const Reply& reply);
    void read_auth_mechanisms(std::string_view words);
    void enter_starttls();
    void reply_starttls(const Reply& reply);
    void enter_credentials();
    void enter_auth(std::string_view mechanism, base::Secret response);
    void reply_auth_prompt(const Reply& reply);
    void reply_auth(const Reply& reply);
    void reply_auth_challenge(const Reply& reply);

    enum class Admission { admitted, settled };
    Admission admit_message();
    Admission refuse_message(int code, std::string_view enhanced, std::string_view text);
    void admit_recipients();
    void enter_transaction();
    [[nodiscard]] std::string line_of(const Command& command) const;
    void send_commands();
    void reply_transaction(const Reply& reply);
    void reply_rset(const Reply& reply);
    void reply_mail(const Reply& reply);
    void reply_rcpt(const Reply& reply, std::size_t recipient);
    void reply_data(const Reply& reply);
    void finish_commands();
    void reply_body(const Reply& reply);
    void reply_body_end(const Reply& reply);
    void enter_submitted();
    void settle(std::size_t recipient, RecipientFate fate, mail::Answer answer);
    void settle_open(RecipientFate fate, const mail::Answer& answer);
    [[nodiscard]] std::size_t accepted_count() const;

    ClientOptions options_;
    State state_ = State::banner;
    Security security_ = Security::plain;
    ReplyParser parser_;
    std::string output_;
    std::size_t replies_due_ = 1;               // to what was taken out; the banner comes unasked
    std::size_t replies_due_after_output_ = 0;  // to what still waits in output_
    std::uint64_t replies_ = 0;
    Capabilities capabilities_;
    std::string greeting_;
    mail::Answer failure_;
    Mechanism mechanism_ = Mechanism::xoauth2;
    base::Secret response_;               // between AUTH and its 334
    std::array<base::Secret, 2> echoes_;  // how the token and the response begin: no reply may show them
    std::string challenge_;               // what the refusal's 334 said, in words

    // The message under way.
    enum class Progress { unsettled, accepted, settled };
    enum class MailOutcome { unknown, accepted, refused };
    enum class BodyEnd { unsent, in_output, taken };
    enum class Reset { unneeded, needed };
    std::optional<OutgoingMessage> message_;
    std::vector<RecipientOutcome> outcomes_;
    std::vector<Progress> progress_;  // of each recipient
    std::deque<Command> unsent_;
    std::deque<Command> awaited_;
    std::size_t awaited_bytes_ = 0;
    MailOutcome mail_outcome_ = MailOutcome::unknown;
    DotStuffer stuffer_;
    BodyEnd body_end_ = BodyEnd::unsent;
    Reset reset_ = Reset::unneeded;  // before the next MAIL
};

}  // namespace mailramp::smtp
