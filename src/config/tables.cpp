#include "config/tables.h"

#include <limits>

#include "config/recipients.h"

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t list_items_max = 1000;
constexpr std::size_t listeners_max = 64;

ValueType<const provider::Preset*> provider_name() {
    std::vector<std::pair<std::string, const provider::Preset*>> words;
    for (const provider::Preset& preset : provider::presets())
        words.emplace_back(preset.name, &preset);
    return choice(words);
}

Table<queue::SqliteStoreOptions> queue_table() {
    using O = queue::SqliteStoreOptions;
    return Table<O>()
        .value("directory", &O::directory, absolute_path(),
               "The folder of the queue. It belongs to the daemon's user, with mode 0700, on a local disk.")
        .value("size_max", &O::size_bytes_max, size(1 * mib, 100 * tib),
               "All queued mail together; beyond it new mail is refused for the time being (452).")
        .value("disk_free_min", &O::disk_free_bytes_min, size(1 * mib, 1 * tib),
               "New mail is refused for the time being when less than this is free on the disk.")
        .value("inline_size_max", &O::inline_bytes_max, size(1 * kib, 64 * kib),
               "Messages up to this size stand in the database itself; a larger one is a file beside it.")
        .value("large_body_workers", &O::large_body_workers, integer(1, 16),
               "Threads that write and read the files of large messages.")
        .value("large_body_sync_size", &O::large_body_sync_bytes, size(64 * kib, 64 * mib),
               "A file that is being written is brought to the disk each time so much is in it.")
        .value("large_body_in_flight_max", &O::large_body_in_flight_bytes_max, size(256 * kib, 1 * gib),
               "Content of large messages, of all sessions together, that waits for the disk.")
        .value("batch_operations_max", &O::batch_operations_max, integer(1, 10'000),
               "Operations that share one transaction, and so one sync of the disk.")
        .value("waiting_operations_max", &O::waiting_operations_max, integer(100, 1'000'000),
               "Operations that wait for the disk; beyond it clients get a refusal for the time being (451).")
        .value("wal_size_max", &O::wal_bytes_max, size(8 * mib, 16 * gib),
               "How large the write-ahead log may become while checkpoints fail; then new mail is refused.")
        .value("wal_checkpoint_size", &O::wal_checkpoint_bytes, size(64 * kib, 1 * gib),
               "The write-ahead log is carried into the database when it is larger than this.")
        .value("failed_commit_retry", &O::failed_commit_retry, duration(100ms, 1h),
               "How often a disk that has failed is tried again.")
        .value("history_age_max", &O::history_age_max, duration(0s, 3650 * day),
               "How long it stays known what became of a recipient.")
        .value("history_rows_max", &O::history_rows_max, integer(0, 100'000'000),
               "Recipients in that history.")
        .value(
            "bulk_rows_max", &O::bulk_rows_max, integer(10, 5000),
            "Rows that one transaction of a bulk operation changes; more make single operations wait longer.")
        .value("secure_delete", &O::secure_delete, boolean(),
               "Overwrite what is deleted with zeros. Three times slower.");
}

Table<delivery::RetryOptions> retry_table() {
    using O = delivery::RetryOptions;
    return Table<O>()
        .value("first_delay", &O::first_delay, duration(1s, 1 * day), "Before the second attempt.")
        .value("factor", &O::factor, fraction(1, 10), "Each delay is so many times the one before it.")
        .value("delay_max", &O::delay_max, duration(1s, 1 * day), "The longest delay.")
        .value("jitter", &O::jitter, fraction(0, 0.9), "The part of a delay that is left to chance.")
        .value("retry_after_max", &O::retry_after_max, duration(1s, 1 * day),
               "The longest delay that a server may ask for.")
        .value("age_max", &O::age_max, duration(1min, 365 * day),
               "A message that could not be delivered in this time is held for a human. Outages of its "
               "whole mailbox (a pause, no network, no token) do not count.")
        .value("expiry_attempts_min", &O::expiry_attempts_min, integer(1, 1000),
               "It is not held after fewer attempts.")
        .value("expiry_uptime_min", &O::expiry_uptime_min, duration(0s, 30 * day),
               "It is not held sooner than this after a start of the daemon.")
        .value("attempts_max", &O::attempts_max, integer(1, 100'000),
               "It is held after so many attempts in any case.")
        .value("uncertain_delay", &O::uncertain_delay, duration(1s, 1 * day),
               "Before a message is sent again whose delivery is uncertain: the server may have it already.")
        .value("uncertain_attempts_max", &O::uncertain_attempts_max, integer(1, 100),
               "It is held after so many attempts whose outcome is uncertain: each may be a copy.");
}

Table<delivery::BounceOptions> bounces_table() {
    using O = delivery::BounceOptions;
    return Table<O>()
        .value(
            "to", &O::to, bounce_target(),
            "Who is told, where the route does not say it (`bounce`). postmaster: the address of that name "
            "at the top level. Nobody: the mail stays held.")
        .value("per_address_max", &O::per_address_max, integer(1, 10'000),
               "Reports to one address in an hour; beyond it mail stays held, and nobody is told.")
        .value("per_hour_max", &O::in_all_max, integer(1, 100'000), "Likewise, to all addresses together.")
        .value("returned_size_max", &O::returned_bytes_max, size(0, 100 * mib),
               "A larger message does not come back as a whole, though its sender asked for it (RET=FULL).");
}

Table<delivery::PauseOptions> pause_table() {
    using O = delivery::PauseOptions;
    return Table<O>()
        .value("first_probe", &O::first_probe, duration(1s, 1 * day),
               "When a paused mailbox is tried for the first time.")
        .value("second_probe", &O::second_probe, duration(1s, 1 * day), "And then again.")
        .value("later_probes", &O::later_probes, duration(1s, 1 * day), "And from then on.")
        .value("rest_min", &O::rest_min, duration(100ms, 1h),
               "The first rest of a mailbox after transient trouble (network, token endpoint); it doubles "
               "each time.")
        .value("unreachable_rest_max", &O::unreachable_rest_max, duration(1s, 1h),
               "The longest such rest while the server cannot be reached.")
        .value("refused_rest_max", &O::refused_rest_max, duration(1s, 1 * day),
               "The longest such rest while the server says \"not now\".")
        .value("rest_asked_max", &O::rest_asked_max, duration(1min, 30 * day),
               "The longest rest that a server may ask for.")
        .value("crowded_delay_min", &O::crowded_delay_min, duration(1s, 1h),
               "After \"too many connections\" a message waits at least this long.")
        .value("crowded_delay_max", &O::crowded_delay_max, duration(1s, 1h), "And at most this long.")
        .value("connection_regain", &O::connection_regain, duration(1s, 1 * day),
               "How long until each connection that was given up then comes back.");
}

Table<base::LogOptions> log_table() {
    using base::LogLevel;
    return Table<base::LogOptions>()
        .value("level", &base::LogOptions::level,
               choice<LogLevel>({{"debug", LogLevel::debug},
                                 {"info", LogLevel::info},
                                 {"warning", LogLevel::warning},
                                 {"error", LogLevel::error}}),
               "The least important event that is logged.")
        .value("format", &base::LogOptions::format,
               choice<base::LogFormat>({{"auto", base::LogFormat::automatic},
                                        {"text", base::LogFormat::text},
                                        {"json", base::LogFormat::json}}),
               "auto: text on a terminal, JSON otherwise.")
        .value(
            "output", &base::LogOptions::output,
            choice<base::LogOutput>(
                {{"stderr", base::LogOutput::standard_error}, {"stdout", base::LogOutput::standard_output}}),
            "Where the lines go. stdout is for containers: many collectors of logs take every line on stderr "
            "for an error. What is wrong with the configuration is said on stderr in any case.");
}

Table<admin::AdminOptions> admin_table() {
    using O = admin::AdminOptions;
    return Table<O>()
        .value("socket", &O::socket, absolute_path(),
               "The Unix socket that `mailramp status` and `mailramp queue` talk to.")
        .value("mode", &O::socket_mode, file_mode(),
               "Its permissions: who may write to it may retry and delete mail.")
        .value("group", &O::group, group_name(), "Its group; empty: the daemon's own.");
}

Table<CredentialPart> credential_table() {
    using O = CredentialPart;
    return Table<O>()
        .value("tenant_id", &O::tenant_id, tenant(), "From the overview page of the app registration.",
               Need::required)
        .value("client_id", &O::client_id, client_id(), "From the same page.", Need::required)
        .secret("client_secret", &O::client_secret, "Where the client secret is: its value, not its ID.")
        .value("secret_expires", &O::secret_expires, date(),
               "The day on which it ends, as the portal shows it: warnings come 30, 7 and 1 days before.")
        .overriding("token", &O::token, token_table(), "token");
}

Table<route::SenderMapping> sender_mapping_table() {
    using O = route::SenderMapping;
    return Table<O>()
        .value("from", &O::pattern, address_pattern(), "The sender as the application wrote it.",
               Need::required)
        .value("to", &O::address, mail_address(), "What it becomes: an address the mailbox may send as.",
               Need::required);
}

// The same keys for the short form and for each mailbox of the long one. `part` leads from the owner to them.
template <class Owner, class Part>
void add_sender_keys(Table<Owner>& table, const std::string& form, Part part) {
    using Mode = SendersPart::Mode;
    const auto doc = [&form](std::string text) {
        if (form.empty()) text.front() = static_cast<char>(text.front() - 'a' + 'A');
        return form + text;
    };
    table
        .value(
            "senders", [part](auto& owner) -> auto& { return part(owner).mode; },
            choice<Mode>({{"auto", Mode::by_provider},
                          {"collapse", Mode::collapse},
                          {"map", Mode::map},
                          {"keep", Mode::keep}}),
            form +
                "what becomes of senders that the mailbox may not send as, in MAIL FROM and From. collapse: "
                "they become the mailbox, and the display name stays. map: as sender_map says, else the "
                "mailbox. keep: nothing changes. auto: keep with authentication none, else collapse.")
        .list(
            "allowed_senders", [part](auto& owner) -> auto& { return part(owner).allowed; },
            address_pattern(), list_items_max,
            doc("further addresses that the mailbox may send as (SendAs, or its aliases); they stay."))
        .records(
            "sender_map", [part](auto& owner) -> auto& { return part(owner).map; }, sender_mapping_table(),
            list_items_max, doc("for senders: map; the first entry that fits counts."));
}

Table<MailboxPart> mailbox_table() {
    using O = MailboxPart;
    Table<O> table;
    table
        .value("address", &O::address, mail_address(),
               "The address of the mailbox; it is also the default sender.", Need::required)
        .value("auth_user", &O::auth_user, mail_address(),
               "The user name to log in with, if it is not the address.")
        .list("credentials", &O::credentials, name(), 1,
              "The credential whose token logs in, by its name. One for now.")
        .value("provider", &O::preset, provider_name(), "Whose server it is; sets hosts, scope and limits.");
    add_sender_keys(table, "", [](auto& owner) -> auto& { return owner.senders; });
    table.overriding("upstream", &O::upstream, upstream_table(), "upstream");
    return table;
}

Table<route::Match> match_table() {
    using O = route::Match;
    return Table<O>()
        .list("sender", &O::senders, address_pattern(), list_items_max, "The envelope sender.")
        .list("header_from", &O::header_froms, address_pattern(), list_items_max,
              "The address in the From field.")
        .list("client", &O::clients, address_block(), list_items_max, "The address of the client.")
        .list("listener", &O::listeners, listener_name(), list_items_max, "Where the client connected to.")
        .list("recipient_domain", &O::recipient_domains, domain_pattern(), list_items_max,
              "The recipient's domain.");
}

Table<RoutePart> route_table() {
    using O = RoutePart;
    return Table<O>()
        .value("name", &O::name, name(), "For logs; \"route-\" and its number when it has none.")
        .section("match", &O::match, match_table(),
                 "What a message must have; every key that is given must fit. Without it the route takes "
                 "everything.")
        .value("mailbox", &O::mailbox, name(), "The mailbox that submits it, by its name.", Need::required)
        .value("bounce", &O::bounce, bounce_target(),
               "Who is told of its mail that cannot be delivered. Default: bounces.to.");
}

}  // namespace

Table<UpstreamPart> upstream_table() {
    Table<UpstreamPart> rows;
    rows.value(
            "host", [](auto& p) -> auto& { return p.server.host; }, host_name(), "The mail server.")
        .value(
            "port", [](auto& p) -> auto& { return p.server.port; }, integer(1, 65'535), "Its port.")
        .value(
            "tls", [](auto& p) -> auto& { return p.server.starttls; },
            choice<smtp::StartTls>({{"starttls", smtp::StartTls::required}, {"none", smtp::StartTls::none}}),
            "starttls: required, and certificate and name are verified. none: only for a server on this "
            "machine without authentication.")
        .value(
            "authentication", [](auto& p) -> auto& { return p.server.authentication; },
            choice<smtp::Authentication>(
                {{"xoauth2", smtp::Authentication::xoauth2}, {"none", smtp::Authentication::none}}),
            "xoauth2: a token. none: the server takes mail from this machine as it is.")
        .value(
            "ehlo_name", [](auto& p) -> auto& { return p.server.ehlo_name; }, host_name(),
            "The name to introduce ourselves with. Default: hostname.")
        .value(
            "family", [](auto& p) -> auto& { return p.server.connect.family; },
            choice<io::Family>(
                {{"any", io::Family::any}, {"ipv4", io::Family::ipv4}, {"ipv6", io::Family::ipv6}}),
            "Which addresses of the server are tried.")
        .value(
            "connections_max", [](auto& p) -> auto& { return p.server.pool.connections_max; },
            integer(1, 100),
            "Connections at the same time for a mailbox. Exchange Online refuses the fourth, and other "
            "programs may use the mailbox too.")
        .value(
            "messages_per_minute_max", [](auto& p) -> auto& { return p.delivery.budget.messages_max; },
            integer(0, 100'000),
            "Messages in any 60 seconds for a mailbox; 0: as many as there are. Exchange Online allows 30.")
        .value(
            "recipients_max", [](auto& p) -> auto& { return p.server.recipients_max; }, integer(1, 1000),
            "Recipients in one submission; a message with more of them is submitted several times.")
        .value(
            "attempt_timeout", [](auto& p) -> auto& { return p.delivery.attempt_timeout; },
            duration(1min, 24h),
            "One attempt to submit a message, up to the reply to DATA: waiting for a free connection, "
            "connecting, "
            "logging in, naming the recipients. Content may go on beyond it while 8 KiB go out in a second; "
            "the "
            "final reply then has body_end_timeout to itself.")
        .value(
            "idle_timeout", [](auto& p) -> auto& { return p.server.pool.idle_timeout; }, duration(0s, 1h),
            "How long a connection without work stays open.")
        .value(
            "session_age_max", [](auto& p) -> auto& { return p.server.pool.session_age_max; },
            duration(1s, 24h), "How long a connection is used. Exchange Online cuts after about 20 minutes.")
        .value(
            "messages_per_session_max",
            [](auto& p) -> auto& { return p.server.pool.messages_per_session_max; }, integer(1, 100'000),
            "Messages over one connection.")
        .value(
            "resolve_timeout", [](auto& p) -> auto& { return p.server.connect.resolve_timeout; },
            duration(1s, 5min), "Looking up the server's name.")
        .value(
            "connect_timeout", [](auto& p) -> auto& { return p.server.connect.address_timeout; },
            duration(1s, 5min), "Connecting, for each of its addresses.")
        .value(
            "banner_timeout", [](auto& p) -> auto& { return p.server.timeouts.banner_timeout; },
            duration(1s, 1h), "Waiting for its greeting.")
        .value(
            "ehlo_timeout", [](auto& p) -> auto& { return p.server.timeouts.ehlo_timeout; }, duration(1s, 1h),
            "Waiting for the reply to EHLO.")
        .value(
            "starttls_timeout", [](auto& p) -> auto& { return p.server.timeouts.starttls_timeout; },
            duration(1s, 1h), "Waiting for the reply to STARTTLS.")
        .value(
            "tls_timeout", [](auto& p) -> auto& { return p.server.timeouts.tls_timeout; }, duration(1s, 1h),
            "The TLS handshake.")
        .value(
            "auth_timeout", [](auto& p) -> auto& { return p.server.timeouts.auth_timeout; }, duration(1s, 1h),
            "Logging in; Exchange Online delays a refusal on purpose.")
        .value(
            "envelope_timeout", [](auto& p) -> auto& { return p.server.timeouts.envelope_timeout; },
            duration(1s, 1h), "Waiting for the reply to each of MAIL, RCPT and DATA.")
        .value(
            "body_timeout", [](auto& p) -> auto& { return p.server.timeouts.body_timeout; }, duration(1s, 1h),
            "Sending each piece of a message.")
        .value(
            "body_end_timeout", [](auto& p) -> auto& { return p.server.timeouts.body_end_timeout; },
            duration(1s, 1h), "Waiting for the final reply; giving up too early makes duplicates.")
        .value(
            "quit_timeout", [](auto& p) -> auto& { return p.server.timeouts.quit_timeout; },
            duration(0s, 1min), "Saying goodbye.");
    return rows;
}

Table<TokenPart> token_table() {
    Table<TokenPart> rows;
    rows.value(
            "authority", [](auto& p) -> auto& { return p.client.authority; }, https_authority(),
            "The token endpoint without tenant and path.")
        .value(
            "scope", [](auto& p) -> auto& { return p.client.scope; }, scope(), "What the token is for.")
        .value(
            "proxy", [](auto& p) -> auto& { return p.client.proxy; }, http_proxy(),
            "The proxy on the way to the token endpoint; empty: none. Mail itself goes to the server "
            "directly.")
        .value(
            "connect_timeout", [](auto& p) -> auto& { return p.client.connect_timeout; }, duration(1s, 5min),
            "Connecting to the token endpoint.")
        .value(
            "total_timeout", [](auto& p) -> auto& { return p.client.total_timeout; }, duration(1s, 10min),
            "One request as a whole.")
        .value(
            "refresh_margin", [](auto& p) -> auto& { return p.cache.refresh_margin; }, duration(10s, 24h),
            "A token with less life left than this is refreshed in the background.")
        .value(
            "use_margin", [](auto& p) -> auto& { return p.cache.use_margin; }, duration(1s, 1h),
            "A token with less life left than this is no longer used to log in.")
        .value(
            "refresh_jitter", [](auto& p) -> auto& { return p.cache.refresh_jitter; }, fraction(0, 0.5),
            "The part of the margin that is left to chance, so that machines do not ask together.")
        .value(
            "forced_refresh_interval", [](auto& p) -> auto& { return p.cache.forced_refresh_interval; },
            duration(10s, 1h), "A token that the server refused is replaced at most so often.")
        .value(
            "failure_pause_min", [](auto& p) -> auto& { return p.cache.failure_pause_min; },
            duration(100ms, 10min), "After a network failure, before asking again; it doubles each time.")
        .value(
            "failure_pause_max", [](auto& p) -> auto& { return p.cache.failure_pause_max; }, duration(1s, 1h),
            "The longest such pause.")
        .value(
            "configuration_failure_pause",
            [](auto& p) -> auto& { return p.cache.configuration_failure_pause; }, duration(1s, 1h),
            "After a refusal that a human must repair (wrong secret, wrong tenant), before asking again.")
        .value(
            "configuration_failure_pause_max",
            [](auto& p) -> auto& { return p.cache.configuration_failure_pause_max; }, duration(1s, 24h),
            "The longest such pause while no mailbox asks.");
    return rows;
}

Table<File> file_table() {
    Table<File> table;
    table
        .value(
            "mailbox", [](auto& f) -> auto& { return f.short_form.mailbox; }, mail_address(),
            "Short form, for one mailbox: its address, which is also the default sender.")
        .value(
            "auth_user", [](auto& f) -> auto& { return f.short_form.auth_user; }, mail_address(),
            "Short form: the user name to log in with, if it is not the address.")
        .value(
            "provider", [](auto& f) -> auto& { return f.short_form.preset; }, provider_name(),
            "Short form: whose server it is; sets hosts, scope and limits.")
        .value(
            "tenant_id", [](auto& f) -> auto& { return f.short_form.tenant_id; }, tenant(),
            "Short form: from the overview page of the app registration.")
        .value(
            "client_id", [](auto& f) -> auto& { return f.short_form.client_id; }, client_id(),
            "Short form: from the same page.")
        .secret(
            "client_secret", [](auto& f) -> auto& { return f.short_form.client_secret; },
            "Short form: where the client secret is: its value, not its ID.")
        .value(
            "secret_expires", [](auto& f) -> auto& { return f.short_form.secret_expires; }, date(),
            "Short form: the day on which it ends, as the portal shows it: warnings come 30, 7 and 1 days "
            "before.");
    add_sender_keys(table, "Short form: ", [](auto& f) -> auto& { return f.short_form.senders; });
    table
        .list(
            "listen", [](auto& f) -> auto& { return f.settings.inbound.listen; }, endpoint(), listeners_max,
            "Where applications connect to. Beyond loopback, allow says who may.")
        .records(
            "listeners", [](auto& f) -> auto& { return f.settings.inbound.listeners; }, listener_table(),
            listeners_max,
            "Addresses about which there is more to say; one that `listen` does not have is opened too.")
        .list(
            "allow", [](auto& f) -> auto& { return f.settings.inbound.allow; }, address_block(),
            list_items_max, "Clients beyond this machine that may send; everybody else is refused.")
        .value(
            "hostname", [](auto& f) -> auto& { return f.settings.inbound.hostname; }, host_name(),
            "The name of this machine, as clients and Received fields see it. Default: the name that it "
            "has.");
    add_recipient_keys(table);
    table
        .value(
            "postmaster", [](auto& f) -> auto& { return f.settings.delivery.bounce.postmaster; },
            mail_address(),
            "Who is told of mail that cannot be delivered. Without it such mail is held, and nobody is told.")
        .value(
            "ca_file", [](auto& f) -> auto& { return f.settings.ca_file; }, absolute_path(),
            "CA certificates (PEM) trusted in addition to the system's, for the mail server and the token "
            "endpoint alike: for firewalls that re-sign TLS, and for test servers.")
        .section(
            "upstream", [](auto& f) -> auto& { return f.upstream; }, upstream_table(),
            "The mail server. The values shown are those of the provider m365; each provider has its own.")
        .section(
            "token", [](auto& f) -> auto& { return f.token; }, token_table(),
            "The token endpoint and the care of tokens. The values shown are those of m365.")
        .section(
            "inbound", [](auto& f) -> auto& { return f.settings.inbound; }, inbound_table(),
            "The side that applications talk to: certificate, users, limits.")
        .section(
            "queue", [](auto& f) -> auto& { return f.settings.queue; }, queue_table(),
            "The queue on the disk.")
        .section(
            "retry", [](auto& f) -> auto& { return f.settings.delivery.retry; }, retry_table(),
            "When a message is tried again.")
        .section(
            "pause", [](auto& f) -> auto& { return f.settings.delivery.pause; }, pause_table(),
            "When a mailbox in trouble is tried again. Its mail waits meanwhile and does not age.")
        .section(
            "bounces", [](auto& f) -> auto& { return f.settings.delivery.bounce; }, bounces_table(),
            "Who is told of mail that cannot be delivered (docs/bounces.md).")
        .section(
            "log", [](auto& f) -> auto& { return f.settings.log; }, log_table(),
            "The log, on standard error unless told otherwise.")
        .section(
            "admin", [](auto& f) -> auto& { return f.settings.admin; }, admin_table(),
            "The socket of the operator's commands.")
        .section(
            "alert", [](auto& f) -> auto& { return f.settings.alert; }, alert_table(),
            "Who is told when mail does not go, and when (docs/alerts.md).")
        .named(
            "credentials", &File::credentials, credential_table(),
            [](CredentialPart& part, const std::string& name) { part.name = name; },
            "Long form: applications in a tenant, each with a name. One can serve many mailboxes.")
        .named(
            "mailboxes", &File::mailboxes, mailbox_table(),
            [](MailboxPart& part, const std::string& name) { part.name = name; },
            "Long form: the mailboxes that submit, each with a name that the queue keeps.")
        .records("routes", &File::routes, route_table(), list_items_max,
                 "Which mailbox submits a message, for each of its recipients: the first route that fits. "
                 "One mailbox alone needs none.");
    return table;
}

UpstreamPart upstream_defaults(const provider::Preset& preset) {
    UpstreamPart part;
    part.server.host = preset.host;
    part.server.port = preset.port;
    part.server.starttls = preset.starttls;
    part.server.authentication = preset.authentication;
    part.server.dialect = preset.dialect;
    part.server.ehlo_name.clear();  // not given: our own name, which is not known here
    part.server.recipients_max = preset.recipients_max;
    part.server.pool.connections_max = preset.connections_max;
    part.server.pool.idle_timeout = preset.idle_timeout;
    part.server.pool.session_age_max = preset.session_age_max;
    part.server.pool.messages_per_session_max = preset.messages_per_session_max;
    part.delivery.dialect = preset.dialect;
    part.delivery.budget.messages_max = preset.messages_per_minute_max;
    return part;
}

TokenPart token_defaults(const provider::Preset& preset) {
    TokenPart part;
    part.client.authority = preset.authority;
    part.client.scope = preset.scope;
    part.cache.use_margin = preset.token_use_margin;
    return part;
}

}  // namespace mailramp::config
