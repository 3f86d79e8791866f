#include "app/daemon.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <deque>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sysexits.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/conditions.h"
#include "app/descriptors.h"
#include "app/listeners.h"
#include "app/queue_watch.h"
#include "app/service_manager.h"
#include "app/spare_memory.h"
#include "app/views.h"
#include "mailramp/admin/server.h"
#include "mailramp/alert/notifier.h"
#include "mailramp/base/events.h"
#include "mailramp/base/text.h"
#include "mailramp/base/version.h"
#include "mailramp/delivery/bouncer.h"
#include "mailramp/delivery/dispatcher.h"
#include "mailramp/delivery/hold_text.h"
#include "mailramp/inbound/alias_book.h"
#include "mailramp/inbound/server.h"
#include "mailramp/io/http_client.h"
#include "mailramp/io/system_clock.h"
#include "mailramp/io/timer.h"
#include "mailramp/oauth/client_credentials_source.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/provider/reply_catalogue.h"
#include "mailramp/upstream/smtp_courier.h"

namespace mailramp::app {
namespace {

// How long the parts of the end may take; together less than the 10 s that service managers are promised.
struct EndTimes {
    base::Duration drain = std::chrono::seconds(8);                // clients and deliveries
    base::Duration abort_before = std::chrono::milliseconds(700);  // deliveries are cut so long before
    unsigned alarm_seconds = 9;                                    // then the process ends, whatever hangs
};
constexpr EndTimes end_times;

// How soon the service manager's display, and the log, follow what has changed.
constexpr base::Duration status_interval = std::chrono::seconds(1);
constexpr std::string_view stopping_status = "stopping: what is being sent gets a few seconds to end";

// For a disk, a log or a lock that never answers: nothing that was acknowledged depends on a clean end.
void end_at_once(int) {
    _exit(EX_OK);
}

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

std::string in_one_line(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words)
        line.append(line.empty() ? "" : " ").append(word);
    return line;
}

StartFailure failure(int status, std::string_view doing, base::Error error) {
    error.message.insert(0, std::string(doing) + ": ");
    return {status, std::move(error)};
}

int status_for_queue(const base::Error& error) {
    return error.kind == base::ErrorKind::conflict ? EX_TEMPFAIL : EX_CANTCREAT;
}

}  // namespace

// A credential with all that keeps its token fresh. Never moves: the cache refers to the source.
struct CredentialRuntime {
    CredentialRuntime(config::CredentialSettings credential, io::HttpClient& http,
                      const io::Executor& executor, const base::Clock& clock, base::Logger logger,
                      double jitter)
        : secret_expires(credential.secret_expires),
          source(std::move(credential.client), http, clock),
          cache(credential.name, source, credential.cache, executor, clock, std::move(logger), jitter) {}

    std::optional<base::WallTime> secret_expires;
    oauth::ClientCredentialsSource source;
    oauth::TokenCache cache;
};

// Members are declared so that what refers to another is destroyed before it.
struct Daemon::Impl {
    Impl(config::Settings checked_settings, ManagerTerms terms, LogSink& sink)
        : settings(std::move(checked_settings)), logger(sink.logger()), manager(std::move(terms), logger) {}

    [[nodiscard]] std::expected<void, StartFailure> open();
    [[nodiscard]] base::Result<> open_upstream();
    [[nodiscard]] base::Result<> open_certificates();
    [[nodiscard]] base::Result<> open_admin();
    [[nodiscard]] std::vector<io::Endpoint> own_endpoints() const;
    [[nodiscard]] std::vector<admin::TokenState> token_states() const;
    [[nodiscard]] std::string mailbox_named(const std::string& name_or_address) const;
    [[nodiscard]] admin::Explanation explain(const queue::RecipientRow& recipient) const;
    [[nodiscard]] Standing standing() const;
    [[nodiscard]] std::vector<admin::CertificateState> certificate_states();
    [[nodiscard]] Situation situation();
    [[nodiscard]] oauth::TokenCache* cache_of(const std::string& credential);

    // Coroutines; each runs while `this` lives, which is until the event loop has stopped.
    io::Task<> begin();
    io::Task<> report_status();
    io::Task<> wait_for_signals();
    io::Task<> drain();
    io::Task<> drain_clients(base::SteadyTime deadline);
    io::Task<> drain_dispatcher(base::Duration timeout);
    void spawn(io::Task<> task);
    void finish(int exit_status);

    config::Settings settings;
    base::Logger logger;
    ServiceManager manager;
    int status = EX_OK;
    bool draining = false;

    boost::asio::io_context loop{1};
    io::SystemClock clock;
    boost::asio::signal_set signals{loop, SIGTERM, SIGINT, SIGHUP};
    io::Event clients_gone{loop.get_executor()};
    io::Event deliveries_ended{loop.get_executor()};
    bool deliveries_drained = false;
    std::vector<OpenListener> listeners;
    std::vector<std::string> names;
    std::unique_ptr<queue::QueueStore> store;
    std::optional<QueueWatch> watch;
    CrowdWatch crowd;
    std::unique_ptr<io::CurlHttpClient> http;
    std::deque<CredentialRuntime> credentials;
    std::unique_ptr<upstream::SmtpCourier> courier;
    std::unique_ptr<delivery::BudgetStore> budget;
    std::optional<delivery::Dispatcher> dispatcher;
    std::optional<delivery::Bouncer> bouncer;
    std::optional<alert::Notifier> notifier;
    std::optional<route::Router> router;
    std::optional<inbound::AliasBook> aliases;
    std::optional<io::ServerCertificate> certificate;
    std::optional<io::ServerCertificate> legacy_certificate;
    std::optional<inbound::Server> inbound_server;
    std::unique_ptr<admin::Server> admin_server;
};

Daemon::Daemon(config::Settings settings, ManagerTerms manager, LogSink& log)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(manager), log)) {}

Daemon::~Daemon() = default;

int Daemon::run() {
    Impl& daemon = *impl_;
    daemon.logger.info(base::events::starting, "",
                       {{"version", base::version()},
                        {"config", daemon.settings.file.string()},
                        {"variables", in_one_line(daemon.settings.variables)}});
    for (const config::ConfigWarning& warning : daemon.settings.warnings)
        daemon.logger.warning(base::events::config_warning, warning.message,
                              {{"key", warning.key}, {"line", warning.line}, {"variable", warning.variable}});

    if (auto opened = daemon.open(); !opened) {
        daemon.manager.tell(Notice::status, "could not start: " + opened.error().error.message);
        daemon.logger.error(base::events::start_failed, opened.error().error.message);
        return opened.error().status;
    }
    daemon.spawn(daemon.wait_for_signals());
    daemon.spawn(daemon.manager.feed_watchdog());
    daemon.spawn(daemon.begin());
    try {
        daemon.loop.run();
    } catch (const std::exception& error) {
        daemon.logger.error(base::events::stopped, std::string("a bug, or no memory: ") + error.what(),
                            {{"status", EX_SOFTWARE}});
        return EX_SOFTWARE;
    }

    // What is durable is durable already; this ends the store's threads in order.
    daemon.store.reset();
    daemon.logger.info(base::events::stopped, "", {{"status", daemon.status}});
    return daemon.status;
}

// In the order in which a client would notice: first the sockets, whose backlog holds clients while the rest
// opens.
std::expected<void, StartFailure> Daemon::Impl::open() {
    auto opened = open_listeners(settings.inbound, loop.get_executor(), logger);
    if (!opened) return std::unexpected(StartFailure{EX_UNAVAILABLE, std::move(opened.error())});
    listeners = *std::move(opened);
    fit_sessions_to_descriptors(settings.inbound, logger);
    for (const OpenListener& open : listeners)
        names.push_back(describe(open));

    // However long it takes to carry the log of a crash into the database: no limit, only a word.
    manager.tell(Notice::status, "opening the queue in " + settings.queue.directory.string());
    auto opened_store = queue::open_sqlite_store(settings.queue, loop.get_executor(), clock, logger);
    if (!opened_store)
        return std::unexpected(
            failure(status_for_queue(opened_store.error()), "the queue", std::move(opened_store.error())));
    store = *std::move(opened_store);
    watch.emplace(QueueWatchOptions(), *store, clock, logger);

    if (auto upstream_open = open_upstream(); !upstream_open)
        return std::unexpected(StartFailure{EX_CONFIG, std::move(upstream_open.error())});
    router.emplace(settings.route);
    aliases.emplace(settings.recipients, settings.aliases_file, logger);
    if (auto read = aliases->open(); !read)
        return std::unexpected(failure(EX_CONFIG, "aliases_file", std::move(read.error())));
    if (auto certified = open_certificates(); !certified)
        return std::unexpected(StartFailure{EX_CONFIG, std::move(certified.error())});
    const inbound::Certificates certificates{certificate ? &*certificate : nullptr,
                                             legacy_certificate ? &*legacy_certificate : nullptr};
    inbound_server.emplace(settings.inbound, loop.get_executor(), *store, *router, aliases->recipients(),
                           clock, logger, certificates);
    if (auto admin_open = open_admin(); !admin_open)
        return std::unexpected(StartFailure{EX_CANTCREAT, std::move(admin_open.error())});
    return {};
}

base::Result<> Daemon::Impl::open_upstream() {
    auto client = io::CurlHttpClient::create({.ca_file = settings.ca_file});
    if (!client) return base::fail("HTTPS for the token call", std::move(client.error()));
    http = *std::move(client);
    auto tls = io::TlsClient::create({.ca_file = settings.ca_file});
    if (!tls) return base::fail("TLS for submission", std::move(tls.error()));

    std::mt19937_64 random(random_seed());
    std::uniform_real_distribution<double> jitter(0.0, 1.0);
    for (config::CredentialSettings& credential : settings.credentials)
        credentials.emplace_back(std::move(credential), *http, loop.get_executor(), clock, logger,
                                 jitter(random));

    std::vector<upstream::CourierMailbox> mailboxes;
    std::vector<delivery::MailboxOptions> delivering;
    std::vector<delivery::ReportingMailbox> reporting;
    for (const config::MailboxSettings& mailbox : settings.mailboxes) {
        mailboxes.push_back({.server = mailbox.server, .tokens = cache_of(mailbox.credential)});
        delivering.push_back(mailbox.delivery);
        reporting.push_back({.name = mailbox.name,
                             .names = mailbox.delivery.names,
                             .dialect = mailbox.delivery.dialect,
                             .server = mailbox.server.host,
                             .own_names = mailbox.delivery.senders.own_names});
    }
    auto created = upstream::SmtpCourier::create(std::move(mailboxes), *tls, own_endpoints(),
                                                 loop.get_executor(), clock, logger);
    if (!created) return std::unexpected(std::move(created.error()));
    courier = *std::move(created);
    budget = delivery::make_local_budget_store(clock);
    dispatcher.emplace(settings.delivery, std::move(delivering), *store, *budget, *courier,
                       loop.get_executor(), clock, logger, random());
    bouncer.emplace(settings.delivery.bounce, std::move(reporting), settings.inbound.hostname, *store,
                    loop.get_executor(), clock, logger, random());
    notifier.emplace(std::move(settings.alert), settings.inbound.hostname, *http, loop.get_executor(), clock,
                     logger);
    return {};
}

// Only what some listener shows; the folder of the queue is there, and ours alone.
base::Result<> Daemon::Impl::open_certificates() {
    for (const OpenListener& open : listeners) {
        if (open.terms.tls == inbound::ListenerTls::none) continue;
        const bool legacy = open.terms.tls_versions == io::TlsVersions::legacy;
        std::optional<io::ServerCertificate>& wanted = legacy ? legacy_certificate : certificate;
        if (wanted) continue;
        io::ServerCertificateOptions options;
        options.certificate = settings.inbound.certificate;
        options.key = settings.inbound.certificate_key;
        options.versions = open.terms.tls_versions;
        options.own_folder = settings.queue.directory;
        options.own_names = {settings.inbound.hostname, "localhost", "127.0.0.1", "::1"};
        auto opened = io::ServerCertificate::open(std::move(options), clock, logger);
        if (!opened) return base::fail("TLS for clients", std::move(opened.error()));
        wanted = *std::move(opened);
    }
    return {};
}

oauth::TokenCache* Daemon::Impl::cache_of(const std::string& credential) {
    for (CredentialRuntime& runtime : credentials)
        if (runtime.cache.credential() == credential) return &runtime.cache;
    return nullptr;
}

std::vector<io::Endpoint> Daemon::Impl::own_endpoints() const {
    std::vector<io::Endpoint> endpoints;
    for (const OpenListener& open : listeners)
        endpoints.push_back(open.listener.endpoint());
    return endpoints;
}

base::Result<> Daemon::Impl::open_admin() {
    admin::AdminContext context{
        .clock = clock,
        .store = *store,
        .version = std::string(base::version()),
        .listeners = [this] { return names; },
        .mailboxes = [this] { return dispatcher->mailboxes(); },
        .tokens = [this] { return token_states(); },
        .try_senders_again = [this] { dispatcher->try_senders_again(); },
        .resume_mailbox = [this](const std::string& name) { return dispatcher->resume(mailbox_named(name)); },
        .counters =
            [this] {
                return counter_groups(inbound_server->counters(), dispatcher->counters(), courier->status());
            },
        .explain = [this](const queue::RecipientRow& recipient) { return explain(recipient); },
        .stalled_queue = [this] { return watch->stalled(); },
        .certificates = [this] { return certificate_states(); },
        .alert_targets = [this] { return notifier->targets(); },
        .try_alerts = [this] { return notifier->try_targets(); },
        .pause_mailbox =
            [this](const std::string& name, const std::string& cause) {
                return dispatcher->pause(mailbox_named(name), cause);
            },
    };
    auto created = admin::Server::create(settings.admin, loop.get_executor(), std::move(context), logger);
    if (!created) return std::unexpected(std::move(created.error()));
    admin_server = *std::move(created);
    return {};
}

std::vector<admin::TokenState> Daemon::Impl::token_states() const {
    std::vector<admin::TokenState> states;
    for (const CredentialRuntime& runtime : credentials)
        states.push_back({.credential = runtime.cache.credential(),
                          .status = runtime.cache.status(),
                          .secret_expires = runtime.secret_expires});
    return states;
}

std::vector<admin::CertificateState> Daemon::Impl::certificate_states() {
    std::vector<admin::CertificateState> states;
    for (std::optional<io::ServerCertificate>* shown : {&certificate, &legacy_certificate}) {
        if (!*shown) continue;
        const std::string file = (*shown)->file().string();
        // Both kinds of listener may show the same one.
        if (!states.empty() && states.front().file == file) continue;
        states.push_back({.file = file, .ends = (*shown)->current().ends(), .own = (*shown)->is_own()});
    }
    return states;
}

// By its name or, which people know better, by its address.
std::string Daemon::Impl::mailbox_named(const std::string& name_or_address) const {
    for (const config::MailboxSettings& mailbox : settings.mailboxes)
        if (base::equals_ignoring_case(mailbox.address, name_or_address)) return mailbox.name;
    return name_or_address;
}

admin::Explanation Daemon::Impl::explain(const queue::RecipientRow& recipient) const {
    const auto known =
        std::ranges::find(settings.mailboxes, recipient.mailbox, &config::MailboxSettings::name);
    // One that is no longer configured has no dialect to read its answer by, but a reason to hold is told.
    const bool configured = known != settings.mailboxes.end();
    const provider::Names known_names = configured ? known->delivery.names : provider::Names{};
    const provider::Verdict verdict =
        configured ? provider::classify(known->delivery.dialect, recipient.answer) : provider::Verdict{};
    if (recipient.state == queue::RecipientState::held) {
        delivery::HoldText text = delivery::explain_hold(recipient.hold_reason, verdict, known_names);
        return {std::move(text.cause), std::move(text.remedy)};
    }
    return {std::string(verdict.cause), provider::fill(verdict.remedy, known_names)};
}

// An exception here is out of memory or a bug; the queue on the disk is better off with a new process.
void Daemon::Impl::spawn(io::Task<> task) {
    boost::asio::co_spawn(loop, std::move(task), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
}

io::Task<> Daemon::Impl::begin() {
    auto started = co_await dispatcher->start(delivery::Timers::own);
    if (!started) {
        manager.tell(Notice::status, "could not start: " + started.error().message);
        logger.error(base::events::start_failed, started.error().message);
        finish(EX_IOERR);
        co_return;
    }
    if (draining) co_return;
    spawn(courier->maintain());
    spawn(bouncer->run());
    spawn(admin_server->run());
    for (CredentialRuntime& runtime : credentials)
        spawn(runtime.cache.keep_fresh());
    for (OpenListener& open : listeners) {
        logger.info(base::events::listening, "", {{"address", open.listener.name()}});
        inbound_server->serve(std::move(open.listener), std::move(open.terms));
    }
    listeners.clear();
    logger.info(base::events::ready, "", {{"pid", getpid()}});
    manager.tell(Notice::ready, describe(Standing()));
    spawn(watch->ask());
    spawn(report_status());
}

io::Task<> Daemon::Impl::report_status() {
    for (;;) {
        watch->look();
        aliases->look();
        if (crowd.has_left(inbound_server->take_sessions_peak(), inbound_server->counters().sessions_open))
            give_spare_memory_back();
        if (draining) {
            manager.tell(Notice::stopping, stopping_status);
        } else {
            manager.tell(Notice::status, describe(standing()));
            notifier->observe(conditions_of(situation(), notifier->thresholds()));
        }
        co_await io::sleep_for(status_interval);
    }
}

Standing Daemon::Impl::standing() const {
    Standing standing{.trouble = {}, .counts = watch->counts(), .paused = {}};
    const queue::StoreHealth health = store->health();
    if (const auto stalled = watch->stalled())
        standing.trouble = stalled->reason;
    else if (health.state != queue::StoreState::open)
        standing.trouble = health.reason;
    for (const delivery::MailboxStatus& mailbox : dispatcher->mailboxes())
        if (mailbox.paused) standing.paused.push_back(mailbox.name);
    return standing;
}

Situation Daemon::Impl::situation() {
    return {.now = clock.wall(),
            .mailboxes = dispatcher->mailboxes(),
            .tokens = token_states(),
            .certificates = certificate_states(),
            .health = store->health(),
            .counts = watch->counts(),
            .stalled = watch->stalled()};
}

io::Task<> Daemon::Impl::wait_for_signals() {
    for (;;) {
        auto [error, number] = co_await signals.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        if (error) co_return;
        if (number == SIGHUP) {
            logger.warning(
                base::events::config_warning,
                "SIGHUP: the configuration is read at the start only; restart mailramp to change it "
                "(nothing accepted is lost by a restart)");
            continue;
        }
        if (draining) {
            // Asked twice: whoever does so does not want to wait.
            logger.warning(base::events::stopping, "second signal: not waiting for what is in flight",
                           {{"signal", strsignal(number)}});
            finish(EX_OK);
            co_return;
        }
        draining = true;
        std::signal(SIGALRM, end_at_once);
        alarm(end_times.alarm_seconds);
        logger.info(base::events::stopping, "", {{"signal", strsignal(number)}});
        manager.tell(Notice::stopping, stopping_status);
        spawn(drain());
    }
}

// Clients and deliveries end side by side; each gets the whole time. A delivery that does not end is cut
// shortly before its time is up, so that the store still learns exactly how far it came.
io::Task<> Daemon::Impl::drain() {
    const base::SteadyTime deadline = clock.steady() + end_times.drain;
    inbound_server->stop_accepting();
    courier->stop();
    for (CredentialRuntime& runtime : credentials)
        runtime.cache.stop();
    spawn(drain_clients(deadline));
    spawn(drain_dispatcher(end_times.drain));
    if (!co_await deliveries_ended.wait_until(deadline - end_times.abort_before)) courier->abort();
    static_cast<void>(co_await clients_gone.wait_until(deadline));
    co_await bouncer->stop(deadline);
    // The disk may hang or fail: what cannot be marked now is found at the next start.
    if (!deliveries_drained)
        static_cast<void>(co_await deliveries_ended.wait_until(deadline + end_times.abort_before));
    admin_server->stop();
    finish(EX_OK);
}

io::Task<> Daemon::Impl::drain_clients(base::SteadyTime deadline) {
    co_await inbound_server->drain(deadline);
    clients_gone.notify();
}

io::Task<> Daemon::Impl::drain_dispatcher(base::Duration timeout) {
    const delivery::DrainResult result = co_await dispatcher->drain(timeout);
    if (result.marked_uncertain + result.left_claimed > 0)
        logger.warning(base::events::message_uncertain, "the daemon ended while these were being submitted",
                       {{"attempts", result.marked_uncertain + result.left_claimed}});
    deliveries_drained = true;
    deliveries_ended.notify();
}

void Daemon::Impl::finish(int exit_status) {
    status = exit_status;
    notifier->stop();
    http->abandon();
    loop.stop();
}

}  // namespace mailramp::app
