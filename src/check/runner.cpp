#include "check/runner.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "check/machine.h"
#include "mailramp/base/percent.h"
#include "mailramp/base/text.h"
#include "mailramp/io/port_owner.h"
#include "mailramp/mail/trace.h"
#include "mailramp/oauth/client_credentials_source.h"

namespace mailramp::check {
namespace {

constexpr base::Duration shortest_timeout = std::chrono::milliseconds(1);

std::string key_of(const oauth::ClientCredentialsOptions& client) {
    return client.authority + " " + client.proxy;
}

std::string key_of(const upstream::ServerOptions& server) {
    return server.host + " " + std::to_string(server.port) + " " +
           std::to_string(static_cast<int>(server.connect.family)) + " " +
           std::to_string(static_cast<int>(server.starttls)) + " " +
           std::to_string(static_cast<int>(server.authentication)) + " " + server.ehlo_name;
}

oauth::ClientCredentialsOptions copy_of(const oauth::ClientCredentialsOptions& client) {
    return {.authority = client.authority,
            .tenant = client.tenant,
            .client_id = client.client_id,
            .secret = client.secret.clone(),
            .scope = client.scope,
            .proxy = client.proxy,
            .connect_timeout = client.connect_timeout,
            .total_timeout = client.total_timeout,
            .response_bytes_max = client.response_bytes_max};
}

// Where a listener on every address is reached from this machine.
io::Endpoint reachable(io::Endpoint endpoint) {
    if (endpoint.address == "0.0.0.0") endpoint.address = "127.0.0.1";
    if (endpoint.address == "::") endpoint.address = "::1";
    return endpoint;
}

std::string random_message_id(const std::string& host_name) {
    std::random_device device;
    std::array<std::byte, 16> entropy{};
    for (std::byte& octet : entropy)
        octet = static_cast<std::byte>(device());
    return mail::message_id(entropy, host_name);
}

io::Task<base::Result<std::string>> read_from(std::shared_ptr<const std::string> content,
                                              std::uint64_t offset, std::size_t octets_max) {
    const std::size_t at = std::min<std::size_t>(offset, content->size());
    co_return content->substr(at, octets_max);
}

delivery::ContentReader reader_of(std::string content) {
    auto kept = std::make_shared<const std::string>(std::move(content));
    return
        [kept](std::uint64_t offset, std::size_t octets_max) { return read_from(kept, offset, octets_max); };
}

}  // namespace

Runner::Runner(const config::Settings& settings, const Options& options, const Report& report,
               io::HttpClient& http, const io::TlsClient& tls, const io::Executor& executor)
    : settings_(settings),
      options_(options),
      report_(report),
      http_(http),
      tls_(tls),
      executor_(executor),
      end_(clock_.steady() + options.limits.total_timeout) {}

io::Task<> Runner::run() {
    for (const io::Endpoint& endpoint : settings_.inbound.listen)
        co_await check_port(endpoint);
    for (const config::CredentialSettings& credential : settings_.credentials)
        if (is_used(credential)) co_await check_credential(credential);
    for (const config::MailboxSettings& mailbox : settings_.mailboxes) {
        const auto [server, fresh] = servers_.try_emplace(key_of(mailbox.server));
        if (fresh) co_await check_server(mailbox.server, server->second);
    }
    for (const config::MailboxSettings& mailbox : settings_.mailboxes)
        co_await check_mailbox(mailbox);
}

// ------------------------------------------------------------------ this machine

io::Task<> Runner::check_port(io::Endpoint endpoint) {
    if (skip(Step::port, name_of(endpoint), {})) co_return;
    PortFacts facts;
    facts.endpoint = endpoint;
    facts.taken = endpoint.port != 0 && io::is_taken(endpoint);
    if (facts.taken) facts.owner = io::port_owner(endpoint.port);
    if (facts.taken && !facts.owner) facts.greeting = co_await greeting_of(std::move(endpoint));
    tell(judge_port(facts));
}

io::Task<std::string> Runner::greeting_of(io::Endpoint endpoint) {
    const Limits& limits = options_.limits;
    io::ConnectOptions connect = connecting(io::Family::any);
    connect.total_timeout = std::min(connect.total_timeout, limits.greeting_timeout);
    std::vector<io::Endpoint> endpoints(1, reachable(std::move(endpoint)));
    auto stream = co_await io::connect(std::move(endpoints), connect);
    if (!stream) co_return std::string();
    std::string buffer(limits.greeting_bytes_max, '\0');
    auto got = co_await stream->read_some(buffer, within(limits.greeting_timeout));
    if (!got) co_return std::string();
    buffer.resize(*got);
    const std::string_view line = std::string_view(buffer).substr(0, buffer.find_first_of("\r\n"));
    co_return base::printable(line, limits.greeting_bytes_max);
}

// ------------------------------------------------------------------ the token

io::Task<> Runner::check_credential(const config::CredentialSettings& credential) {
    TokenState& state = tokens_[credential.name];
    if (skip(Step::secret, credential.name, {})) {
        state.missing = "a secret";
    } else {
        const auto secret = oauth::load_secret(credential.client.secret);
        std::optional<base::Error> failure;
        if (!secret) failure = secret.error();
        tell(judge_secret(credential.name, credential.client.secret, failure));
        if (!secret) state.missing = "a secret";
    }
    const auto [authority, fresh] = authorities_.try_emplace(key_of(credential.client));
    if (fresh) co_await check_authority(credential, authority->second);
    if (state.missing.empty()) state.missing = authority->second.missing;
    co_await fetch_token(credential, state);
    check_claims(credential, authority->second, state);
}

io::Task<> Runner::check_authority(const config::CredentialSettings& credential, AuthorityState& state) {
    const Authority authority = parse_authority(credential.client.authority);
    if (!credential.client.proxy.empty()) {
        tell(skipped(Step::token_host, {}, "the proxy " + credential.client.proxy + " looks it up"));
    } else if (skip(Step::token_host, {}, {})) {
        state.missing = "the token server";
    } else {
        auto found = co_await io::resolve(authority.host, authority.port, connecting(io::Family::any));
        tell(judge_name(Step::token_host, authority.host, found));
        if (!found) state.missing = "the token server's address";
    }
    co_await ask_authority(credential, state);
}

// The page is public (OpenID Connect Discovery): whatever its status, its Date tells their time.
io::Task<> Runner::ask_authority(const config::CredentialSettings& credential, AuthorityState& state) {
    if (skip(Step::token_server, {}, state.missing)) {
        static_cast<void>(skip(Step::clock, {}, state.missing));
        co_return;
    }
    io::HttpRequest request;
    request.url = credential.client.authority + "/" + base::percent_encode(credential.client.tenant) +
                  "/v2.0/.well-known/openid-configuration";
    request.proxy = credential.client.proxy;
    request.connect_timeout = within(options_.limits.connect_timeout);
    request.total_timeout = within(options_.limits.https_timeout);
    TokenServerFacts facts;
    facts.authority = parse_authority(credential.client.authority);
    facts.proxy = credential.client.proxy;
    auto response = co_await http_.send(std::move(request));
    if (!response) {
        facts.failure = response.error();
        const bool refused = response.error().kind == base::ErrorKind::tls;
        if (refused && facts.proxy.empty()) facts.tls_failure = co_await handshake_failure(facts.authority);
        state.missing = "the token server";
    }
    tell(judge_token_server(facts));
    if (skip(Step::clock, {}, state.missing)) co_return;
    const ClockFacts clock{facts.authority.host, response->header("date"), clock_.wall(),
                           options_.limits.clock_tolerance};
    const Finding finding = judge_clock(clock);
    state.clock_is_right = finding.outcome != Outcome::failed;
    tell(finding);
}

// libcurl does not name the issuer of what it refuses.
io::Task<std::string> Runner::handshake_failure(Authority authority) {
    auto stream = co_await io::connect(authority.host, authority.port, connecting(io::Family::any));
    if (!stream) co_return std::string();
    auto started = co_await stream->start_tls(tls_, authority.host, within(options_.limits.tls_timeout));
    if (started) co_return std::string();
    co_return base::printable(started.error().message, mail::answer_text_bytes_max);
}

io::Task<> Runner::fetch_token(const config::CredentialSettings& credential, TokenState& state) {
    if (skip(Step::token, credential.name, state.missing)) {
        if (state.missing.empty()) state.missing = "a token";
        co_return;
    }
    oauth::ClientCredentialsOptions client = copy_of(credential.client);
    client.connect_timeout = std::min(client.connect_timeout, within(options_.limits.connect_timeout));
    client.total_timeout = std::min(client.total_timeout, within(options_.limits.https_timeout));
    oauth::ClientCredentialsSource source(std::move(client), http_, clock_);
    TokenPlace place;
    if (credential.client.secret.place == oauth::SecretPlace::file)
        place.secret_file = credential.client.secret.name;
    auto got = co_await source.fetch();
    if (!got) {
        tell(judge_token(credential.name, &got.error(), place, {}));
        state.missing = "a token";
        co_return;
    }
    const auto lifetime = std::chrono::duration_cast<base::Duration>(got->expires - clock_.steady());
    tell(judge_token(credential.name, nullptr, place, lifetime));
    state.token = std::move(got->value);
    state.claims = read_claims(state.token.reveal());
}

void Runner::check_claims(const config::CredentialSettings& credential, const AuthorityState& authority,
                          TokenState& state) {
    ClaimFacts facts;
    facts.credential = credential.name;
    facts.needs = state.token.empty() ? "a token" : "";
    facts.claims = state.claims;
    facts.tenant = credential.client.tenant;
    facts.client_id = credential.client.client_id;
    facts.scope = credential.client.scope;
    facts.service = service_of(credential);
    facts.now = clock_.wall();
    facts.clock_tolerance = options_.limits.clock_tolerance;
    facts.clock_is_right = authority.clock_is_right;
    for (Finding& finding : judge_claims(facts)) {
        // A token that has ended may be one of the clock's mistakes; the others no server would take.
        const bool fatal = finding.outcome == Outcome::failed && finding.step != Step::lifetime;
        if (fatal && state.missing.empty()) state.missing = "the right token";
        tell(std::move(finding));
    }
}

// ------------------------------------------------------------------ the mail server

io::Task<> Runner::check_server(const upstream::ServerOptions& server, Missing& missing) {
    const ServerName name{server.host, server.port};
    if (skip(Step::mail_host, {}, missing)) missing = "the mail server's address";
    std::vector<io::Endpoint> endpoints;
    if (missing.empty()) {
        auto found = co_await io::resolve(server.host, server.port, connecting(server.connect.family));
        tell(judge_name(Step::mail_host, server.host, found));
        if (found)
            endpoints = *std::move(found);
        else
            missing = "the mail server's address";
    }
    if (skip(Step::connection, {}, missing)) {
        missing = "a connection";
        static_cast<void>(skip(Step::starttls, {}, missing));
        co_return;
    }
    auto stream = co_await io::connect(std::move(endpoints), connecting(server.connect.family));
    const base::Error* const failure = stream ? nullptr : &stream.error();
    tell(judge_connection(name, failure, stream ? stream->peer_address() : std::string()));
    if (!stream) {
        missing = "a connection";
        static_cast<void>(skip(Step::starttls, {}, missing));
        co_return;
    }
    co_await check_session(server, *std::move(stream), missing);
}

// As far as it goes without a login.
io::Task<> Runner::check_session(const upstream::ServerOptions& server, io::Stream stream, Missing& missing) {
    upstream::ServerOptions anonymous = server;
    anonymous.authentication = smtp::Authentication::none;
    upstream::Session session(environment_of(std::move(anonymous)), std::move(stream));
    base::Secret nothing;
    co_await session.log_in(std::move(nothing), end_);
    SessionFacts facts;
    facts.server = ServerName{server.host, server.port};
    facts.tls = server.starttls == smtp::StartTls::none ? Tls::none : Tls::starttls;
    facts.login = server.authentication == smtp::Authentication::none ? Login::none : Login::token;
    facts.ready = session.logged_in();
    facts.failure = session.failure();
    facts.tls_info = session.tls_info();
    facts.capabilities = session.capabilities();
    const Finding finding = judge_session(facts);
    if (finding.outcome == Outcome::failed) missing = "a server to log in to";
    tell(finding);
    if (facts.ready) co_await session.quit();
}

// ------------------------------------------------------------------ the mailbox

io::Task<> Runner::check_mailbox(const config::MailboxSettings& mailbox) {
    const bool with_token = mailbox.server.authentication == smtp::Authentication::xoauth2;
    const auto credential = tokens_.find(mailbox.credential);
    MailboxFacts facts{
        mailbox.address, mailbox.server.user, mailbox.server.dialect, mailbox.delivery.names, {}};
    Missing missing = servers_[key_of(mailbox.server)];
    base::Secret token;
    if (with_token && credential != tokens_.end()) {
        if (missing.empty()) missing = credential->second.missing;
        token = credential->second.token.clone();
        facts.claims = credential->second.claims;
    }
    if (skip(Step::login, mailbox.address, missing)) {
        static_cast<void>(skip(Step::message, mailbox.address, "a login"));
        co_return;
    }
    auto connected = co_await upstream::Session::connect(environment_of(mailbox.server), end_);
    if (connected) co_await (*connected)->log_in(std::move(token), end_);
    const mail::Answer* failure = nullptr;
    if (!connected)
        failure = &connected.error();
    else if (!(*connected)->logged_in())
        failure = &(*connected)->failure();
    if (failure == nullptr && !with_token)
        tell(skipped(Step::login, mailbox.address, "not used: authentication is none"));
    else
        tell(judge_login(facts, failure));
    if (failure != nullptr) {
        static_cast<void>(skip(Step::message, mailbox.address, "a login"));
        co_return;
    }
    co_await check_message(mailbox, facts, **connected);
    if ((*connected)->logged_in()) co_await (*connected)->quit();
}

io::Task<> Runner::check_message(const config::MailboxSettings& mailbox, const MailboxFacts& facts,
                                 upstream::Session& session) {
    if (options_.send_to.empty()) {
        tell(message_not_tested(facts));
        co_return;
    }
    if (skip(Step::message, mailbox.address, {})) co_return;
    TestMessage message;
    message.from = mailbox.address;
    message.to = options_.send_to;
    message.host_name = settings_.inbound.hostname;
    message.message_id = random_message_id(settings_.inbound.hostname);
    message.now = clock_.wall();
    std::string content = write_test_message(message);
    smtp::OutgoingMessage outgoing;
    outgoing.envelope.sender = mailbox.address;
    outgoing.envelope.recipients.resize(1);
    outgoing.envelope.recipients.front().address = options_.send_to;
    outgoing.size_bytes = content.size();
    delivery::ContentReader reader = reader_of(std::move(content));
    delivery::BeforeEnd nothing_to_do;
    auto outcomes =
        co_await session.submit(std::move(outgoing), std::move(reader), std::move(nothing_to_do), end_);
    base::check(outcomes.size() == 1, "a session reports on every recipient");
    const smtp::RecipientOutcome& outcome = outcomes.front();
    Taken taken = Taken::no;
    if (outcome.fate == smtp::RecipientFate::delivered) taken = Taken::yes;
    if (outcome.fate == smtp::RecipientFate::uncertain) taken = Taken::uncertain;
    tell(judge_message(facts, options_.send_to, taken, outcome.answer));
}

// ------------------------------------------------------------------ what all steps need

void Runner::tell(const Finding& finding) {
    if (finding.outcome == Outcome::failed) {
        const bool ours = finding.step == Step::configuration || finding.step == Step::secret;
        if (ours)
            verdict_ = Verdict::misconfigured;
        else if (verdict_ == Verdict::good)
            verdict_ = Verdict::failed;
    }
    report_(finding);
}

bool Runner::skip(Step step, const std::string& subject, const Missing& missing) {
    if (!missing.empty()) {
        tell(skipped(step, subject, "needs " + missing));
        return true;
    }
    if (clock_.steady() < end_) return false;
    // What was not tried is not good: it shows once as a failure.
    if (std::exchange(late_, Late::told) == Late::told)
        tell(skipped(step, subject, "needs more time"));
    else
        tell(judge_lateness(step, subject, options_.limits.total_timeout));
    return true;
}

base::Duration Runner::within(base::Duration limit) const {
    const auto left = std::chrono::duration_cast<base::Duration>(end_ - clock_.steady());
    return std::max(shortest_timeout, std::min(limit, left));
}

io::ConnectOptions Runner::connecting(io::Family family) const {
    io::ConnectOptions connect;
    connect.family = family;
    connect.resolve_timeout = within(options_.limits.resolve_timeout);
    connect.address_timeout = within(options_.limits.connect_timeout);
    connect.total_timeout = within(options_.limits.connect_total_timeout);
    return connect;
}

std::shared_ptr<const upstream::SessionEnvironment> Runner::environment_of(
    upstream::ServerOptions server) const {
    const Limits& limits = options_.limits;
    server.connect = connecting(server.connect.family);
    server.timeouts.banner_timeout = limits.reply_timeout;
    server.timeouts.ehlo_timeout = limits.reply_timeout;
    server.timeouts.starttls_timeout = limits.reply_timeout;
    server.timeouts.tls_timeout = limits.tls_timeout;
    server.timeouts.auth_timeout = limits.reply_timeout;
    server.timeouts.envelope_timeout = limits.reply_timeout;
    server.timeouts.body_timeout = limits.reply_timeout;
    server.timeouts.body_end_timeout = limits.message_timeout;
    upstream::SessionEnvironment environment{std::move(server), tls_, {}, clock_, executor_, {}};
    return std::make_shared<const upstream::SessionEnvironment>(std::move(environment));
}

Service Runner::service_of(const config::CredentialSettings& credential) const {
    const bool exchange = std::ranges::any_of(settings_.mailboxes, [&](const config::MailboxSettings& one) {
        return one.credential == credential.name && one.server.dialect == provider::Dialect::exchange_online;
    });
    return exchange ? Service::exchange : Service::other;
}

bool Runner::is_used(const config::CredentialSettings& credential) const {
    return std::ranges::any_of(settings_.mailboxes, [&](const config::MailboxSettings& mailbox) {
        return mailbox.credential == credential.name;
    });
}

}  // namespace mailramp::check
