#include "simulation/daemon.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "mailramp/io/timer.h"

namespace mailramp::simulation {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration drain_time = 8s;
constexpr base::Duration abort_before = 700ms;
constexpr std::size_t page_messages = 100;

struct Rethrow {
    void operator()(const std::exception_ptr& error) const {
        if (error) std::rethrow_exception(error);
    }
};

route::Options routes() {
    route::Options options;
    for (const char* name : {"one", "two"}) {
        route::Rule& rule = options.rules.emplace_back();
        rule.name = name;
        rule.mailbox = name;
        rule.match.senders = {std::string(name) + "@*"};
    }
    return options;
}

oauth::ClientCredentialsOptions credential() {
    oauth::ClientCredentialsOptions options;
    options.tenant = "contoso";
    options.client_id = "app";
    options.secret.place = oauth::SecretPlace::configuration;
    options.secret.value = base::Secret(client_secret);
    return options;
}

}  // namespace

Daemon::Daemon(const DaemonTerms& terms, Machine& machine, Network& network, Book& book, Provider& provider,
               const base::Clock& clock)
    : terms_(terms),
      machine_(machine),
      network_(network),
      book_(book),
      clock_(clock),
      http_(machine, network, provider, book),
      router_(routes()) {
    book_.started();
    if (terms_.spoil == Spoil::log) http_.leak_to(logger());
    open();
}

Daemon::~Daemon() {
    count();
    loop_->end();
    server_.reset();
    dispatcher_.reset();
    courier_.reset();
    budget_.reset();
    caches_.clear();
    source_.reset();
    spied_.reset();
    store_.reset();
}

void Daemon::spawn(io::Task<> task) {
    boost::asio::co_spawn(*loop_, std::move(task), Rethrow{});
}

oauth::TokenCache& Daemon::new_cache() {
    oauth::TokenCacheOptions options;
    options.failure_pause_min = terms_.terms.token_pause_min;
    options.failure_pause_max = terms_.terms.token_pause_max;
    options.configuration_failure_pause = terms_.terms.token_refusal_pause;
    options.forced_refresh_interval = terms_.terms.token_refresh_min;
    if (terms_.spoil == Spoil::token_pace)
        options.failure_pause_min = options.failure_pause_max = options.configuration_failure_pause = 1ms;
    return caches_.emplace_back("contoso", *source_, options, loop_->get_executor(), clock_, logger(), 0.5);
}

void Daemon::open() {
    queue::SqliteStoreOptions queue;
    queue.directory = terms_.directory;
    queue.disk_free_bytes_min = 0;
    queue.inline_bytes_max = 4096;
    queue.large_body_sync_bytes = 8192;
    queue.wal_checkpoint_bytes = 100 * 4096;
    auto store = queue::open_sqlite_store(queue, loop_->get_executor(), clock_, logger());
    if (!store) {
        life_ = Life::failed;
        return;
    }
    store_ = std::move(*store);
    spied_.emplace(*store_, book_, terms_.spoil);
    source_.emplace(credential(), http_, clock_);

    std::vector<upstream::CourierMailbox> mailboxes;
    std::vector<delivery::MailboxOptions> delivering;
    std::uint16_t port = 587;
    for (const char* name : {"one", "two"}) {
        upstream::CourierMailbox mailbox;
        mailbox.server.mailbox = name;
        mailbox.server.user = std::string(name) + "@contoso.test";
        mailbox.server.host = "smtp.office365.com";
        mailbox.server.port = port++;
        mailbox.server.dialect = provider::Dialect::exchange_online;
        std::size_t connections = terms_.terms.connections_max;
        if (terms_.spoil == Spoil::connections) connections += 2;
        mailbox.server.pool.connections_max = connections;
        const bool own = terms_.spoil == Spoil::token_alone;
        mailbox.tokens = caches_.empty() || own ? &new_cache() : &caches_.front();
        mailboxes.push_back(std::move(mailbox));

        delivery::MailboxOptions options;
        options.name = name;
        options.names.mailbox = std::string(name) + "@contoso.test";
        options.senders.mode = route::SenderMode::keep;
        options.budget.messages_max = terms_.terms.messages_max * (terms_.spoil == Spoil::rate ? 3 : 1);
        options.budget.connections_max = connections;
        delivering.push_back(std::move(options));
    }
    courier_ = upstream::SmtpCourier::create(std::move(mailboxes), io::TlsClient{}, {}, loop_->get_executor(),
                                             clock_, logger())
                   .value();
    budget_ = delivery::make_local_budget_store(clock_);
    delivery::DeliveryOptions delivery;
    delivery.retry = terms_.terms.retry;
    dispatcher_.emplace(delivery, std::move(delivering), *spied_, *budget_, *courier_, loop_->get_executor(),
                        clock_, logger(), terms_.seed);
    server_.emplace(inbound_, loop_->get_executor(), *spied_, router_, recipients_, clock_, logger());
    spawn(begin());
}

io::Task<> Daemon::begin() {
    auto started = co_await dispatcher_->start(delivery::Timers::own);
    if (!started) {
        life_ = Life::failed;
        co_return;
    }
    if (life_ != Life::begun) co_return;
    life_ = Life::running;
    spawn(courier_->maintain());
    for (oauth::TokenCache& cache : caches_)
        spawn(cache.keep_fresh());
    auto listener = io::Listener::bind_tcp(loop_->get_executor(), {"127.0.0.1", 25}, 10);
    server_->serve(std::move(*listener));
}

// ------------------------------------------------------------------ ending

void Daemon::stop() {
    if (life_ != Life::running) return;
    life_ = Life::stopping;
    spawn(drain());
}

io::Task<> Daemon::drain() {
    const base::SteadyTime deadline = clock_.steady() + drain_time;
    server_->stop_accepting();
    courier_->stop();
    for (oauth::TokenCache& cache : caches_)
        cache.stop();
    spawn(drain_clients(deadline));
    spawn(drain_dispatcher(drain_time));
    if (!co_await deliveries_ended_.wait_until(deadline - abort_before)) courier_->abort();
    static_cast<void>(co_await clients_gone_.wait_until(deadline));
    if (!deliveries_drained_)
        static_cast<void>(co_await deliveries_ended_.wait_until(deadline + abort_before));
    life_ = Life::ended;
}

io::Task<> Daemon::drain_clients(base::SteadyTime deadline) {
    co_await server_->drain(deadline);
    clients_gone_.notify();
}

io::Task<> Daemon::drain_dispatcher(base::Duration timeout) {
    static_cast<void>(co_await dispatcher_->drain(timeout));
    deliveries_drained_ = true;
    deliveries_ended_.notify();
}

// ------------------------------------------------------------------ operators

void Daemon::operate(queue::Verb verb, std::optional<queue::QueueId> id) {
    if (life_ != Life::running) return;
    queue::Order order;
    order.verb = verb;
    order.id = id;
    order.by = "an operator";
    order.now = clock_.wall();
    spawn(run_order(std::move(order)));
}

io::Task<> Daemon::run_order(queue::Order order) {
    const bool makes_due = order.verb == queue::Verb::retry || order.verb == queue::Verb::release;
    if (order.verb == queue::Verb::retry) dispatcher_->try_senders_again();
    for (;;) {
        if (makes_due) book_.made_due();
        queue::Order given = order;
        const auto done = co_await spied_->operate(std::move(given));
        if (makes_due) book_.made_due();
        if (!done || !done->next) co_return;
        order.after_row = *done->next;
    }
}

void Daemon::pause(const std::string& mailbox) {
    if (life_ == Life::running) static_cast<void>(dispatcher_->pause(mailbox, "an operator's word"));
}

void Daemon::resume() {
    if (life_ != Life::running) return;
    for (const char* name : {"one", "two"})
        static_cast<void>(dispatcher_->resume(name));
}

void Daemon::count() {
    if (!dispatcher_) return;
    book_.may_repeat(dispatcher_->counters().repeated_uncertain, store_->health().refused_but_maybe_sent);
}

// ------------------------------------------------------------------ looking

void Daemon::audit(std::function<void(std::optional<Left>)> then) {
    spawn(run_audit(std::move(then)));
}

io::Task<> Daemon::run_audit(std::function<void(std::optional<Left>)> then) {
    const std::set<std::string> promised = book_.promised();
    const std::uint64_t commits = store_->health().commits;
    const auto counts = co_await spied_->counts();
    std::vector<queue::MessageRow> rows;
    queue::ListRequest request;
    request.messages_max = page_messages;
    for (;;) {
        const auto page = co_await store_->list(request);
        if (!page || !counts) co_return then(std::nullopt);
        rows.insert(rows.end(), page->messages.begin(), page->messages.end());
        if (!page->next) break;
        request.after = page->next;
    }
    book_.audit(rows, promised);
    const auto again = co_await spied_->counts();
    if (again && again->complete && counts->complete && store_->health().commits == commits)
        book_.compare_counts(*counts, rows);
    Left left;
    for (const queue::MessageRow& message : rows) {
        for (const queue::RecipientRow& recipient : message.recipients) {
            const bool held = recipient.state == queue::RecipientState::held;
            ++(held ? left.held : left.waiting);
            left.some += recipient.address + " " + to_string(recipient.state) + " (" +
                         mail::to_string(recipient.answer) + "); ";
        }
    }
    then(std::move(left));
}

}  // namespace mailramp::simulation
