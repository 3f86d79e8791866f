#include "mailramp/config/load.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string short_form =
    "mailbox: alerts@contoso.com\n"
    "tenant_id: 5e3ce6c0-2b1f-4285-8d4b-75ee78787346\n"
    "client_id: 11112222-bbbb-3333-cccc-4444dddd5555\n"
    "client_secret: {file: /etc/mailramp/client_secret}\n";

const std::string credential =
    "credentials:\n"
    "  contoso:\n"
    "    tenant_id: contoso.com\n"
    "    client_id: 11112222-bbbb-3333-cccc-4444dddd5555\n"
    "    client_secret: {credential: client_secret}\n";

Settings good(const std::string& text) {
    LoadResult loaded = load_text(text, {"relay.contoso.com"});
    EXPECT_TRUE(loaded) << render_errors("f", loaded ? std::vector<ConfigError>{} : loaded.error());
    return loaded ? std::move(*loaded) : Settings{};
}

std::string warnings_of(const std::string& text) {
    return render_warnings("f", good(text).warnings);
}

std::string errors_of(const std::string& text) {
    const LoadResult loaded = load_text(text, {"relay.contoso.com"});
    return loaded ? "" : render_errors("f", loaded.error());
}

TEST(RecipientKeys, AreReadIntoAliases) {
    const Settings settings =
        good(short_form +
             "aliases: {Root: ops@contoso.com, backup: [root, '\"x y\"'], \"*\": root, '\"x y\"': root}\n"
             "aliases_file: /etc/aliases\n"
             "qualify_domain: contoso.com\n");
    const route::Recipients recipients(settings.recipients);
    for (const char* const name : {"root", "backup", "anybody", "root@localhost"})
        EXPECT_EQ(recipients.resolve(name).value(), std::vector<std::string>{"ops@contoso.com"}) << name;
    EXPECT_EQ(settings.aliases_file, "/etc/aliases");
    EXPECT_EQ(settings.delivery.qualify_domain, "contoso.com");
}

TEST(RecipientKeys, TakeTheNamesOfTheMachineForItsOwnButNoDomainOfAMailbox) {
    EXPECT_THAT(
        good(short_form).recipients.local_domains,
        ElementsAre("localhost", "localhost.localdomain", "relay.contoso.com", "relay", "relay.localdomain"));
    EXPECT_THAT(good(short_form + "hostname: Contoso.com\n").recipients.local_domains,
                ElementsAre("localhost", "localhost.localdomain", "Contoso", "Contoso.localdomain",
                            "relay.contoso.com", "relay", "relay.localdomain"));
    EXPECT_THAT(good(short_form + "hostname: 10.0.0.1\n").recipients.local_domains, Contains("relay"));
    EXPECT_THAT(good(short_form + "local_domains: web1\n").recipients.local_domains, ElementsAre("web1"));
}

TEST(RecipientKeys, MayLeadToAnAliasOfTheFile) {
    EXPECT_EQ(errors_of(short_form + "aliases: {root: admin}\naliases_file: /etc/aliases\n"), "");
    EXPECT_THAT(errors_of(short_form + "aliases: {root: admin}\n"), HasSubstr("has no alias"));
}

class AliasFileKey : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "mailramp-config-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
        std::ofstream(folder / "secret") << "s3cret~value";
        std::filesystem::permissions(folder / "secret", std::filesystem::perms::owner_read);
    }
    void TearDown() override { std::filesystem::remove_all(folder); }

    LoadResult load_with(const std::string& more) {
        std::ofstream(folder / "mailramp.yaml")
            << "mailbox: alerts@contoso.com\ntenant_id: contoso.com\n"
            << "client_id: 11112222-bbbb-3333-cccc-4444dddd5555\n"
            << "client_secret: {file: " << (folder / "secret").string() << "}\n"
            << "admin: {group: \"\"}\n"
            << "aliases_file: " << (folder / "aliases").string() << "\n"
            << more;
        return load(folder / "mailramp.yaml");
    }

    std::filesystem::path folder;
};

TEST_F(AliasFileKey, NamesAFileThatMustBeReadable) {
    const LoadResult loaded = load_with("");
    ASSERT_FALSE(loaded);
    ASSERT_EQ(loaded.error().size(), 1u);
    EXPECT_EQ(loaded.error()[0].line, 6);
    EXPECT_EQ(
        loaded.error()[0].what,
        (folder / "aliases").string() + ": No such file or directory; create it, or leave aliases_file out");
}

TEST_F(AliasFileKey, WarnsOfLinesThatDoNotDoWhatTheyShould) {
    std::ofstream(folder / "aliases")
        << "root: ops@contoso.com\nmailman: |/x\nno alias\nwww: nobody\nok: inside\n";
    const LoadResult loaded = load_with("aliases: {inside: root, outside: nowhere}\n");
    ASSERT_TRUE(loaded);
    const std::string told = render_warnings("f", loaded->warnings);
    EXPECT_THAT(
        told, AllOf(HasSubstr("aliases:2: mailman leads to a program"), HasSubstr("aliases:3: \"no alias\""),
                    HasSubstr("aliases:4: www leads to nobody"),
                    HasSubstr("in the configuration: outside leads to nowhere"), Not(HasSubstr("inside"))));
    EXPECT_EQ(loaded->warnings.size(), 4u);
}

TEST(ShortForm, NeedsFourLinesForAMailboxOnMicrosoft365) {
    const Settings settings = good(short_form);
    ASSERT_EQ(settings.mailboxes.size(), 1u);
    const MailboxSettings& mailbox = settings.mailboxes[0];
    EXPECT_EQ(mailbox.name, "default");
    EXPECT_EQ(mailbox.address, "alerts@contoso.com");
    EXPECT_EQ(mailbox.credential, "default");
    EXPECT_EQ(mailbox.preset->name, "m365");
    EXPECT_EQ(mailbox.server.mailbox, "default");
    EXPECT_EQ(mailbox.server.user, "alerts@contoso.com");
    EXPECT_EQ(mailbox.server.host, "smtp.office365.com");
    EXPECT_EQ(mailbox.server.port, 587);
    EXPECT_EQ(mailbox.server.starttls, smtp::StartTls::required);
    EXPECT_EQ(mailbox.server.authentication, smtp::Authentication::xoauth2);
    EXPECT_EQ(mailbox.server.dialect, provider::Dialect::exchange_online);
    EXPECT_EQ(mailbox.server.ehlo_name, "relay.contoso.com");
    EXPECT_EQ(mailbox.server.pool.connections_max, 2u);
    EXPECT_EQ(mailbox.delivery.name, "default");
    EXPECT_EQ(mailbox.delivery.budget.messages_max, 30u);
    EXPECT_EQ(mailbox.delivery.budget.connections_max, 2u);
    EXPECT_EQ(mailbox.delivery.recipients_max, mailbox.server.recipients_max);
    EXPECT_EQ(mailbox.delivery.names.mailbox, "alerts@contoso.com");
    EXPECT_EQ(mailbox.delivery.names.app_id, "11112222-bbbb-3333-cccc-4444dddd5555");
    EXPECT_EQ(mailbox.delivery.names.tenant, "5e3ce6c0-2b1f-4285-8d4b-75ee78787346");
    EXPECT_TRUE(upstream::check(mailbox.server));

    ASSERT_EQ(settings.credentials.size(), 1u);
    const oauth::ClientCredentialsOptions& client = settings.credentials[0].client;
    EXPECT_EQ(settings.credentials[0].name, "default");
    EXPECT_EQ(client.authority, "https://login.microsoftonline.com");
    EXPECT_EQ(client.scope, "https://outlook.office365.com/.default");
    EXPECT_EQ(client.tenant, "5e3ce6c0-2b1f-4285-8d4b-75ee78787346");
    EXPECT_EQ(client.client_id, "11112222-bbbb-3333-cccc-4444dddd5555");
    EXPECT_EQ(client.secret.place, oauth::SecretPlace::file);
    EXPECT_EQ(client.secret.name, "/etc/mailramp/client_secret");

    ASSERT_EQ(settings.route.rules.size(), 1u);
    EXPECT_EQ(settings.route.rules[0].name, "default");
    EXPECT_EQ(settings.route.rules[0].mailbox, "default");
    EXPECT_EQ(settings.inbound.hostname, "relay.contoso.com");
    EXPECT_EQ(settings.inbound.listen.size(), 2u);
    EXPECT_TRUE(settings.warnings.empty());
}

TEST(ShortForm, TakesEveryValueOfASetupInstruction) {
    const Settings settings = good(short_form +
                                   "auth_user: erp@contoso.com\n"
                                   "upstream:\n"
                                   "  host: smtp.office365.com\n"
                                   "  port: 587\n"
                                   "  tls: starttls\n"
                                   "  authentication: xoauth2\n");
    EXPECT_EQ(settings.mailboxes[0].server.user, "erp@contoso.com");
    EXPECT_EQ(settings.mailboxes[0].address, "alerts@contoso.com");
}

TEST(Listeners, WarnOfPasswordsThatCanBeReadOnTheWay) {
    const auto told = [](const std::string& listener) {
        return warnings_of(short_form + "allow: [192.0.2.0/24]\nlisteners:\n  - " + listener + "\n");
    };
    EXPECT_THAT(
        told("{address: \"192.0.2.1:25\"}"),
        HasSubstr("listeners[0].address: warning: 192.0.2.1:25 takes any password from other machines"));
    for (const char* safe : {"{address: \"192.0.2.1:465\"}", "{address: \"192.0.2.1:25\", auth: none}",
                             "{address: \"127.0.0.1:2525\", tls: starttls}"})
        EXPECT_EQ(told(safe), "") << safe;
}

TEST(Listeners, AreOpenedInAdditionToListen) {
    const Settings settings =
        good(short_form +
             "listeners:\n"
             "  - {address: \"[::1]:25\", auth: none}\n"
             "  - {address: \"127.0.0.1:465\", auth_required: true, tls_legacy: true}\n");
    std::vector<std::string> opened;
    for (const io::Endpoint& endpoint : settings.inbound.listen)
        opened.push_back(endpoint.address + " " + std::to_string(endpoint.port));
    EXPECT_THAT(opened, ::testing::ElementsAre("127.0.0.1 25", "::1 25", "127.0.0.1 465"));
    const inbound::ListenerOptions old = inbound::terms_for(settings.inbound, {"127.0.0.1", 465});
    EXPECT_EQ(old.tls, inbound::ListenerTls::implicit);
    EXPECT_EQ(old.tls_versions, io::TlsVersions::legacy);
    EXPECT_EQ(old.auth_need, smtp::AuthNeed::required);
    EXPECT_EQ(inbound::terms_for(settings.inbound, {"::1", 25}).auth, inbound::ListenerAuth::none);
    const std::string warnings = render_warnings("f", settings.warnings);
    EXPECT_THAT(warnings, HasSubstr("listeners[1].auth_required: warning: with auth: any, every name"));
    EXPECT_THAT(warnings, HasSubstr("listeners[1].tls_legacy: warning: TLS 1.0 and 1.1 are broken"));
}

TEST(Listeners, MayTakeThePlaceOfListen) {
    const Settings settings = good(short_form + "listen: []\nlisteners: [{address: \"127.0.0.1:587\"}]\n");
    ASSERT_EQ(settings.inbound.listen.size(), 1u);
    EXPECT_EQ(settings.inbound.listen[0].port, 587);
}

TEST(ShortForm, NeedsNoCredentialForAServerThatAsksForNone) {
    const Settings settings = good(
        "mailbox: alerts@contoso.com\nprovider: custom\n"
        "upstream: {host: 127.0.0.1, port: 2525, tls: none, authentication: none}\n");
    EXPECT_TRUE(settings.credentials.empty());
    EXPECT_EQ(settings.mailboxes[0].credential, "");
    EXPECT_EQ(settings.mailboxes[0].server.starttls, smtp::StartTls::none);
    EXPECT_TRUE(upstream::check(settings.mailboxes[0].server));
}

TEST(ShortForm, UsesThePresetOfAnotherCloud) {
    const Settings settings = good(short_form + "provider: m365-gcch\n");
    EXPECT_EQ(settings.mailboxes[0].server.host, "smtp.office365.us");
    EXPECT_EQ(settings.credentials[0].client.authority, "https://login.microsoftonline.us");
    EXPECT_EQ(settings.credentials[0].client.scope, "https://outlook.office365.us/.default");
}

TEST(LongForm, ServesSeveralMailboxesWithOneCredential) {
    const Settings settings = good(credential +
                                   "mailboxes:\n"
                                   "  alerts: {address: alerts@contoso.com}\n"
                                   "  erp: {address: erp@contoso.com, credentials: [contoso]}\n"
                                   "routes:\n"
                                   "  - name: from-erp\n"
                                   "    match:\n"
                                   "      sender: [\"erp@contoso.com\", \"*@erp.contoso.com\"]\n"
                                   "      header_from: \"*@erp.contoso.com\"\n"
                                   "      client: 10.0.0.0/8\n"
                                   "      listener: \"[::1]:25\"\n"
                                   "      recipient_domain: contoso.com\n"
                                   "    mailbox: erp\n"
                                   "  - mailbox: alerts\n");
    ASSERT_EQ(settings.mailboxes.size(), 2u);
    EXPECT_EQ(settings.mailboxes[0].credential, "contoso");
    EXPECT_EQ(settings.mailboxes[1].credential, "contoso");
    ASSERT_EQ(settings.route.rules.size(), 2u);
    const route::Rule& rule = settings.route.rules[0];
    EXPECT_EQ(rule.name, "from-erp");
    EXPECT_EQ(rule.mailbox, "erp");
    EXPECT_EQ(rule.match.senders, (std::vector<std::string>{"erp@contoso.com", "*@erp.contoso.com"}));
    EXPECT_EQ(rule.match.header_froms, std::vector<std::string>{"*@erp.contoso.com"});
    EXPECT_EQ(rule.match.clients, std::vector<route::Cidr>{*route::Cidr::parse("10.0.0.0/8")});
    EXPECT_EQ(rule.match.listeners, std::vector<std::string>{"[::1]:25"});
    EXPECT_EQ(rule.match.recipient_domains, std::vector<std::string>{"contoso.com"});
    EXPECT_EQ(settings.route.rules[1].name, "route-2");
    EXPECT_TRUE(settings.warnings.empty());
}

TEST(LongForm, ServesTwoTenants) {
    const Settings settings =
        good(credential +
             "  fabrikam:\n"
             "    tenant_id: fabrikam.com\n"
             "    client_id: 99992222-bbbb-3333-cccc-4444dddd5555\n"
             "    client_secret: {file: /etc/mailramp/fabrikam}\n"
             "mailboxes:\n"
             "  a: {address: a@contoso.com, credentials: contoso}\n"
             "  b: {address: b@fabrikam.com, credentials: fabrikam}\n"
             "routes: [{match: {sender: \"*@fabrikam.com\"}, mailbox: b}, {mailbox: a}]\n");
    EXPECT_EQ(settings.mailboxes[0].delivery.names.tenant, "contoso.com");
    EXPECT_EQ(settings.mailboxes[1].delivery.names.tenant, "fabrikam.com");
    EXPECT_EQ(settings.credentials[1].client.secret.name, "/etc/mailramp/fabrikam");
}

TEST(Layers, LieOnEachOtherFromPresetToMailbox) {
    const Settings settings =
        good(credential +
             "    token: {total_timeout: 20s}\n"
             "token: {total_timeout: 40s, proxy: \"http://proxy:3128\"}\n"
             "upstream: {connections_max: 3, idle_timeout: 10s, ehlo_name: shared.contoso.com}\n"
             "mailboxes:\n"
             "  a: {address: a@contoso.com}\n"
             "  b:\n"
             "    address: b@contoso.com\n"
             "    upstream: {connections_max: 1, messages_per_minute_max: 10, family: ipv4}\n"
             "routes: [{mailbox: a}]\n");
    const auto& a = settings.mailboxes[0];
    const auto& b = settings.mailboxes[1];
    EXPECT_EQ(a.server.pool.connections_max, 3u);
    EXPECT_EQ(a.delivery.budget.connections_max, 3u);
    EXPECT_EQ(b.server.pool.connections_max, 1u);
    EXPECT_EQ(b.delivery.budget.connections_max, 1u);
    EXPECT_EQ(a.delivery.budget.messages_max, 30u);
    EXPECT_EQ(b.delivery.budget.messages_max, 10u);
    EXPECT_EQ(b.server.pool.idle_timeout, 10s);
    EXPECT_EQ(b.server.connect.family, io::Family::ipv4);
    EXPECT_EQ(a.server.connect.family, io::Family::any);
    EXPECT_EQ(b.server.ehlo_name, "shared.contoso.com");
    EXPECT_EQ(b.server.host, "smtp.office365.com");
    EXPECT_EQ(settings.credentials[0].client.total_timeout, 20s);
    EXPECT_EQ(settings.credentials[0].client.proxy, "http://proxy:3128");
}

TEST(Layers, ReportAMistakeInASharedSectionOnce) {
    EXPECT_EQ(errors_of(credential + "upstream: {port: x}\n"
                                     "mailboxes: {a: {address: a@contoso.com}, b: {address: b@contoso.com}}\n"
                                     "routes: [{mailbox: a}]\n"),
              "f:6:18: upstream.port: \"x\" is not a decimal integer; allowed: an integer of 1 to 65535\n");
}

TEST(Sections, ReachTheOptionsOfTheirAreas) {
    const Settings settings =
        good(short_form +
             "listen: [127.0.0.1:2525, \"10.0.0.1:25\"]\n"
             "allow: [10.0.0.0/8, \"2001:db8::/32\"]\n"
             "hostname: mail.contoso.com\n"
             "ca_file: /etc/mailramp/ca.pem\n"
             "inbound: {message_size_max: 10MB, command_timeout: 90s, listen_backlog: 7}\n"
             "queue: {directory: /srv/queue, inline_size_max: 32KiB, secure_delete: true}\n"
             "retry: {first_delay: 90s, factor: 1.5, age_max: 2d, uncertain_delay: 7m, "
             "uncertain_attempts_max: 4}\n"
             "pause: {first_probe: 30s}\n"
             "log: {level: debug, format: json}\n"
             "admin: {socket: /run/x.sock, mode: 0620, group: adm}\n"
             "token: {refresh_margin: 20m, refresh_jitter: 0.2}\n");
    EXPECT_EQ(settings.inbound.listen[1].address, "10.0.0.1");
    EXPECT_EQ(settings.inbound.allow.size(), 2u);
    EXPECT_EQ(settings.inbound.hostname, "mail.contoso.com");
    EXPECT_EQ(settings.mailboxes[0].server.ehlo_name, "mail.contoso.com");
    EXPECT_EQ(settings.ca_file, "/etc/mailramp/ca.pem");
    EXPECT_EQ(settings.inbound.message_bytes_max, 10'000'000u);
    EXPECT_EQ(settings.inbound.command_timeout, 90s);
    EXPECT_EQ(settings.inbound.listen_backlog, 7);
    EXPECT_EQ(settings.queue.directory, "/srv/queue");
    EXPECT_EQ(settings.queue.inline_bytes_max, 32u * 1024);
    EXPECT_TRUE(settings.queue.secure_delete);
    EXPECT_EQ(settings.queue.unsent_delay, 90s);
    EXPECT_EQ(settings.delivery.retry.factor, 1.5);
    EXPECT_EQ(settings.delivery.retry.age_max, 48h);
    EXPECT_EQ(settings.delivery.retry.uncertain_delay, 7min);
    EXPECT_EQ(settings.queue.uncertain_delay, 7min);
    EXPECT_EQ(settings.delivery.retry.uncertain_attempts_max, 4u);
    EXPECT_EQ(settings.queue.uncertain_attempts_max, 4u);
    EXPECT_EQ(settings.delivery.pause.first_probe, 30s);
    EXPECT_EQ(settings.log.level, base::LogLevel::debug);
    EXPECT_EQ(settings.log.format, base::LogFormat::json);
    EXPECT_EQ(settings.admin.socket, "/run/x.sock");
    EXPECT_EQ(settings.admin.socket_mode, 0620u);
    EXPECT_EQ(settings.admin.group, "adm");
    EXPECT_EQ(settings.credentials[0].cache.refresh_margin, 20min);
    EXPECT_EQ(settings.credentials[0].cache.refresh_jitter, 0.2);
}

TEST(Alert, TakesAUrlAsItIsOrThePlaceOfOneAndACommandOfWords) {
    const Settings in_place = good(short_form + "alert: {webhook: \"https://a.example/x\", exec: /bin/b}\n");
    EXPECT_EQ(in_place.alert.webhook.place, oauth::SecretPlace::configuration);
    EXPECT_EQ(in_place.alert.webhook.value.reveal(), "https://a.example/x");
    EXPECT_THAT(in_place.alert.exec, ::testing::ElementsAre("/bin/b"));
    const Settings elsewhere =
        good(short_form + "alert: {webhook: {file: /etc/url}, exec: [/bin/b, \"c d\"], queue_age: 30m}\n");
    EXPECT_EQ(elsewhere.alert.webhook.place, oauth::SecretPlace::file);
    EXPECT_EQ(elsewhere.alert.webhook.name, "/etc/url");
    EXPECT_THAT(elsewhere.alert.exec, ::testing::ElementsAre("/bin/b", "c d"));
    EXPECT_EQ(elsewhere.alert.thresholds.queue_age_max, 30min);
    EXPECT_THAT(warnings_of(short_form + "alert: {disk_free_min: 1MiB}\n"), HasSubstr("would come too late"));
}

TEST(SecretExpires, IsTheBeginningOfADayInBothForms) {
    constexpr base::WallTime day = std::chrono::sys_days(std::chrono::year(2027) / 3 / 1);
    EXPECT_EQ(good(short_form + "secret_expires: 2027-03-01\n").credentials.at(0).secret_expires, day);
    EXPECT_EQ(good(credential + "    secret_expires: 2027-03-01\nmailboxes: {a: {address: a@b.de}}\n")
                  .credentials.at(0)
                  .secret_expires,
              day);
    EXPECT_FALSE(good(short_form).credentials.at(0).secret_expires);
}

TEST(Hostname, FallsBackToLocalhostWhenTheMachineHasNone) {
    EXPECT_EQ(load_text(short_form, {""})->inbound.hostname, "localhost");
    EXPECT_EQ(load_text(short_form, {"(none)"})->inbound.hostname, "localhost");
}

TEST(Warnings, NameWhatWorksButShouldBeChanged) {
    const std::string without_secret = short_form.substr(0, short_form.find("client_secret"));
    EXPECT_THAT(warnings_of(without_secret + "client_secret: {value: geheim}\n"),
                HasSubstr("f:4:1: client_secret: warning: the secret stands in the configuration itself"));
    EXPECT_THAT(warnings_of(without_secret + "client_secret: {env: CLIENT_SECRET}\n"),
                HasSubstr("an environment is often readable"));
    EXPECT_THAT(
        warnings_of(without_secret + "client_secret: {value: 11112222-bbbb-3333-cccc-4444dddd5555}\n"),
        HasSubstr("looks like the secret's ID"));
    EXPECT_THAT(warnings_of(short_form + "listen: 0.0.0.0:25\nallow: 10.0.0.0/8\n"),
                HasSubstr("f:5:9: listen: warning: 0.0.0.0:25 listens on every network"));
    EXPECT_THAT(warnings_of(short_form + "upstream: {connections_max: 4}\n"),
                HasSubstr("upstream.connections_max: warning: provider m365 allows for 2 connections"));
    EXPECT_THAT(warnings_of(short_form + "upstream: {messages_per_minute_max: 0}\n"),
                HasSubstr("provider m365 allows for 30 messages a minute"));
    EXPECT_THAT(warnings_of(short_form + "inbound: {message_size_max: 100MB}\n"),
                HasSubstr("takes messages of 35MB unless changed: Set-Mailbox -Identity alerts@contoso.com "
                          "-MaxSendSize 100MB"));
    EXPECT_THAT(warnings_of(credential + "  spare: {tenant_id: a.com, client_id: "
                                         "11112222-bbbb-3333-cccc-4444dddd5555, client_secret: {env: X}}\n"
                                         "mailboxes: {a: {address: a@contoso.com, credentials: contoso}}\n"),
                HasSubstr("f:6:3: credentials.spare: warning: no mailbox uses this credential"));
    EXPECT_THAT(
        warnings_of(credential +
                    "mailboxes: {a: {address: a@contoso.com}}\nroutes: [{mailbox: a}, {mailbox: a}]\n"),
        HasSubstr("routes[1]: warning: no message gets here, since route route-1 takes everything"));
    EXPECT_THAT(
        warnings_of(
            credential +
            "mailboxes: {a: {address: a@contoso.com}}\nroutes: [{match: {client: 10.0.0.1}, mailbox: a}]\n"),
        HasSubstr("what no route takes is refused"));
    EXPECT_THAT(
        warnings_of(
            short_form +
            "provider: custom\nupstream: {host: localhost, port: 26, tls: none, authentication: none}\n"),
        HasSubstr("f:2:12: tenant_id: warning: not used"));
}

TEST(Warnings, NameWhatTheProviderDoesOtherwise) {
    EXPECT_THAT(
        warnings_of(short_form + "upstream: {recipients_max: 1000}\n"),
        HasSubstr("f:5:28: upstream.recipients_max: warning: provider m365 allows for 500 recipients in "
                  "a message unless changed: Set-Mailbox -Identity alerts@contoso.com -RecipientLimits "
                  "1000\n"));
    EXPECT_THAT(warnings_of(short_form + "upstream: {body_end_timeout: 30s}\n"),
                HasSubstr("may have it twice"));
    EXPECT_THAT(
        warnings_of(short_form + "provider: custom\n"
                                 "upstream: {host: smtp.office365.com}\n"
                                 "token:\n"
                                 "  authority: https://login.microsoftonline.com\n"
                                 "  scope: https://outlook.office365.com/.default\n"),
        HasSubstr("f:6:18: upstream.host: warning: smtp.office365.com is the server of provider m365, "
                  "whose limits and answers provider custom does not know; provider: m365\n"));
}

TEST(Warnings, NameMailboxesThatShareAnAddress) {
    EXPECT_THAT(warnings_of(credential + "mailboxes:\n"
                                         "  one: {address: alerts@contoso.com}\n"
                                         "  two: {address: Alerts@contoso.com}\n"
                                         "routes:\n"
                                         "  - {match: {client: 10.0.0.0/8}, mailbox: one}\n"
                                         "  - mailbox: two\n"),
                HasSubstr("f:8:18: mailboxes.two.address: warning: mailbox one has the same address, "));
}

TEST(Limits, OfStepsMayBeMoreThanTheWholeUnlessTheFileSaysSo) {
    EXPECT_EQ(errors_of(short_form + "upstream: {attempt_timeout: 1m}\n"), "");
    EXPECT_EQ(errors_of(short_form + "token: {total_timeout: 5s}\n"), "");
    EXPECT_EQ(errors_of(short_form + "inbound: {sessions_max: 10}\n"), "");
}

TEST(Warnings, HoldNoSecret) {
    const std::string without_secret = short_form.substr(0, short_form.find("client_secret"));
    const Settings settings = good(without_secret + "client_secret: {value: geheim}\n");
    EXPECT_EQ(settings.credentials[0].client.secret.value.reveal(), "geheim");
    EXPECT_THAT(render_warnings("f", settings.warnings), Not(HasSubstr("geheim")));
}

// ---- files

class ConfigFile : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "mailramp-config-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path write(const std::string& name, const std::string& content, mode_t mode = 0600) {
        const std::filesystem::path path = folder_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    [[nodiscard]] std::string with_secret_file(const std::string& name) const {
        return short_form.substr(0, short_form.find("client_secret")) +
               "client_secret: {file: " + (folder_ / name).string() + "}\n";
    }
    static std::string load_errors(const std::filesystem::path& path,
                                   References references = References::check) {
        const LoadResult loaded = load({path}, references);
        return loaded ? "" : render_errors(path.filename(), loaded.error());
    }

    std::filesystem::path folder_;
};

TEST_F(ConfigFile, IsLoadedWithWhatItRefersTo) {
    write("secret", "geheim\n");
    const LoadResult loaded = load({write("mailramp.yaml", with_secret_file("secret"), 0644)});
    ASSERT_TRUE(loaded) << render_errors("f", loaded.error());
    EXPECT_FALSE(loaded->inbound.hostname.empty());
}

TEST_F(ConfigFile, SaysWhatCannotBeReadAndWhereItIsNamed) {
    const auto path = write("mailramp.yaml", with_secret_file("secret"));
    EXPECT_THAT(load_errors(path),
                HasSubstr("mailramp.yaml:4:1: client_secret: secret file " + (folder_ / "secret").string() +
                          ": No such file or directory; "));
    write("secret", "geheim\n", 0644);
    EXPECT_THAT(load_errors(path), HasSubstr("is open to other users: chmod 600 "));
    EXPECT_EQ(load_errors(path, References::ignore), "");
}

TEST_F(ConfigFile, IsRefusedWhenItsCaFileHoldsNoCertificate) {
    write("secret", "geheim\n");
    write("ca.pem", "nothing\n");
    const auto path = write("mailramp.yaml",
                            with_secret_file("secret") + "ca_file: " + (folder_ / "ca.pem").string() + "\n");
    EXPECT_THAT(load_errors(path), HasSubstr("mailramp.yaml:5:10: ca_file: "));
}

TEST_F(ConfigFile, IsRefusedWhenThereIsNoSuchGroup) {
    write("secret", "geheim\n");
    const std::string text = with_secret_file("secret");
    const auto path = write("mailramp.yaml", text + "admin: {group: mailramp-no-such-group}\n");
    EXPECT_EQ(load_errors(path),
              "mailramp.yaml:5:16: admin.group: there is no group mailramp-no-such-group; make it with: "
              "groupadd --system mailramp-no-such-group\n");
    EXPECT_EQ(load_errors(path, References::ignore), "");
    EXPECT_EQ(load_errors(write("mailramp.yaml", text + "admin: {group: root}\n")), "");
}

TEST_F(ConfigFile, WarnsAboutAFileThatHoldsTheSecretsId) {
    write("secret", "11112222-bbbb-3333-cccc-4444dddd5555\n");
    const LoadResult loaded = load({write("mailramp.yaml", with_secret_file("secret"))});
    ASSERT_TRUE(loaded);
    EXPECT_THAT(render_warnings("f", loaded->warnings), HasSubstr("looks like the ID"));
}

TEST_F(ConfigFile, IsCheckedForWhomItTellsOfTrouble) {
    write("secret", "geheim\n");
    write("url", "ftp://hooks.example/geheim\n");
    write("notify", "#!/bin/sh\n", 0644);
    const std::string text = with_secret_file("secret") +
                             "alert:\n  webhook: {file: " + (folder_ / "url").string() +
                             "}\n  exec: " + (folder_ / "notify").string() + "\n";
    const std::string errors = load_errors(write("mailramp.yaml", text));
    EXPECT_THAT(errors,
                HasSubstr("alert.webhook: the webhook's URL (not shown here) does not begin with https://"));
    EXPECT_THAT(errors, HasSubstr("is no program that this user may run: chmod 755 " +
                                  (folder_ / "notify").string()));
    EXPECT_THAT(errors, Not(HasSubstr("geheim")));
    write("url", "https://hooks.example/geheim\n");
    write("notify", "#!/bin/sh\n", 0755);
    EXPECT_EQ(load_errors(folder_ / "mailramp.yaml"), "");
}

TEST_F(ConfigFile, WarnsAboutAUrlThatOthersMayRead) {
    write("secret", "geheim\n");
    const std::string text =
        with_secret_file("secret") + "alert: {webhook: \"https://hooks.example/geheim\"}\n";
    EXPECT_THAT(render_warnings("f", load(write("mailramp.yaml", text, 0640))->warnings),
                HasSubstr("alert.webhook: warning: other users may read this file"));
    EXPECT_EQ(render_warnings("f", load(write("mailramp.yaml", text, 0600))->warnings), "");
}

TEST_F(ConfigFile, WithASecretInItMustBePrivate) {
    const std::string text =
        short_form.substr(0, short_form.find("client_secret")) + "client_secret: {value: geheim}\n";
    EXPECT_EQ(load_errors(write("mailramp.yaml", text, 0600)), "");
    const std::string errors = load_errors(write("mailramp.yaml", text, 0640));
    EXPECT_EQ(errors,
              "mailramp.yaml:1:1: the file has a secret in it and is open to other users; chmod 600, or move "
              "the secret to a "
              "file of its own\n");
}

TEST_F(ConfigFile, IsRefusedWithAReasonWhenItCannotBeRead) {
    EXPECT_THAT(load_errors(folder_ / "none.yaml"),
                HasSubstr("none.yaml: it cannot be opened: No such file or directory; "));
    EXPECT_THAT(load_errors(folder_), HasSubstr("it is not a regular file"));
    EXPECT_THAT(load_errors("/dev/zero"), HasSubstr("it is not a regular file"));
    EXPECT_THAT(load_errors(write("large.yaml", std::string(file_bytes_max + 1, '#'))),
                HasSubstr("larger than"));
}

}  // namespace
}  // namespace mailramp::config
