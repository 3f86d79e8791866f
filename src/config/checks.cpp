#include "config/checks.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/recipients.h"
#include "config/value_types.h"
#include "mailramp/alert/webhook_url.h"
#include "mailramp/inbound/password_file.h"
#include "mailramp/io/tls.h"

namespace mailramp::config {
namespace {

std::string shown_size(std::uint64_t bytes) {
    return size(0, bytes).show(bytes);
}

std::string index(std::size_t i) {
    return "[" + std::to_string(i) + "]";
}

// The i-th entry of a list, or the key itself when one value stands in the place of the list.
Path entry_of(const Report& report, const std::string& key, std::size_t i) {
    const Path entry{key, index(i)};
    return report.has(entry) ? entry : Path{key};
}

// Where the i-th address that is listened on stands: in `listen`, or else in `listeners`.
Path key_of_listener(const Settings& settings, const Report& report, std::size_t i) {
    const auto& listeners = settings.inbound.listeners;
    const std::string shown = show_endpoint(settings.inbound.listen[i]);
    const bool in_list = report.has({"listen", index(i)}) || (report.has({"listen"}) && i == 0);
    for (std::size_t at = 0; !in_list && at < listeners.size(); ++at)
        if (show_endpoint(listeners[at].address) == shown) return {"listeners", index(at), "address"};
    return entry_of(report, "listen", i);
}

// Devices keep the password that Microsoft 365 took from them; some of them show it to everybody on the way.
void warn_of_open_passwords(const inbound::ListenerOptions& terms, const Path& key, const std::string& shown,
                            Report& report) {
    if (terms.auth != inbound::ListenerAuth::any || terms.tls == inbound::ListenerTls::implicit) return;
    report.warn(key,
                shown +
                    " takes any password from other machines, also without TLS, for everybody on the way "
                    "to read: set a made-up one in the programs, never the one of a mailbox; auth: users "
                    "takes passwords under TLS only");
}

void check_listen(const Settings& settings, Report& report) {
    const auto& listen = settings.inbound.listen;
    if (listen.empty())
        report.error({"listen"}, "there is nothing to listen on", "at least one address and port");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < listen.size(); ++i) {
        const Path key = key_of_listener(settings, report, i);
        const std::string shown = show_endpoint(listen[i]);
        if (listen[i].port != 0 && !seen.insert(shown).second) report.error(key, shown + " is given twice");
        const auto address = route::IpAddress::parse(listen[i].address);
        if (!address || address->is_loopback()) continue;
        if (settings.inbound.allow.empty() && report.is_empty({"allow"}))
            report.error(
                key, shown + " is open to other machines, and without `allow` everybody there could send",
                "allow: [10.0.0.0/8], with your clients' addresses; or listen on 127.0.0.1 and [::1] only");
        else if (listen[i].address == "0.0.0.0" || listen[i].address == "::")
            report.warn(key,
                        shown + " listens on every network of this machine; name one address if you can");
        warn_of_open_passwords(inbound::terms_for(settings.inbound, listen[i]), key, shown, report);
    }
}

void check_listener(const inbound::ListenerOptions& given, const inbound::Options& inbound, const Path& key,
                    Report& report) {
    using inbound::ListenerAuth;
    using inbound::ListenerTls;
    const inbound::ListenerOptions terms = inbound::terms_for(inbound, given.address);
    const auto address = route::IpAddress::parse(given.address.address);
    const bool beyond = address && !address->is_loopback();
    const bool has_users = terms.auth == ListenerAuth::users;
    const bool needs_login = terms.auth_need == smtp::AuthNeed::required;
    const bool has_tls = terms.tls != ListenerTls::none;
    const bool clear = terms.clear_passwords == inbound::ClearPasswords::allowed;
    if (has_users && inbound.auth_users_file.empty())
        report.error(key / "auth", "there is no file of users", "inbound: auth_users_file; or auth: any");
    if (needs_login && terms.auth == ListenerAuth::none)
        report.error(key / "auth_required", "nobody can log in with auth: none", "auth: users or any");
    if (needs_login && terms.auth == ListenerAuth::any)
        report.warn(key / "auth_required", "with auth: any, every name and password will do");
    if (has_users && beyond && !has_tls && !clear)
        report.error(key / "auth",
                     "nobody can log in: passwords from other machines are taken under TLS only",
                     "tls: starttls or implicit; or auth_without_tls: true");
    if (clear && !has_users) report.warn(key / "auth_without_tls", "not used, since auth is not users");
    if (clear && has_users && beyond)
        report.warn(key / "auth_without_tls", "passwords can be read by everybody on the way");
    if (terms.tls_versions != io::TlsVersions::legacy) return;
    if (!has_tls)
        report.error(key / "tls_legacy", "there is no TLS at all here", "tls: starttls or implicit");
    else
        report.warn(key / "tls_legacy", "TLS 1.0 and 1.1 are broken; use them on a network of your own only");
}

void check_listeners(const Settings& settings, Report& report) {
    const auto& listeners = settings.inbound.listeners;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const Path key{"listeners", index(i)};
        const std::string shown = show_endpoint(listeners[i].address);
        if (listeners[i].address.address.empty()) continue;  // said already
        if (!seen.insert(shown).second) report.error(key / "address", shown + " is given twice");
        check_listener(listeners[i], settings.inbound, key, report);
    }
    if (!settings.inbound.certificate_key.empty() && settings.inbound.certificate.empty())
        report.error({"inbound", "certificate_key"}, "there is no certificate to it", "inbound: certificate");
}

void check_allow(const Settings& settings, Report& report) {
    const auto& allow = settings.inbound.allow;
    for (std::size_t i = 0; i < allow.size(); ++i)
        if (allow[i].is_everything())
            report.error(entry_of(report, "allow", i),
                         allow[i].text() + " lets the whole world send through your mailbox",
                         "your clients' addresses, as 10.0.0.0/8");
}

void check_sizes(const Settings& settings, Report& report) {
    const auto& inbound = settings.inbound;
    const Path message{"inbound", "message_size_max"};
    if (inbound.message_bytes_max > settings.queue.size_bytes_max)
        report.wrong_order(message, {"queue", "size_max"}, "the queue could not hold one such message");
    if (inbound.header_bytes_max > inbound.message_bytes_max)
        report.wrong_order({"inbound", "header_size_max"}, message,
                           "a header section is part of its message");
    if (inbound.sessions_per_client_max > inbound.sessions_max)
        report.never_reached({"inbound", "sessions_per_client_max"}, {"inbound", "sessions_max"},
                             "no more clients are let in");
    if (settings.queue.wal_checkpoint_bytes > settings.queue.wal_bytes_max)
        report.wrong_order({"queue", "wal_checkpoint_size"}, {"queue", "wal_size_max"},
                           "the log would be full before it is carried over");
    for (const MailboxSettings& mailbox : settings.mailboxes) {
        const provider::Preset& preset = *mailbox.preset;
        if (preset.dialect == provider::Dialect::any || inbound.message_bytes_max <= preset.size_bytes_max)
            continue;
        report.warn(message, "a mailbox of provider " + std::string(preset.name) + " takes messages of " +
                                 shown_size(preset.size_bytes_max) +
                                 " unless changed: Set-Mailbox -Identity " + mailbox.address +
                                 " -MaxSendSize " + shown_size(inbound.message_bytes_max));
        return;
    }
}

void check_delays(const Settings& settings, Report& report) {
    const auto& retry = settings.delivery.retry;
    const auto& pause = settings.delivery.pause;
    const Path rest_min{"pause", "rest_min"};
    if (retry.first_delay > retry.delay_max)
        report.wrong_order({"retry", "first_delay"}, {"retry", "delay_max"},
                           "delays grow from one to the other");
    if (retry.expiry_attempts_min > retry.attempts_max)
        report.wrong_order({"retry", "expiry_attempts_min"}, {"retry", "attempts_max"},
                           "so many attempts are never made");
    if (retry.uncertain_attempts_max > retry.attempts_max)
        report.never_reached({"retry", "uncertain_attempts_max"}, {"retry", "attempts_max"},
                             "more attempts are never made");
    if (pause.crowded_delay_min > pause.crowded_delay_max)
        report.wrong_order({"pause", "crowded_delay_min"}, {"pause", "crowded_delay_max"},
                           "the delay lies between them");
    if (pause.rest_min > pause.unreachable_rest_max)
        report.wrong_order(rest_min, {"pause", "unreachable_rest_max"},
                           "the rest doubles from one to the other");
    if (pause.rest_min > pause.refused_rest_max)
        report.wrong_order(rest_min, {"pause", "refused_rest_max"}, "the rest doubles from one to the other");
}

void check_admin(const Settings& settings, Report& report) {
    if (settings.admin.socket.native().size() >= sizeof(sockaddr_un::sun_path))
        report.error({"admin", "socket"}, "the path is too long for a Unix socket",
                     "at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " octets");
    // Only who may write to a socket can connect to it.
    const Path mode{"admin", "mode"};
    if ((settings.admin.socket_mode & S_IWUSR) == 0)
        report.error(mode, "not even the daemon's own user could ask it anything", "allowed: 0600 or 0660");
    else if (!settings.admin.group.empty() && (settings.admin.socket_mode & S_IWGRP) == 0)
        report.error(mode, "the group " + settings.admin.group + " could not use the socket",
                     "0660; or leave group out");
}

void check_alert(const Settings& settings, Report& report) {
    const alert::Options& alert = settings.alert;
    const Path exec{"alert", "exec"};
    if (!alert.exec.empty()) {
        const std::string& program = alert.exec.front();
        if (!program.starts_with('/'))
            report.error(exec, in_quotes(program) + " does not begin with a slash",
                         "an absolute path, as [/usr/local/bin/notify, --urgent]");
        else if (alert.exec.size() == 1 && program.find(' ') != std::string::npos)
            report.error(exec, "no shell reads this, so it is one word with blanks in it",
                         "a list, as [/usr/local/bin/notify, --urgent]");
    }
    if (alert.outbox.retry_delay > alert.outbox.retry_delay_max)
        report.wrong_order({"alert", "retry_delay"}, {"alert", "retry_delay_max"},
                           "the delay doubles from one to the other");
    if (alert.thresholds.disk_free_bytes_min != 0 &&
        alert.thresholds.disk_free_bytes_min < settings.queue.disk_free_bytes_min)
        report.warn({"alert", "disk_free_min"},
                    "new mail is refused already when less than queue.disk_free_min is free: the alert would "
                    "come too late");
    if (alert.webhook.place == oauth::SecretPlace::configuration)
        if (const auto good = alert::check_webhook_url(alert.webhook.value.reveal()); !good)
            report.error({"alert", "webhook"}, good.error().message,
                         "https://…, or {file: …}, {credential: …}, {env: …} with such a URL in it");
}

// Where alerts go is tried when the first is sent; what can be seen now is.
void check_alert_references(const alert::Options& alert, Report& report) {
    if (alert.webhook.place != oauth::SecretPlace::none) {
        const auto url = oauth::load_secret(alert.webhook);
        const auto good = url ? alert::check_webhook_url(url->reveal()) : std::unexpected(url.error());
        if (!good) report.error({"alert", "webhook"}, good.error().message);
    }
    if (alert.exec.empty()) return;
    const std::string& program = alert.exec.front();
    struct stat found{};
    if (::stat(program.c_str(), &found) != 0)
        report.error({"alert", "exec"}, base::system_error(in_quotes(program), errno).message);
    else if (!S_ISREG(found.st_mode) || ::access(program.c_str(), X_OK) != 0)
        report.error({"alert", "exec"},
                     in_quotes(program) + " is no program that this user may run: chmod 755 " + program);
}

bool takes_everything(const route::Match& match) {
    return match.senders.empty() && match.header_froms.empty() && match.clients.empty() &&
           match.listeners.empty() && match.recipient_domains.empty();
}

// A list without entries would let everything through, which nobody means by it.
void check_conditions(const Path& match, Report& report) {
    for (const char* const key : {"sender", "header_from", "client", "listener", "recipient_domain"})
        if (report.has(match / key) && report.is_empty(match / key))
            report.error(match / key, "the list is empty", "what must fit; or leave the line out");
}

void check_routes(const Settings& settings, Report& report) {
    std::set<std::string> listeners;
    for (const io::Endpoint& endpoint : settings.inbound.listen)
        listeners.insert(show_endpoint(endpoint));
    std::set<std::string> names;
    const std::string* catch_all = nullptr;
    const auto& rules = settings.route.rules;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const Path key{"routes", index(i)};
        if (!names.insert(rules[i].name).second)
            report.error(key / "name", "another route has the name " + in_quotes(rules[i].name));
        check_conditions(key / "match", report);
        for (const std::string& listener : rules[i].match.listeners)
            if (!listeners.contains(listener))
                report.error(key / "match" / "listener", listener + " is not an address of `listen`",
                             "allowed: " + joined({listeners.begin(), listeners.end()}));
        if (catch_all != nullptr)
            report.warn(key, "no message gets here, since route " + *catch_all + " takes everything");
        else if (takes_everything(rules[i].match))
            catch_all = &rules[i].name;
    }
    if (!rules.empty() && catch_all == nullptr)
        report.warn({"routes"}, "what no route takes is refused; a last route without `match` would take it");
}

Path secret_key(const Report& report, const std::string& credential) {
    return report.first_given({{"credentials", credential, "client_secret"}, {"client_secret"}});
}

// The daemon would not start without them.
void check_inbound_files(const inbound::Options& inbound, Report& report) {
    if (!inbound.auth_users_file.empty())
        if (const auto users = inbound::PasswordFile::load(inbound.auth_users_file); !users)
            report.error({"inbound", "auth_users_file"}, users.error().message);
    if (inbound.certificate.empty()) return;
    const bool in_one_file = inbound.certificate_key.empty();
    const auto tls = io::TlsServer::from_files(inbound.certificate,
                                               in_one_file ? inbound.certificate : inbound.certificate_key);
    if (!tls) report.error({"inbound", "certificate"}, tls.error().message);
}

}  // namespace

void check_settings(const Settings& settings, Report& report) {
    check_listen(settings, report);
    check_listeners(settings, report);
    check_allow(settings, report);
    check_sizes(settings, report);
    check_delays(settings, report);
    check_admin(settings, report);
    check_alert(settings, report);
    check_routes(settings, report);
    check_recipients(settings, report);
}

void check_references(const Settings& settings, Report& report) {
    for (const CredentialSettings& credential : settings.credentials) {
        if (credential.client.secret.place == oauth::SecretPlace::none) continue;
        const auto secret = oauth::load_secret(credential.client.secret);
        const Path key = secret_key(report, credential.name);
        if (!secret)
            report.error(key, secret.error().message);
        else if (credential.client.secret.place != oauth::SecretPlace::configuration &&
                 is_guid(secret->reveal()))
            report.warn(
                key,
                "the secret looks like the ID that the portal shows beside it; what is needed is its value");
    }
    check_alert_references(settings.alert, report);
    if (!settings.admin.group.empty())
        if (const auto group = admin::find_group(settings.admin.group); !group)
            report.error({"admin", "group"}, group.error().message);
    check_alias_file(settings, report);
    check_inbound_files(settings.inbound, report);
    if (settings.ca_file.empty()) return;
    const auto tls = io::TlsClient::create({settings.ca_file});
    if (!tls) report.error({"ca_file"}, tls.error().message);
}

}  // namespace mailramp::config
