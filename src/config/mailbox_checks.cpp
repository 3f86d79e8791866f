#include "config/mailbox_checks.h"

#include <array>
#include <chrono>
#include <string>

#include "config/known_servers.h"
#include "mailramp/route/cidr.h"

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration final_reply_min = 1min;  // a server under load may take as long

void check_tls(const upstream::ServerOptions& server, const MailboxPlaces& places, Report& report) {
    if (server.starttls != smtp::StartTls::none) return;
    const bool on_this_machine = server.host == "localhost" || upstream::is_loopback(server.host);
    if (server.authentication != smtp::Authentication::none)
        report.error(places.upstream("tls"), "a token never travels without TLS",
                     "tls: starttls; or authentication: none for a server on this machine");
    else if (!on_this_machine)
        report.error(places.upstream("tls"), "mail never leaves this machine without TLS",
                     "tls: starttls; none is for host localhost, 127.0.0.1 or ::1");
}

void check_circle(const upstream::ServerOptions& server, const std::vector<io::Endpoint>& listen,
                  const MailboxPlaces& places, Report& report) {
    const auto is_own = [&](std::string_view address) {
        return server.port != 0 && upstream::is_own_listener(address, server.port, listen);
    };
    const bool to_itself =
        server.host == "localhost" ? is_own("127.0.0.1") || is_own("::1") : is_own(server.host);
    if (to_itself)
        report.error(places.upstream("host"),
                     "mail would come back to this daemon, for `listen` has the same address",
                     "another host or port");
}

void check_family(const upstream::ServerOptions& server, const MailboxPlaces& places, Report& report) {
    const auto address = route::IpAddress::parse(server.host);
    if (!address || server.connect.family == io::Family::any) return;
    if (address->is_ipv4() != (server.connect.family == io::Family::ipv4))
        report.error(places.upstream("family"), server.host + " is no address of this family",
                     address->is_ipv4() ? "any or ipv4" : "any or ipv6");
}

// What is known of the server, if a token is to be given to it.
void check_provider(const MailboxSettings& mailbox, const MailboxPlaces& places, Report& report) {
    const upstream::ServerOptions& server = mailbox.server;
    const provider::Preset& preset = *mailbox.preset;
    if (server.starttls == smtp::StartTls::required)
        report.object(places.upstream("port"), objection_to_port(server.host, server.port, preset));
    if (server.authentication == smtp::Authentication::none) return;
    report.object(places.upstream("host"), objection_to_host(server.host, preset));
    report.object(places.address, objection_to_address(mailbox.address, preset));
    if (server.user != mailbox.address) report.object(places.user, objection_to_address(server.user, preset));
}

// The preset knows what the provider allows.
void check_provider_limits(const MailboxSettings& mailbox, const MailboxPlaces& places, Report& report) {
    const provider::Preset& preset = *mailbox.preset;
    const std::string says = "provider " + std::string(preset.name) + " allows for ";
    if (preset.dialect == provider::Dialect::any) return;
    if (mailbox.server.pool.connections_max > preset.connections_max)
        report.warn(
            places.upstream("connections_max"),
            says + std::to_string(preset.connections_max) +
                " connections of a mailbox; with more, it refuses this or another program that uses it");
    const std::size_t rate = mailbox.delivery.budget.messages_max;
    if (rate == 0 || rate > preset.messages_per_minute_max)
        report.warn(
            places.upstream("messages_per_minute_max"),
            says + std::to_string(preset.messages_per_minute_max) + " messages a minute of a mailbox");
    if (mailbox.server.recipients_max > preset.recipients_max)
        report.warn(places.upstream("recipients_max"),
                    says + std::to_string(preset.recipients_max) +
                        " recipients in a message unless changed: Set-Mailbox -Identity " + mailbox.address +
                        " -RecipientLimits " + std::to_string(mailbox.server.recipients_max));
}

// A time limit that another one always comes before was given for nothing.
void check_times(const MailboxSettings& mailbox, const MailboxPlaces& places, Report& report) {
    const upstream::ServerOptions& server = mailbox.server;
    struct Step {
        std::string_view key;
        base::Duration timeout;
    };
    // What happens before the content, for which attempt_timeout holds.
    const std::array<Step, 8> steps{{{"resolve_timeout", server.connect.resolve_timeout},
                                     {"connect_timeout", server.connect.address_timeout},
                                     {"banner_timeout", server.timeouts.banner_timeout},
                                     {"ehlo_timeout", server.timeouts.ehlo_timeout},
                                     {"starttls_timeout", server.timeouts.starttls_timeout},
                                     {"tls_timeout", server.timeouts.tls_timeout},
                                     {"auth_timeout", server.timeouts.auth_timeout},
                                     {"envelope_timeout", server.timeouts.envelope_timeout}}};
    for (const Step& step : steps)
        if (step.timeout > mailbox.delivery.attempt_timeout)
            report.never_reached(places.upstream(step.key), places.upstream("attempt_timeout"),
                                 "the attempt ends before");
    if (server.pool.idle_timeout > server.pool.session_age_max)
        report.never_reached(places.upstream("idle_timeout"), places.upstream("session_age_max"),
                             "the connection ends before");
    if (server.timeouts.body_end_timeout < final_reply_min)
        report.warn(places.upstream("body_end_timeout"),
                    "whoever gives up before the final reply sends the message again, and its recipients may "
                    "have it twice; RFC 5321 asks for 10m");
}

}  // namespace

void check_mailbox(const MailboxSettings& mailbox, const std::vector<io::Endpoint>& listen,
                   const MailboxPlaces& places, Report& report) {
    if (mailbox.server.host.empty())
        return report.missing(places.upstream("host"), "provider " + std::string(mailbox.preset->name) +
                                                           " knows no server; give its name");
    check_tls(mailbox.server, places, report);
    check_circle(mailbox.server, listen, places, report);
    check_family(mailbox.server, places, report);
    check_provider(mailbox, places, report);
    check_provider_limits(mailbox, places, report);
    check_times(mailbox, places, report);
}

}  // namespace mailramp::config
