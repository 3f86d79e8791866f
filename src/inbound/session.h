// inbound/session.h: one application's connection: bytes to steps, steps to the store, replies back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inbound/context.h"
#include "inbound/intake.h"
#include "mailramp/io/async.h"
#include "mailramp/io/stream.h"
#include "mailramp/smtp/server_protocol.h"

namespace mailramp::inbound {

class Session {
  public:
    // `context` must outlive the session.
    Session(Context& context, io::Stream stream, std::string listener, ListenerOptions terms);

    // Talks until the client quits, the line breaks, or a limit ends it.
    io::Task<> run();

    // Another coroutine may ask for these while run() is under way.
    // From now on the next command gets 421.
    void shut_down() { protocol_.shutdown(); }
    // No message is under way: the client may be told 421 without having asked (RFC 5321 §3.8).
    [[nodiscard]] bool idle() const { return waiting_ && !intake_; }
    // Cuts the connection; run() then returns. An idle client is told 421 first.
    void cut_off();

  private:
    // False: the session is over.
    io::Task<bool> exchange();
    io::Task<bool> shake_hands();
    io::Task<> log_in();
    io::Task<smtp::ServerReply> judge_login(std::string user, std::string act_as, base::Secret password);
    void log_refused(const Authenticator::Judgement& judgement, std::string_view user);
    io::Task<> body_chunk();
    io::Task<> body_end();
    void mail();
    void rcpt();
    void data();
    void refuse_message(smtp::ServerReply reply);
    void note_rejected(const smtp::ServerReply& reply);
    void drop_message() { intake_.reset(); }
    [[nodiscard]] bool too_slow() const;
    [[nodiscard]] bool only_looked(const base::Error& error) const;
    [[nodiscard]] std::string_view tls_version() const;
    io::Task<> say_goodbye();
    void log_end(std::string_view reason) const;

    Context& context_;
    io::Stream stream_;
    std::string listener_;
    ListenerOptions terms_;
    io::ServerCertificate* certificate_;  // null: no TLS
    std::string client_;
    std::string tls_;  // "TLSv1.3"; empty: not yet
    smtp::ServerProtocol protocol_;
    std::vector<char> buffer_;
    std::optional<Intake> intake_;
    base::SteadyTime command_deadline_{};
    base::SteadyTime body_started_{};
    bool answer_250_due_ = false;  // the octets of a 250 after DATA are in the output, not yet written
    bool waiting_ = false;
};

}  // namespace mailramp::inbound
