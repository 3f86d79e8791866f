// mailramp/smtp/server_protocol.h: the server's half of SMTP as a machine: octets in, steps and octets out.
//
// No I/O, no clock, no policy. The shell loops on next() and does what the step says; at auth, mail, rcpt,
// data and body_end it must call answer() before the next next(). All replies are written here, in the order
// of the commands (RFC 2920), with enhanced codes (RFC 3463, RFC 2034). Views stay valid until the next call
// of next().
//
//     for (;;) switch (protocol.next()) {
//         case Step::need_bytes: write(protocol.take_output()); protocol.receive(read()); break;
//         case Step::start_tls:  write(protocol.take_output()); shake_hands(); protocol.tls_started(); break;
//         case Step::auth:       protocol.answer(judge(protocol.credentials())); break;
//         case Step::mail:       protocol.answer(may_send(protocol.envelope().sender)); break;
//         case Step::rcpt:       protocol.answer(may_receive(protocol.recipient())); break;
//         case Step::data:       protocol.answer(have_room()); break;              // good: 354 goes out
//         case Step::body_chunk: store(protocol.chunk()); break;
//         case Step::body_end:   protocol.answer(commit(protocol.envelope())); break;
//         case Step::reset:      drop_what_was_stored(); break;
//         case Step::closed:     write(protocol.take_output()); return;
//     }
//
// Offered: SIZE, PIPELINING, 8BITMIME, SMTPUTF8, DSN (RFC 3461), ENHANCEDSTATUSCODES; on request STARTTLS
// (RFC 3207) and AUTH (RFC 4954). What comes behind STARTTLS in the clear is thrown away. Commands may end in
// a bare LF; data ends in CRLF . CRLF only (data_reader.h). Lines that look like HTTP or TLS end the session:
// a web page can make a browser talk to localhost:25. So does BDAT, whose octets must not be run as commands,
// and the first unknown command behind a refused DATA, which is the first line of a message sent without
// waiting for 354.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mailramp/mail/envelope.h"
#include "mailramp/mail/trace.h"
#include "mailramp/smtp/auth_exchange.h"
#include "mailramp/smtp/data_reader.h"

namespace mailramp::smtp {

enum class StartTlsOffer { none, offered };
enum class AuthOffer { none, under_tls, always };  // under_tls: 538 before TLS
enum class AuthNeed { optional, required };        // required: 530 before AUTH

inline constexpr std::size_t user_shown_bytes_max = 256;  // of a user name, wherever it is shown

struct ServerProtocolOptions {
    std::string host_name = "localhost";  // In the banner and in the reply to EHLO.
    std::string domain_if_missing;        // Added to senders without a domain; empty: those are refused.
    std::uint64_t message_bytes_max = 35ull << 20;   // Beyond: 552 5.3.4, at MAIL if SIZE= tells it.
    std::uint64_t discarded_bytes_max = 1ull << 30;  // A refused message longer than this ends the session.
    std::size_t command_line_bytes_max = 2048;       // With its line end. Beyond: 500 5.5.2.
    std::size_t recipients_max = 1000;               // Per message. Beyond: 452 4.5.3.
    std::size_t errors_max = 20;                     // Since the last accepted message. Then 421.
    std::size_t commands_without_mail_max = 1000;    // Since the last accepted message. Then 421.
    StartTlsOffer starttls = StartTlsOffer::none;
    AuthOffer auth = AuthOffer::none;
    AuthNeed auth_need = AuthNeed::optional;
    std::size_t auth_line_bytes_max = 12288 + 2;  // RFC 4954 §4, with its line end. Beyond: 500 5.5.6.
    std::size_t auth_failures_max = 3;            // Logins that came to nothing in a session. Then 421.
};

// A reply that the shell gives. The text may be of any length and have LF in it: it becomes as many lines as
// it needs, and what is not printable ASCII or UTF-8 becomes '?'. Code 421 ends the session.
struct ServerReply {
    int code = 250;
    std::string enhanced = "2.0.0";
    std::string text = "OK";

    [[nodiscard]] bool good() const { return code < 400; }
};

class ServerProtocol {
  public:
    enum class Step {
        need_bytes,  // write take_output(), then read and call receive()
        start_tls,   // write take_output(), shake hands, then tls_started(); if that fails, the session is
                     // over
        auth,        // may credentials() log in? answer(): 235, or 535 (counted), or why not now
        mail,        // may envelope().sender send? answer()
        rcpt,        // may recipient() receive, who may have no domain? answer()
        data,        // is there room for the message? answer(); any good code becomes 354
        body_chunk,  // chunk() is the next piece of the content
        body_end,    // the content is complete: make it durable, then answer()
        reset,       // the message under way will not come to body_end: drop what was stored of it
        closed,      // write take_output(), then close
    };

    explicit ServerProtocol(ServerProtocolOptions options);

    [[nodiscard]] Step next();
    // Octets from the client; only when the last step was need_bytes.
    void receive(std::string_view octets);
    // The reply to auth, mail, rcpt, data or body_end; only right after that step.
    void answer(const ServerReply& reply);
    // What is to be written; empties it.
    [[nodiscard]] std::string take_output();

    // Greets with 554 and this text instead of 220; then everything but QUIT is refused. Before the first
    // next().
    void refuse(std::string_view text);
    // TLS is there: after step start_tls, or before the first next() where it begins with the connection.
    // What the client said before is forgotten (RFC 3207 §4.2).
    void tls_started();
    // During the body: the message is dropped (step reset), the rest of it discarded without body_chunk, and
    // this reply given at its end without body_end. The same happens by itself when a message is too large or
    // has NUL.
    void refuse_body(ServerReply reply);
    // The next command gets 421 4.3.2. A message whose DATA was accepted still finishes.
    void shutdown();
    // Writes this reply and ends the session: a timeout (421 4.4.2), a limit of the shell. next() is then
    // `closed` (after `reset`, if a message was under way).
    void close(const ServerReply& reply);

    // The message under way: sender and parameters from step mail on, with the recipients accepted so far.
    // At body_end `body` is eight_bit_mime if the content has 8-bit octets, whatever the client declared.
    [[nodiscard]] const mail::Envelope& envelope() const { return envelope_; }
    [[nodiscard]] const mail::Recipient& recipient() const { return recipient_; }
    [[nodiscard]] std::optional<std::uint64_t> declared_bytes() const { return declared_bytes_; }  // SIZE=
    [[nodiscard]] std::string_view chunk() const { return chunk_; }
    [[nodiscard]] std::uint64_t body_bytes() const { return reader_.size_bytes(); }
    [[nodiscard]] std::string_view helo() const { return helo_; }  // printable, may be empty
    [[nodiscard]] mail::WithProtocol with_protocol() const;
    // At step auth.
    [[nodiscard]] const Credentials& credentials() const { return credentials_; }
    // Who has logged in, printable; empty for nobody, and for a client that gave no name.
    [[nodiscard]] std::string_view user() const { return user_; }
    [[nodiscard]] bool authenticated() const { return authenticated_; }
    [[nodiscard]] bool in_body() const { return state_ == State::body; }
    // A command has begun and its line end has not come.
    [[nodiscard]] bool in_command() const {
        return !in_body() && (skipping_line_ || input_used_ < input_.size());
    }
    // Why the protocol ended the session, for the log; empty while it has not, or after QUIT.
    [[nodiscard]] std::string_view close_reason() const { return close_reason_; }
    // The reason for a client that began with TLS where SMTP begins in the clear.
    static constexpr std::string_view spoke_tls = "TLS";

  private:
    enum class State { greeting, command, auth, tls, body, closed };
    // What answer() would answer.
    enum class Asked { nothing, auth, mail, rcpt, data, body_end };
    // A step for the shell, or nothing: go on with the input.
    using Next = std::optional<Step>;

    // server_protocol.cpp: the flow
    void greet();
    Next read_line();
    [[nodiscard]] std::size_t line_bytes_max(std::string_view input) const;
    Next overlong_line(std::string_view start);
    Step need_bytes();
    Next read_body();
    Next end_of_body();
    [[nodiscard]] std::optional<ServerReply> body_fault() const;
    Step ask(Asked what, Step step);
    void say(const ServerReply& reply);
    Next forget_message();
    Step end_session(const ServerReply& reply, std::string_view reason);
    // Counts against errors_max. For broken protocol, not for a refused sender or recipient: a long list with
    // some bad addresses is no attack.
    Next mistake(const ServerReply& reply);

    // server_commands.cpp: what each command does
    Next run_line(std::string_view line);
    Next run_command(std::string_view verb, std::string_view arguments);
    Next hello(std::string_view name, bool extended);
    Next mail_from(std::string_view arguments);
    Next rcpt_to(std::string_view arguments);
    Next begin_data(std::string_view arguments);
    Next unknown(const ServerReply& reply);
    Next say_and_go_on(const ServerReply& reply);
    [[nodiscard]] std::optional<ServerReply> take_mail_parameters(std::string_view parameters);
    [[nodiscard]] std::optional<ServerReply> take_mail_parameter(std::string_view parameter);

    [[nodiscard]] std::optional<ServerReply> take_rcpt_parameters(std::string_view parameters);

    // server_login.cpp: STARTTLS and AUTH
    [[nodiscard]] bool offers_starttls() const;
    [[nodiscard]] bool offers_auth() const;
    Next starttls(std::string_view arguments);
    Next auth(std::string_view arguments);
    Next auth_response(std::string_view line);
    Next auth_step(AuthExchange::State state);
    Next end_auth(const ServerReply& reply);
    void settle_auth(const ServerReply& reply);
    [[nodiscard]] std::optional<ServerReply> login_missing() const;

    const ServerProtocolOptions options_;

    State state_ = State::greeting;
    Asked asked_ = Asked::nothing;
    bool reset_due_ = false;
    bool refused_ = false;
    std::string refusal_;
    bool shutting_down_ = false;
    std::string close_reason_;

    std::string input_;
    std::size_t input_used_ = 0;
    bool skipping_line_ = false;
    std::string output_;

    bool greeted_ = false;   // HELO or EHLO was said
    bool extended_ = false;  // it was EHLO
    std::string helo_;
    std::size_t errors_ = 0;
    std::size_t commands_without_mail_ = 0;

    bool tls_ = false;
    bool authenticated_ = false;
    std::string user_;
    std::size_t auth_failures_ = 0;
    std::optional<AuthExchange> exchange_;
    Credentials credentials_;

    // The message under way.
    bool mail_given_ = false;
    bool rcpt_tried_ = false;
    bool data_refused_ = false;  // and nothing sensible has come since
    mail::Envelope envelope_;
    mail::Recipient recipient_;
    std::optional<std::uint64_t> declared_bytes_;
    DataReader reader_;
    std::string chunk_;
    std::optional<ServerReply> body_refusal_;
    bool body_dropped_ = false;
};

}  // namespace mailramp::smtp
