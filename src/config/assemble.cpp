#include "config/assemble.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "config/known_servers.h"
#include "config/mailbox_checks.h"
#include "config/recipients.h"
#include "mailramp/base/text.h"
#include "mailramp/config/suggest.h"

namespace mailramp::config {
namespace {

constexpr std::array<std::string_view, 10> short_keys{
    "mailbox",       "auth_user",      "provider", "tenant_id",       "client_id",
    "client_secret", "secret_expires", "senders",  "allowed_senders", "sender_map"};
constexpr std::string_view example_tenant = "11111111-2222-3333-4444-555555555555";
constexpr std::string_view example_client = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

enum class Form { short_form, long_form };

// Where the keys of mailboxes and credentials stand in the file.
class Places {
  public:
    explicit Places(Form form) : form_(form) {}
    [[nodiscard]] Path mailbox(const std::string& name, const std::string& key) const {
        if (form_ == Form::long_form) return {"mailboxes", name, key};
        return {key == "address" ? "mailbox" : key};
    }
    [[nodiscard]] Path credential(const std::string& name, const std::string& key) const {
        if (form_ == Form::long_form) return {"credentials", name, key};
        return {key};
    }
    [[nodiscard]] bool is_short() const { return form_ == Form::short_form; }

  private:
    Form form_;
};

// Fills `part` from a section that has been checked before.
template <class Part>
void lay(const Table<Part>& table, Part& part, const Node* section) {
    Problems known_already;
    if (section != nullptr) table.bind(part, *section, {}, known_already);
}

template <class Part>
std::vector<std::string> names_of(const std::vector<Part>& parts) {
    std::vector<std::string> names;
    for (const Part& part : parts)
        names.push_back(part.name);
    return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
    if (const std::string meant = suggest(word, names); !meant.empty()) return "did you mean " + meant + "?";
    return names.empty() ? std::string() : "there are: " + joined(names);
}

// Turns the keys of the short form into one credential and one mailbox.
void expand_short_form(File& file, bool with_credential) {
    ShortForm& given = file.short_form;
    MailboxPart mailbox;
    mailbox.name = default_name;
    mailbox.address = std::move(given.mailbox);
    mailbox.auth_user = std::move(given.auth_user);
    mailbox.preset = given.preset;
    mailbox.senders = std::move(given.senders);
    if (with_credential) {
        CredentialPart credential;
        credential.name = default_name;
        credential.tenant_id = std::move(given.tenant_id);
        credential.client_id = std::move(given.client_id);
        credential.client_secret = std::move(given.client_secret);
        credential.secret_expires = given.secret_expires;
        file.credentials.push_back(std::move(credential));
        mailbox.credentials = {std::string(default_name)};
    }
    file.mailboxes.push_back(std::move(mailbox));
}

class Assembler {
  public:
    Assembler(File file, const Node& root, Report& report, Form form)
        : file_(std::move(file)), root_(root), report_(report), places_(form) {}

    Settings run(const Surroundings& surroundings);

  private:
    void choose_hostname(const Surroundings& surroundings);
    void open_listeners();
    void expand();
    MailboxSettings make_mailbox(const MailboxPart& part);
    route::SenderPolicy sender_policy(const MailboxPart& part, smtp::Authentication authentication);
    std::string choose_credential(const MailboxPart& part, smtp::Authentication authentication);
    void check_addresses();
    CredentialSettings make_credential(CredentialPart& part);
    const provider::Preset* preset_of(const CredentialPart& part);
    void check_credential(const CredentialSettings& credential, const provider::Preset& preset);
    void check_secret(const CredentialSettings& credential);
    void name_applications();
    void check_postmaster();
    void make_routes();

    [[nodiscard]] UpstreamPart upstream_of(const MailboxPart& part) const {
        UpstreamPart layered = upstream_defaults(*part.preset);
        lay(upstream_table_, layered, root_.find("upstream"));
        lay(upstream_table_, layered, locate(root_, {"mailboxes", part.name, "upstream"}).node);
        return layered;
    }
    [[nodiscard]] Path upstream_key(const MailboxPart& part, std::string_view key) const {
        Path shared{"upstream", std::string(key)};
        if (places_.is_short()) return shared;
        return report_.first_given({places_.mailbox(part.name, "upstream") / key, shared});
    }
    [[nodiscard]] Path token_key(const std::string& credential, std::string_view key) const {
        const Path own{"credentials", credential, "token", std::string(key)};
        return report_.has(own) ? own : Path{"token", std::string(key)};
    }

    File file_;
    const Node& root_;
    Report& report_;
    const Places places_;
    const Table<UpstreamPart> upstream_table_ = upstream_table();
    const Table<TokenPart> token_table_ = token_table();
};

Settings Assembler::run(const Surroundings& surroundings) {
    choose_hostname(surroundings);
    open_listeners();
    expand();
    Settings& settings = file_.settings;
    for (const MailboxPart& part : file_.mailboxes)
        settings.mailboxes.push_back(make_mailbox(part));
    for (CredentialPart& part : file_.credentials)
        settings.credentials.push_back(make_credential(part));
    choose_local_domains(settings, surroundings, report_);
    check_addresses();
    name_applications();
    make_routes();
    return std::move(settings);
}

void Assembler::choose_hostname(const Surroundings& surroundings) {
    if (report_.has({"hostname"})) return;
    const bool usable = host_name().read(surroundings.hostname).has_value();
    file_.settings.inbound.hostname = usable ? surroundings.hostname : "localhost";
}

// What has an entry of its own need not stand in `listen` as well.
void Assembler::open_listeners() {
    std::vector<io::Endpoint>& listen = file_.settings.inbound.listen;
    for (const inbound::ListenerOptions& listener : file_.settings.inbound.listeners) {
        const auto same = [&](const io::Endpoint& endpoint) {
            return show_endpoint(endpoint) == show_endpoint(listener.address);
        };
        if (!listener.address.address.empty() && std::ranges::none_of(listen, same))
            listen.push_back(listener.address);
    }
}

void Assembler::expand() {
    if (!places_.is_short()) return;
    MailboxPart probe;
    probe.name = default_name;
    probe.preset = file_.short_form.preset;
    const bool needs_token = upstream_of(probe).server.authentication == smtp::Authentication::xoauth2;
    const auto require = [this](const char* key, std::string words) {
        if (!report_.has({key})) report_.missing({key}, "give it: " + std::move(words));
    };
    require("mailbox", mail_address().words);
    if (needs_token) {
        require("tenant_id", tenant().words);
        require("client_id", client_id().words);
        require("client_secret", secret_words());
    }
    const bool has_credential =
        report_.has({"tenant_id"}) || report_.has({"client_id"}) || report_.has({"client_secret"});
    if (!needs_token && has_credential)
        report_.warn(report_.first_given({{"tenant_id"}, {"client_id"}, {"client_secret"}}),
                     "not used, since upstream.authentication is none");
    expand_short_form(file_, needs_token);
}

MailboxSettings Assembler::make_mailbox(const MailboxPart& part) {
    UpstreamPart layered = upstream_of(part);
    MailboxSettings mailbox;
    mailbox.name = part.name;
    mailbox.address = part.address;
    mailbox.preset = part.preset;
    mailbox.server = std::move(layered.server);
    mailbox.server.mailbox = part.name;
    mailbox.server.user = part.auth_user.empty() ? part.address : part.auth_user;
    if (mailbox.server.ehlo_name.empty()) mailbox.server.ehlo_name = file_.settings.inbound.hostname;

    mailbox.delivery = std::move(layered.delivery);
    mailbox.delivery.name = part.name;
    mailbox.delivery.names.mailbox = part.address;
    mailbox.delivery.budget.connections_max = mailbox.server.pool.connections_max;
    mailbox.delivery.recipients_max = mailbox.server.recipients_max;
    mailbox.delivery.senders = sender_policy(part, mailbox.server.authentication);
    mailbox.credential = choose_credential(part, mailbox.server.authentication);
    check_mailbox(mailbox, file_.settings.inbound.listen,
                  {.address = places_.mailbox(part.name, "address"),
                   .user = places_.mailbox(part.name, "auth_user"),
                   .upstream = [&](std::string_view key) { return upstream_key(part, key); }},
                  report_);
    return mailbox;
}

// A server that nobody logs in to, on this machine, has no say about senders.
route::SenderPolicy Assembler::sender_policy(const MailboxPart& part, smtp::Authentication authentication) {
    using Mode = SendersPart::Mode;
    const SendersPart& given = part.senders;
    route::SenderPolicy policy{.mode = route::SenderMode::keep,
                               .mailbox = part.address,
                               .allowed = given.allowed,
                               .map = given.map,
                               .own_names = {file_.settings.inbound.hostname}};
    switch (given.mode) {
        case Mode::keep:
            break;
        case Mode::collapse:
            policy.mode = route::SenderMode::collapse;
            break;
        case Mode::map:
            policy.mode = route::SenderMode::map;
            break;
        case Mode::by_provider:
            if (authentication != smtp::Authentication::none) policy.mode = route::SenderMode::collapse;
            break;
    }
    if (policy.mode == route::SenderMode::map && given.map.empty())
        report_.error(places_.mailbox(part.name, "senders"), "there is no sender_map to go by",
                      "add one, or senders: collapse");
    if (policy.mode != route::SenderMode::map && !given.map.empty())
        report_.warn(places_.mailbox(part.name, "sender_map"), "not used, since senders is not map");
    if (policy.mode == route::SenderMode::keep && !given.allowed.empty())
        report_.warn(places_.mailbox(part.name, "allowed_senders"),
                     "not used, since senders is keep: every sender stays");
    return policy;
}

// The name of the credential, or empty with an error noted, or empty because none is needed.
std::string Assembler::choose_credential(const MailboxPart& part, smtp::Authentication authentication) {
    const Path key = places_.mailbox(part.name, "credentials");
    const std::vector<std::string> known = names_of(file_.credentials);
    if (authentication == smtp::Authentication::none) {
        if (!part.credentials.empty() && !places_.is_short())
            report_.warn(key, "not used, since upstream.authentication is none");
        return {};
    }
    if (part.credentials.empty()) {
        if (report_.has(key)) {
            // What else is wrong with it has been said.
            if (report_.is_empty(key))
                report_.error(key, "the list is empty",
                              "one of " + joined(known) + "; or leave the line out");
            return {};
        }
        if (known.size() == 1) return known.front();
        report_.missing(key, known.empty() ? "define one below `credentials`" : "one of " + joined(known));
        return {};
    }
    const std::string& wanted = part.credentials.front();
    if (std::ranges::find(known, wanted) != known.end()) return wanted;
    report_.error(key, "there is no credential " + in_quotes(wanted), did_you_mean(wanted, known));
    return {};
}

// The provider counts what is sent through a mailbox, whoever sends it.
void Assembler::check_addresses() {
    const std::vector<MailboxSettings>& mailboxes = file_.settings.mailboxes;
    for (std::size_t i = 0; i < mailboxes.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (!mailboxes[i].address.empty() &&
                base::equals_ignoring_case(mailboxes[i].address, mailboxes[j].address))
                report_.warn(
                    places_.mailbox(mailboxes[i].name, "address"),
                    "mailbox " + mailboxes[j].name +
                        " has the same address, and each of them uses the provider's limits as if it "
                        "were alone");
}

CredentialSettings Assembler::make_credential(CredentialPart& part) {
    const provider::Preset* preset = preset_of(part);
    TokenPart layered = token_defaults(*preset);
    lay(token_table_, layered, root_.find("token"));
    lay(token_table_, layered, locate(root_, {"credentials", part.name, "token"}).node);

    CredentialSettings credential;
    credential.name = part.name;
    credential.client = std::move(layered.client);
    credential.client.tenant = part.tenant_id;
    credential.client.client_id = part.client_id;
    credential.client.secret = std::move(part.client_secret);
    credential.cache = layered.cache;
    credential.secret_expires = part.secret_expires;
    check_credential(credential, *preset);
    return credential;
}

// The preset of the mailboxes that use it: they must agree on the cloud.
const provider::Preset* Assembler::preset_of(const CredentialPart& part) {
    const MailboxPart* first = nullptr;
    for (std::size_t i = 0; i < file_.mailboxes.size(); ++i) {
        if (file_.settings.mailboxes[i].credential != part.name) continue;
        const MailboxPart& mailbox = file_.mailboxes[i];
        if (first == nullptr) first = &mailbox;
        if (mailbox.preset->authority != first->preset->authority ||
            mailbox.preset->scope != first->preset->scope)
            report_.error(places_.mailbox(mailbox.name, "provider"),
                          "provider " + std::string(mailbox.preset->name) +
                              " has another token endpoint than provider " +
                              std::string(first->preset->name) + " of mailbox " + first->name +
                              ", and both use credential " + part.name,
                          "a credential of its own for each provider");
    }
    if (first != nullptr) return first->preset;
    report_.warn({"credentials", part.name}, "no mailbox uses this credential");
    return provider::find_preset("m365");
}

void Assembler::check_credential(const CredentialSettings& credential, const provider::Preset& preset) {
    const auto& client = credential.client;
    const std::string provider(preset.name);
    if (client.authority.empty())
        report_.missing(token_key(credential.name, "authority"),
                        "provider " + provider + " knows no token endpoint; give it");
    if (client.scope.empty())
        report_.missing(token_key(credential.name, "scope"),
                        "provider " + provider + " knows no scope; give it");
    if (preset.dialect == provider::Dialect::exchange_online && !client.client_id.empty() &&
        !is_guid(client.client_id))
        report_.error(places_.credential(credential.name, "client_id"),
                      "this is not a GUID (its text is not shown, for it may be a secret)",
                      client_id().allowed());
    if (client.tenant == example_tenant)
        report_.warn(places_.credential(credential.name, "tenant_id"),
                     "this is the example's tenant, not yours");
    if (client.client_id == example_client)
        report_.warn(places_.credential(credential.name, "client_id"),
                     "this is the example's application, not yours");
    if (!client.client_id.empty() && base::equals_ignoring_case(client.client_id, client.tenant))
        report_.error(places_.credential(credential.name, "client_id"), "tenant_id has the same value",
                      client_id().allowed());
    report_.object(token_key(credential.name, "authority"), objection_to_authority(client.authority, preset));
    report_.object(token_key(credential.name, "scope"), objection_to_scope(client.scope, preset));
    const auto key = [&](std::string_view name) { return token_key(credential.name, name); };
    const oauth::TokenCacheOptions& cache = credential.cache;
    if (cache.use_margin >= cache.refresh_margin)
        report_.error(report_.first_given({key("refresh_margin"), key("use_margin")}),
                      "a token would no longer be used before it is refreshed",
                      "refresh_margin must be longer than use_margin");
    if (client.connect_timeout > client.total_timeout)
        report_.never_reached(key("connect_timeout"), key("total_timeout"), "the request ends before");
    if (cache.failure_pause_min > cache.failure_pause_max)
        report_.wrong_order(key("failure_pause_min"), key("failure_pause_max"),
                            "the pause doubles from one to the other");
    if (cache.configuration_failure_pause > cache.configuration_failure_pause_max)
        report_.wrong_order(key("configuration_failure_pause"), key("configuration_failure_pause_max"),
                            "the pause doubles from one to the other");
    check_secret(credential);
}

void Assembler::check_secret(const CredentialSettings& credential) {
    const Path key = places_.credential(credential.name, "client_secret");
    const oauth::SecretReference& secret = credential.client.secret;
    switch (secret.place) {
        case oauth::SecretPlace::none:
            // In the short form its absence has been noted.
            if (!report_.has(key) && !places_.is_short()) report_.missing(key, "give it: " + secret_words());
            return;
        case oauth::SecretPlace::configuration:
            report_.warn(key,
                         "the secret stands in the configuration itself; a file of mode 0600 or a systemd "
                         "credential keeps it out of backups and listings");
            // The portal shows a value and an ID; the ID is a GUID, and is what people copy.
            if (is_guid(secret.value.reveal()))
                report_.warn(key, "this looks like the secret's ID; what is needed is its value");
            return;
        case oauth::SecretPlace::environment:
            report_.warn(
                key,
                "an environment is often readable where it is set (units, containers, shells); a file "
                "of mode 0600 or a systemd credential is safer");
            return;
        case oauth::SecretPlace::file:
        case oauth::SecretPlace::credential:
            return;
    }
}

// A remedy names the application and the tenant of the mailbox.
void Assembler::name_applications() {
    for (MailboxSettings& mailbox : file_.settings.mailboxes)
        for (const CredentialSettings& credential : file_.settings.credentials)
            if (credential.name == mailbox.credential) {
                mailbox.delivery.names.app_id = credential.client.client_id;
                mailbox.delivery.names.tenant = credential.client.tenant;
            }
}

// Whoever names the postmaster wants him to be told.
void Assembler::check_postmaster() {
    using Kind = delivery::BounceTarget::Kind;
    const delivery::BounceOptions& bounces = file_.settings.delivery.bounce;
    if (!bounces.postmaster.empty()) return;
    const auto object = [this](const Path& key) {
        report_.error(key, "there is no postmaster",
                      "an address at the top level: postmaster: it@contoso.com");
    };
    if (bounces.to.kind == Kind::postmaster && report_.has({"bounces", "to"})) object({"bounces", "to"});
    for (std::size_t i = 0; i < file_.routes.size(); ++i) {
        const Path key{"routes", "[" + std::to_string(i) + "]", "bounce"};
        if (file_.routes[i].bounce.kind == Kind::postmaster && report_.has(key)) object(key);
    }
}

void Assembler::make_routes() {
    const std::vector<std::string> mailboxes = names_of(file_.mailboxes);
    std::vector<route::Rule>& rules = file_.settings.route.rules;
    for (std::size_t i = 0; i < file_.routes.size(); ++i) {
        RoutePart& part = file_.routes[i];
        const Path key{"routes", "[" + std::to_string(i) + "]"};
        if (!part.mailbox.empty() && std::ranges::find(mailboxes, part.mailbox) == mailboxes.end())
            report_.error(key / "mailbox", "there is no mailbox " + in_quotes(part.mailbox),
                          did_you_mean(part.mailbox, mailboxes));
        std::string rule_name = part.name.empty() ? "route-" + std::to_string(i + 1) : part.name;
        if (report_.has(key / "bounce"))
            file_.settings.delivery.bounce.routes.insert_or_assign(rule_name, part.bounce);
        rules.push_back({std::move(rule_name), std::move(part.match), part.mailbox});
    }
    check_postmaster();
    if (report_.has({"routes"}) && !rules.empty()) return;
    if (mailboxes.size() == 1) {
        rules.push_back({std::string(default_name), {}, mailboxes.front()});
    } else if (mailboxes.size() > 1) {
        report_.error({"routes"},
                      "there are " + std::to_string(mailboxes.size()) + " mailboxes and no route to them",
                      "say which message goes where; a last route without `match` takes the rest");
    }
}

}  // namespace

Settings assemble(File file, const Node& root, const Surroundings& surroundings, Report& report) {
    const auto short_key =
        std::ranges::find_if(short_keys, [&root](std::string_view key) { return root.find(key) != nullptr; });
    const bool has_short = short_key != short_keys.end();
    const bool has_long = root.find("mailboxes") != nullptr || root.find("credentials") != nullptr;
    if (has_short && has_long) {
        report.error({std::string(*short_key)},
                     "this key belongs to the short form, for one mailbox; the file also has mailboxes or "
                     "credentials, the long form",
                     "one of the two");
        return std::move(file.settings);
    }
    if (has_long && file.mailboxes.empty())
        report.error({"mailboxes"}, "there is no mailbox", "at least one, with a name and its address");
    const Form form = has_long ? Form::long_form : Form::short_form;
    Settings settings = Assembler(std::move(file), root, report, form).run(surroundings);
    // After a crash it is the queue that knows of the attempts which had not ended.
    settings.queue.unsent_delay = settings.delivery.retry.first_delay;
    const delivery::RetryOptions& retry = settings.delivery.retry;
    settings.queue.due_ahead_max =
        2 * std::max({retry.first_delay, retry.delay_max, retry.retry_after_max, retry.uncertain_delay,
                      settings.delivery.pause.crowded_delay_max});
    settings.queue.uncertain_delay = settings.delivery.retry.uncertain_delay;
    settings.queue.uncertain_attempts_max = settings.delivery.retry.uncertain_attempts_max;
    return settings;
}

}  // namespace mailramp::config
