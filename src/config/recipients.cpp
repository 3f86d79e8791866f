#include "config/recipients.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "mailramp/base/text.h"
#include "mailramp/inbound/alias_book.h"
#include "mailramp/mail/address.h"
#include "mailramp/route/cidr.h"

namespace mailramp::config {
namespace {

constexpr std::size_t names_max = 10'000;
constexpr std::size_t targets_max = 1000;  // of one name
constexpr std::size_t domains_max = 1000;
constexpr std::string_view place_of_keys = "in the configuration";

// One more name of this machine, if it is one and nobody else's.
void add_domain(Settings& settings, std::string_view domain) {
    std::vector<std::string>& known = settings.recipients.local_domains;
    const auto is_it = [domain](std::string_view other) { return base::equals_ignoring_case(domain, other); };
    const bool of_a_mailbox = std::ranges::any_of(settings.mailboxes, [&](const MailboxSettings& mailbox) {
        return is_it(mail::domain_of(mailbox.address));
    });
    if (mail_domain().read(std::string(domain)) && !of_a_mailbox && std::ranges::none_of(known, is_it))
        known.emplace_back(domain);
}

Path key_of(const Report& report, const std::string& name) {
    const Path key{"aliases", name};
    return report.has(key) ? key : Path{"aliases"};
}

}  // namespace

void add_recipient_keys(Table<File>& table) {
    table
        .named_lists(
            "aliases", [](auto& f) -> auto& { return f.settings.recipients.aliases; }, alias_name(),
            alias_target(), names_max, targets_max,
            [](const std::string& name, std::vector<std::string> targets) {
                return route::Alias{.name = route::alias_key(name),
                                    .targets = std::move(targets),
                                    .place = std::string(place_of_keys)};
            },
            "Who gets the mail for names without a domain and for users of this machine, such as root. A "
            "name without an alias is refused. \"*\" stands for every name that has none.")
        .value(
            "aliases_file", [](auto& f) -> auto& { return f.settings.aliases_file; }, absolute_path(),
            "A file with further aliases, in the form of aliases(5); it is read anew when it changes. What "
            "`aliases` says counts before it.")
        .list(
            "local_domains", [](auto& f) -> auto& { return f.settings.recipients.local_domains; },
            mail_domain(), domains_max,
            "Domains that are this machine, so that mail to root@localhost is mail to root. Default: these, "
            "and the machine's own name, short and in full, unless a mailbox has its address there.")
        .value(
            "qualify_domain", [](auto& f) -> auto& { return f.settings.delivery.qualify_domain; },
            mail_domain(),
            "Added to names without a domain in the fields To and Cc, as they leave: root becomes "
            "root@contoso.com. Who gets the mail does not depend on it. Without it those fields stay as they "
            "are.");
}

void choose_local_domains(Settings& settings, const Surroundings& surroundings, const Report& report) {
    if (report.has({"local_domains"})) return;
    for (const std::string& host : {settings.inbound.hostname, surroundings.hostname}) {
        if (route::IpAddress::parse(host)) continue;
        const std::string short_name = host.substr(0, host.find('.'));
        add_domain(settings, host);
        add_domain(settings, short_name);
        add_domain(settings, short_name + ".localdomain");
    }
}

void check_recipients(const Settings& settings, Report& report) {
    std::set<std::string> names;
    for (const route::Alias& alias : settings.recipients.aliases)
        if (!names.insert(alias.name).second)
            report.error({"aliases"}, "two names are " + in_quotes(alias.name) + " but for capital letters",
                         "one of them, with all of its addresses in a list");
    // What the file has may help.
    if (!settings.aliases_file.empty()) return;
    const route::Recipients recipients(settings.recipients);
    for (const route::DeadEnd& end : recipients.dead_ends())
        report.error(key_of(report, end.alias->name), end.text, alias_target().allowed());
}

void check_alias_file(const Settings& settings, Report& report) {
    if (settings.aliases_file.empty()) return;
    const Path key{"aliases_file"};
    auto reading = inbound::read_alias_file(settings.aliases_file);
    if (!reading) return report.error(key, reading.error().message);
    const route::Recipients in_use(settings.recipients, reading->file.aliases);
    for (std::string& remark : inbound::remarks_on(reading->file, settings.aliases_file, in_use))
        report.warn(key, std::move(remark));
}

}  // namespace mailramp::config
