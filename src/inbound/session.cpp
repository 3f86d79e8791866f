#include "inbound/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <string.h>  // explicit_bzero
#include <sys/socket.h>

#include "inbound/tls_advice.h"
#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/io/timer.h"

namespace mailramp::inbound {
namespace {

// A password that stays on this machine, and one that counts for nothing, may come in the clear.
smtp::AuthOffer auth_offer(const ListenerOptions& terms, std::string_view client) {
    switch (terms.auth) {
        case ListenerAuth::none:
            return smtp::AuthOffer::none;
        case ListenerAuth::automatic:
        case ListenerAuth::any:
            return smtp::AuthOffer::always;
        case ListenerAuth::users:
            break;
    }
    const auto address = route::IpAddress::parse(client);
    const bool local = address && address->is_loopback();
    return local || terms.clear_passwords == ClearPasswords::allowed ? smtp::AuthOffer::always
                                                                     : smtp::AuthOffer::under_tls;
}

smtp::ServerProtocolOptions protocol_options(const Options& options, const ListenerOptions& terms,
                                             std::string_view client, bool has_certificate) {
    smtp::ServerProtocolOptions out;
    if (terms.tls == ListenerTls::starttls && has_certificate) out.starttls = smtp::StartTlsOffer::offered;
    out.auth = auth_offer(terms, client);
    out.auth_need = terms.auth_need;
    out.auth_failures_max = options.auth_failures_max;
    out.host_name = options.hostname;
    out.domain_if_missing = options.hostname;
    out.message_bytes_max = options.message_bytes_max;
    out.recipients_max = options.recipients_max;
    out.errors_max = options.errors_max;
    out.commands_without_mail_max = options.commands_max;
    return out;
}

constexpr base::Duration shortest_timeout = std::chrono::milliseconds(1);

io::ServerCertificate* certificate_for(const Certificates& certificates, const ListenerOptions& terms) {
    if (terms.tls == ListenerTls::none) return nullptr;
    return terms.tls_versions == io::TlsVersions::legacy ? certificates.legacy : certificates.current;
}

bool is_allowed(const Options& options, std::string_view client) {
    const auto address = route::IpAddress::parse(client);
    if (!address) return false;
    return address->is_loopback() || std::ranges::any_of(options.allow, [&](const route::Cidr& block) {
               return block.contains(*address);
           });
}

}  // namespace

Session::Session(Context& context, io::Stream stream, std::string listener, ListenerOptions terms)
    : context_(context),
      stream_(std::move(stream)),
      listener_(std::move(listener)),
      terms_(std::move(terms)),
      certificate_(certificate_for(context.certificates, terms_)),
      client_(stream_.peer_address()),
      protocol_(protocol_options(context.options, terms_, client_, certificate_ != nullptr)) {
    if (is_allowed(context_.options, client_)) {
        ++context_.counters.sessions;
        return;
    }
    ++context_.counters.sessions_refused;
    context_.logger.warning(
        base::events::client_refused,
        "This client is not on loopback and not in `allow`; add its network there if it may submit",
        {{"client", client_}, {"listener", listener_}});
    protocol_.refuse("Access denied: " + client_ + " is not in this relay's list of allowed clients (allow)");
}

io::Task<> Session::run() {
    using Step = smtp::ServerProtocol::Step;
    bool open = true;
    if (terms_.tls == ListenerTls::implicit) open = co_await shake_hands();
    while (open) {
        switch (protocol_.next()) {
            case Step::need_bytes:
                open = co_await exchange();
                break;
            case Step::start_tls:
                open = co_await shake_hands();
                break;
            case Step::auth:
                co_await log_in();
                break;
            case Step::mail:
                mail();
                break;
            case Step::rcpt:
                rcpt();
                break;
            case Step::data:
                data();
                break;
            case Step::body_chunk:
                co_await body_chunk();
                break;
            case Step::body_end:
                co_await body_end();
                break;
            case Step::reset:
                drop_message();
                break;
            case Step::closed:
                co_await say_goodbye();
                open = false;
                break;
        }
    }
    stream_.close();
}

// Whether the client still hears it or not, the session is over.
io::Task<> Session::say_goodbye() {
    const std::string last_words = protocol_.take_output();
    if (protocol_.close_reason() == smtp::ServerProtocol::spoke_tls) {
        ++context_.counters.tls_failed;
        context_.logger.warning(base::events::tls_failed, implicit_tls_advice(terms_),
                                {{"client", client_}, {"listener", listener_}, {"reason", "implicit TLS"}});
    } else if (!protocol_.close_reason().empty()) {
        log_end(protocol_.close_reason());
    }
    auto written = co_await stream_.write(last_words, context_.options.write_timeout);
    if (written) co_await stream_.end_tls(context_.options.tls_end_timeout);
}

// False: there will be no TLS, and the session is over.
io::Task<bool> Session::shake_hands() {
    const std::string output = protocol_.take_output();
    if (!output.empty()) {
        auto written = co_await stream_.write(output, context_.options.write_timeout);
        if (!written) co_return false;
    }
    base::Result<> shaken = base::fail(base::ErrorKind::unavailable, "there is no certificate");
    if (certificate_ != nullptr) {
        waiting_ = true;
        shaken = co_await stream_.accept_tls(certificate_->current(), context_.options.tls_timeout);
        waiting_ = false;
    }
    if (!shaken) {
        if (only_looked(shaken.error())) {
            log_end("closed before its TLS began");
            co_return false;
        }
        ++context_.counters.tls_failed;
        context_.logger.warning(
            base::events::tls_failed, tls_advice(shaken.error(), terms_),
            {{"client", client_}, {"listener", listener_}, {"reason", shaken.error().message}});
        co_return false;
    }
    ++context_.counters.sessions_tls;
    tls_ = stream_.tls_info().version;
    protocol_.tls_started();
    co_return true;
}

// Whoever wants to know whether the port is open: a monitor, a scan of ports.
bool Session::only_looked(const base::Error& error) const {
    return terms_.tls == ListenerTls::implicit && certificate_ != nullptr &&
           error.kind != base::ErrorKind::timeout && stream_.tls_never_began();
}

std::string_view Session::tls_version() const {
    return tls_.empty() ? std::string_view("none") : std::string_view(tls_);
}

io::Task<> Session::log_in() {
    const smtp::Credentials& given = protocol_.credentials();
    // The octets that came last may be a password.
    ::explicit_bzero(buffer_.data(), buffer_.size());
    smtp::ServerReply reply{235, "2.7.0", "Authentication successful"};
    if (terms_.auth == ListenerAuth::users) {
        auto judging = judge_login(given.user, given.act_as, given.password.clone());
        reply = co_await std::move(judging);
    }
    if (reply.good())
        ++context_.counters.logins;
    else
        ++context_.counters.logins_refused;
    protocol_.answer(reply);
    if (protocol_.authenticated())
        context_.logger.debug(base::events::logged_in, "",
                              {{"client", client_},
                               {"listener", listener_},
                               {"user", protocol_.user()},
                               {"tls", tls_version()}});
}

// The client learns no more than that it may not; the log knows why.
io::Task<smtp::ServerReply> Session::judge_login(std::string user, std::string act_as,
                                                 base::Secret password) {
    using Verdict = Authenticator::Verdict;
    const base::SteadyTime began = context_.clock.steady();
    Authenticator::Judgement judgement;
    if (!context_.authenticator) {
        judgement.reason = "there is no file of users (inbound: auth_users_file)";
    } else {
        auto judging = context_.authenticator->judge(user, std::move(password));
        judgement = co_await std::move(judging);
    }
    // RFC 4616 §2: nobody here may act for another.
    if (judgement.verdict == Verdict::good && !act_as.empty() && act_as != user) {
        judgement.verdict = Verdict::wrong;
        judgement.reason = "it wants to act as " + base::printable(act_as, smtp::user_shown_bytes_max);
    }
    if (judgement.verdict == Verdict::good)
        co_return smtp::ServerReply(235, "2.7.0", "Authentication successful");
    log_refused(judgement, user);
    // Whatever it was, the time of the refusal tells nothing of how the password was looked at.
    const auto passed = std::chrono::floor<base::Duration>(context_.clock.steady() - began);
    if (passed < context_.options.auth_failure_delay)
        co_await io::sleep_for(context_.options.auth_failure_delay - passed);
    if (judgement.verdict == Verdict::wrong)
        co_return smtp::ServerReply(535, "5.7.8", "User name or password is wrong");
    co_return smtp::ServerReply(454, "4.7.0", "Cannot look at passwords now; try again");
}

// What a stranger brings about without a guess being looked at is not worth a line each time.
void Session::log_refused(const Authenticator::Judgement& judgement, std::string_view user) {
    using Verdict = Authenticator::Verdict;
    std::optional<std::uint64_t> left_out = 0;
    if (judgement.verdict == Verdict::busy) left_out = context_.busy_logins.due(context_.clock.steady());
    if (judgement.verdict == Verdict::unable) left_out = context_.unable_logins.due(context_.clock.steady());
    if (!left_out) return;
    std::string message = judgement.reason;
    if (*left_out > 0) message += "; " + std::to_string(*left_out) + " more since this was last logged";
    context_.logger.warning(base::events::login_refused, message,
                            {{"client", client_},
                             {"listener", listener_},
                             {"user", base::printable(user, smtp::user_shown_bytes_max)},
                             {"tls", tls_version()}});
}

io::Task<bool> Session::exchange() {
    const std::string output = protocol_.take_output();
    if (!output.empty()) {
        auto written = co_await stream_.write(output, context_.options.write_timeout);
        if (!written) {
            if (answer_250_due_) ++context_.counters.answers_lost;
            log_end(written.error().message);
            co_return false;
        }
        answer_250_due_ = false;
    }
    const bool in_body = protocol_.in_body();
    if (in_body && too_slow()) {
        protocol_.close({421, "4.4.2", "Data comes too slowly, closing connection"});
        co_return true;
    }
    if (buffer_.empty()) buffer_.resize(context_.options.read_buffer_bytes);
    // One clock for all of a command: a client that sends an octet now and then does not hold its session.
    const base::SteadyTime now = context_.clock.steady();
    if (!protocol_.in_command()) command_deadline_ = now + context_.options.command_timeout;
    const base::Duration timeout =
        in_body ? context_.options.data_timeout
                : std::max(std::chrono::floor<base::Duration>(command_deadline_ - now), shortest_timeout);
    waiting_ = true;
    auto octets = co_await stream_.read_some(buffer_, timeout);
    waiting_ = false;
    if (octets) {
        protocol_.receive(std::string_view(buffer_.data(), *octets));
        co_return true;
    }
    if (intake_ && in_body) ++context_.counters.messages_aborted;
    if (octets.error().kind != base::ErrorKind::closed || intake_) log_end(octets.error().message);
    co_return false;
}

bool Session::too_slow() const {
    const auto elapsed = context_.clock.steady() - body_started_;
    if (elapsed < context_.options.data_timeout) return false;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
    return protocol_.body_bytes() / static_cast<std::uint64_t>(seconds) <
           context_.options.data_bytes_per_second_min;
}

void Session::mail() {
    // Who has said how much will come is told at once if there is no room for it (RFC 1870 §6.1). The room is
    // kept from DATA on, which does not last long: a session that only waits takes it from nobody.
    const std::uint64_t declared_bytes = protocol_.declared_bytes().value_or(0);
    const std::uint64_t size_bytes = declared_bytes > 0 ? declared_bytes + added_bytes_max : 0;
    if (const auto room = context_.store.reserve(size_bytes); !room) {
        refuse_message(refusal_for(room.error()));
        return;
    }
    const Origin origin{
        .client_address = client_, .listener = listener_, .tls = tls_version(), .user = protocol_.user()};
    intake_.emplace(context_, origin, size_bytes);
    protocol_.answer({250, "2.1.0", "Sender OK"});
}

void Session::rcpt() {
    const auto refused = intake_->take_recipient(protocol_.envelope().sender, protocol_.recipient());
    protocol_.answer(refused.value_or(smtp::ServerReply{250, "2.1.5", "Recipient OK"}));
}

void Session::data() {
    if (auto refused = intake_->begin()) {
        refuse_message(*std::move(refused));
        return;
    }
    body_started_ = context_.clock.steady();
    protocol_.answer({354, "", ""});
}

// For want of room, or because the disk fails: nothing of it has come yet.
void Session::refuse_message(smtp::ServerReply reply) {
    note_rejected(reply);
    protocol_.answer(std::move(reply));
}

void Session::note_rejected(const smtp::ServerReply& reply) {
    ++context_.counters.messages_rejected;
    context_.logger.warning(base::events::message_rejected, reply.text,
                            {{"client", client_},
                             {"from", protocol_.envelope().sender},
                             {"reply", std::to_string(reply.code) + " " + reply.enhanced}});
}

io::Task<> Session::body_chunk() {
    auto refused = co_await intake_->take(protocol_.chunk(), protocol_.helo(), protocol_.with_protocol());
    if (!refused) co_return;
    note_rejected(*refused);
    protocol_.refuse_body(*std::move(refused));
}

io::Task<> Session::body_end() {
    const std::uint64_t bytes = protocol_.body_bytes();
    const smtp::ServerReply reply =
        co_await intake_->commit(protocol_.envelope(), protocol_.helo(), protocol_.with_protocol());
    if (reply.good()) {
        ++context_.counters.messages_accepted;
        context_.counters.bytes_accepted += bytes;
        answer_250_due_ = true;
    } else {
        ++context_.counters.messages_rejected;
    }
    drop_message();
    protocol_.answer(reply);
}

void Session::cut_off() {
    if (idle() && !stream_.is_tls()) {
        const std::string farewell =
            "421 4.3.2 " + context_.options.hostname + " is shutting down, closing connection\r\n";
        // A client whose receive window is full is not worth waiting for.
        static_cast<void>(
            ::send(stream_.native_handle(), farewell.data(), farewell.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    stream_.close();
}

void Session::log_end(std::string_view reason) const {
    if (intake_)
        context_.logger.info(base::events::session_ended,
                             "in the middle of a message, which was not accepted",
                             {{"client", client_}, {"reason", reason}});
    else
        context_.logger.debug(base::events::session_ended, "", {{"client", client_}, {"reason", reason}});
}

}  // namespace mailramp::inbound
