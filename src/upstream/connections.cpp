#include "upstream/connections.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::upstream {
namespace {

// Ours, before anybody was connected to: later, perhaps.
mail::Answer not_now(std::string enhanced, std::string text) {
    return {mail::Channel::local, mail::Phase::connect, 451, std::move(enhanced), std::move(text)};
}

mail::Answer out_of_time() {
    return not_now("4.4.5", "no connection became free within the time for this attempt");
}

mail::Answer stopping() {
    return not_now("4.3.2", "the daemon is stopping");
}

std::unexpected<Refusal> refuse(mail::Answer answer) {
    Refusal refusal;
    refusal.answer = std::move(answer);
    return std::unexpected(std::move(refusal));
}

Refusal refusal_of(const oauth::TokenFailure& failure) {
    Refusal refusal;
    if (failure.kind == oauth::TokenFailureClass::cancelled) {
        refusal.answer = stopping();
        return refusal;
    }
    refusal.answer.channel = mail::Channel::http;
    refusal.answer.phase = mail::Phase::token;
    refusal.answer.code = failure.http_status;
    if (failure.http_status == 0 && failure.kind == oauth::TokenFailureClass::configuration) {
        // Nobody was asked: the secret cannot be read, say.
        refusal.answer.channel = mail::Channel::local;
        refusal.answer.code = 535;
        refusal.answer.enhanced = "5.7.8";
    }
    refusal.answer.text = base::printable(failure.message, mail::answer_text_bytes_max);
    refusal.retry_after = failure.retry_after;
    return refusal;
}

// Owns the session until it has said goodbye; needs nothing else, so it may outlive the pool.
io::Task<> say_goodbye(std::unique_ptr<Session> session) {
    co_await session->quit();
}

using Dialed = std::expected<std::unique_ptr<Session>, mail::Answer>;

io::Task<Dialed> connect_guarded(std::shared_ptr<const SessionEnvironment> environment,
                                 base::SteadyTime deadline) {
    try {
        co_return co_await Session::connect(std::move(environment), deadline);
    } catch (const std::exception& unexpected) {
        mail::Answer answer;
        answer.channel = mail::Channel::smtp;
        answer.phase = mail::Phase::connect;
        answer.text =
            base::printable(std::string("unexpected: ") + unexpected.what(), mail::answer_text_bytes_max);
        co_return std::unexpected(std::move(answer));
    }
}

}  // namespace

// A connection that is being made. Its two coroutines share it: a lookup or a handshake of TCP that hangs
// cannot be stopped, so after abort() it is left alone and ends, unheard, at its own time limit.
struct Connections::Dialing {
    explicit Dialing(const io::Executor& executor) : changed(executor) {}

    static io::Task<> run(std::shared_ptr<Dialing> dialing,
                          std::shared_ptr<const SessionEnvironment> environment, base::SteadyTime deadline) {
        Dialed dialed = co_await connect_guarded(std::move(environment), deadline);
        dialing->result.emplace(std::move(dialed));
        dialing->changed.notify();
    }

    io::Event changed;  // the result is there, or abort() was called
    std::optional<Dialed> result;
};

Connections::Connections(std::shared_ptr<const SessionEnvironment> environment, oauth::TokenCache* tokens,
                         std::function<void()> on_change)
    : environment_(std::move(environment)),
      tokens_(tokens),
      on_change_(std::move(on_change)),
      pool_(environment_->server.pool) {
    counters_.mailbox = environment_->server.mailbox;
}

// ------------------------------------------------------------------ lending

io::Task<std::expected<Lease, Refusal>> Connections::acquire(Pool::Freshness freshness,
                                                             base::SteadyTime deadline) {
    for (;;) {
        if (mode_ == Mode::aborted) co_return refuse(stopping());
        Waiter waiter(environment_->executor);
        const bool granted = co_await wait_for_turn(waiter, freshness, deadline);
        if (!granted) {
            mail::Answer why = mode_ == Mode::aborted ? stopping() : out_of_time();
            co_return refuse(std::move(why));
        }
        if (waiter.kind == Lease::Kind::fresh) {
            auto opened = co_await open(*waiter.connection, deadline);
            ++(opened ? counters_.connections_opened : counters_.connections_failed);
            if (!opened) step(Pool::Released{*waiter.connection, Pool::Condition::broken});
            co_return opened;
        }
        Lease lease;
        lease.connection = *waiter.connection;
        lease.kind = Lease::Kind::warm;
        lease.session = std::move(idle_.extract(*waiter.connection).mapped());
        in_use_.insert(lease.session.get());
        if (mode_ == Mode::open && lease.session->ready()) {
            ++counters_.connections_reused;
            co_return lease;
        }
        if (mode_ == Mode::open) ++counters_.connections_replaced;  // it died while nobody looked
        release(std::move(lease));
    }
}

io::Task<bool> Connections::wait_for_turn(Waiter& waiter, Pool::Freshness freshness,
                                          base::SteadyTime deadline) {
    const Pool::Ticket ticket = next_ticket_++;
    waiters_.emplace(ticket, &waiter);
    step(Pool::Acquire{ticket, freshness});
    co_await waiter.woken.wait_until(deadline);
    if (waiter.connection) co_return true;
    waiters_.erase(ticket);
    step(Pool::Cancel{ticket});
    co_return false;
}

void Connections::release(Lease lease) {
    in_use_.erase(lease.session.get());
    if (mode_ == Mode::open && lease.session->ready()) {
        idle_.emplace(lease.connection, std::move(lease.session));
        step(Pool::Released{lease.connection, Pool::Condition::reusable});
        return;
    }
    log_disconnected(*lease.session);
    lease.session->close();
    step(Pool::Released{lease.connection, Pool::Condition::broken});
}

// ------------------------------------------------------------------ opening

io::Task<std::expected<Lease, Refusal>> Connections::open(Pool::Connection connection,
                                                          base::SteadyTime deadline) {
    for (int attempt = 1;; ++attempt) {
        base::Secret token;
        if (tokens_ != nullptr) {
            auto got = co_await tokens_->get();
            if (!got) co_return std::unexpected(refusal_of(got.error()));
            token = std::move(*got);
            if (mode_ == Mode::aborted) co_return refuse(stopping());
        }
        auto lease = co_await try_open(connection, token, deadline);
        if (lease) {
            base::SteadyTime login_ends = base::SteadyTime::max();
            if (tokens_ != nullptr) login_ends = environment_->clock.steady() + tokens_->status().expires_in;
            step(Pool::Opened{connection, login_ends});
            co_return lease;
        }
        if (!refresh_may_help(lease.error().answer)) co_return lease;
        ++counters_.tokens_refused;
        // Both are limits: one forced refresh for this connection, and the cache's own of one a minute.
        if (attempt > 1 || !tokens_->invalidate(token)) co_return lease;
    }
}

io::Task<std::expected<Lease, Refusal>> Connections::try_open(Pool::Connection connection,
                                                              const base::Secret& token,
                                                              base::SteadyTime deadline) {
    Dialed session = co_await dial(deadline);
    if (!session) co_return refuse(std::move(session.error()));
    Lease lease;
    lease.connection = connection;
    lease.session = std::move(*session);
    in_use_.insert(lease.session.get());
    base::Secret copy = token.clone();
    co_await lease.session->log_in(std::move(copy), deadline);
    if (lease.session->logged_in()) {
        log_connected(*lease.session);
        co_return lease;
    }
    in_use_.erase(lease.session.get());
    if (mode_ == Mode::aborted) co_return refuse(stopping());
    co_return refuse(lease.session->failure());
}

io::Task<Dialed> Connections::dial(base::SteadyTime deadline) {
    const auto dialing = std::make_shared<Dialing>(environment_->executor);
    auto running = Dialing::run(dialing, environment_, deadline);
    boost::asio::co_spawn(environment_->executor, std::move(running), boost::asio::detached);
    dialing_.insert(dialing.get());
    co_await dialing->changed.wait();
    dialing_.erase(dialing.get());
    if (mode_ == Mode::aborted) co_return std::unexpected(stopping());
    co_return std::move(*dialing->result);
}

bool Connections::refresh_may_help(const mail::Answer& answer) const {
    return tokens_ != nullptr && answer.channel == mail::Channel::smtp && answer.phase == mail::Phase::auth &&
           provider::classify(environment_->server.dialect, answer).token == provider::TokenRefresh::force;
}

// ------------------------------------------------------------------ the pool's decisions

void Connections::step(const Pool::Event& event) {
    const Pool::Step out = pool_.step(event, environment_->clock.steady());
    for (const Pool::Action& action : out.actions)
        std::visit([this](const auto& wanted) { perform(wanted); }, action);
    const bool earlier = out.next && (!next_ || *out.next < *next_);
    next_ = out.next;
    if (earlier) on_change_();
}

void Connections::perform(const Pool::Reuse& action) {
    Waiter& waiter = *waiters_.extract(action.ticket).mapped();
    waiter.connection = action.connection;
    waiter.kind = Lease::Kind::warm;
    waiter.woken.notify();
}

void Connections::perform(const Pool::Open& action) {
    Waiter& waiter = *waiters_.extract(action.ticket).mapped();
    waiter.connection = action.connection;
    waiter.kind = Lease::Kind::fresh;
    waiter.woken.notify();
}

void Connections::perform(const Pool::Retire& action) {
    std::unique_ptr<Session> session = std::move(idle_.extract(action.connection).mapped());
    environment_->logger.debug(base::events::disconnected, "said goodbye",
                               {{"mailbox", server().mailbox}, {"host", server().host}});
    auto goodbye = say_goodbye(std::move(session));
    boost::asio::co_spawn(environment_->executor, std::move(goodbye), boost::asio::detached);
}

void Connections::tick() {
    step(Pool::Tick{});
}

void Connections::drain() {
    step(Pool::Drain{});
}

void Connections::abort() {
    mode_ = Mode::aborted;
    drain();
    for (Session* session : in_use_)
        session->close();
    for (Dialing* dialing : dialing_)
        dialing->changed.notify();
    for (const auto& [ticket, waiter] : waiters_)
        waiter->woken.notify();
}

// ------------------------------------------------------------------ what is told

MailboxStatus Connections::status() const {
    MailboxStatus status = counters_;
    status.connections_in_use = pool_.in_use();
    status.connections_idle = pool_.idle();
    return status;
}

void Connections::log_connected(Session& session) const {
    const io::TlsInfo tls = session.tls_info();
    environment_->logger.info(base::events::connected, "ready to submit",
                              {{"mailbox", server().mailbox},
                               {"host", server().host},
                               {"address", session.peer_address()},
                               {"tls", tls.version.empty() ? "none" : tls.version},
                               {"cipher", tls.cipher}});
}

void Connections::log_disconnected(const Session& session) const {
    const mail::Answer& why = session.failure();
    environment_->logger.info(
        base::events::disconnected, why.text.empty() ? "closed" : mail::to_string(why),
        {{"mailbox", server().mailbox}, {"host", server().host}, {"address", session.peer_address()}});
}

}  // namespace mailramp::upstream
