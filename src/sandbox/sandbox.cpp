#include "sandbox/sandbox.h"

#include <cstdio>
#include <system_error>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/serialize.hpp>

#include "mailramp/io/listener.h"
#include "mailramp/io/system_clock.h"
#include "mailramp/io/tls.h"
#include "sandbox/certificates.h"
#include "sandbox/control.h"
#include "sandbox/http_server.h"
#include "sandbox/smtp_connection.h"

namespace mailramp::sandbox {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using Certificates = std::map<std::string, io::TlsServer, std::less<>>;

App default_app() {
    return App{"0f4c9a5e-1c1d-4e6b-9a57-5f6e7d8c9b0a",
               "7d3b2a19-8c4e-4f5a-b6d7-c8e9fa0b1c2d",
               {},
               {"relay@contoso.test"}};
}

base::Result<> add(Certificates& certificates, const std::string& name, const CertificateAuthority& authority,
                   const ServerCertificate& wanted) {
    auto identity = authority.issue(wanted);
    if (!identity) return std::unexpected(identity.error());
    auto server = io::TlsServer::from_pem(identity->certificate_pem, identity->key_pem);
    if (!server) return std::unexpected(server.error());
    certificates.emplace(name, std::move(*server));
    return {};
}

// The good certificate under "", each bad one under the name of its fault.
base::Result<Certificates> make_certificates(const CertificateAuthority& authority,
                                             const std::string& address) {
    auto stranger = CertificateAuthority::create("Unknown Sandbox CA");
    if (!stranger) return std::unexpected(stranger.error());
    ServerCertificate good;
    if (address != "127.0.0.1" && address != "::1") good.names.push_back(address);
    ServerCertificate wrong_name = good;
    wrong_name.common_name = "wrong.example";
    wrong_name.names = {"wrong.example"};
    ServerCertificate expired = good;
    expired.valid_from = -std::chrono::hours(48);
    expired.valid_until = -std::chrono::hours(24);
    Certificates certificates;
    if (auto done = add(certificates, "", authority, good); !done) return std::unexpected(done.error());
    if (auto done = add(certificates, "tls", *stranger, good); !done) return std::unexpected(done.error());
    if (auto done = add(certificates, "tls-wrong-name", authority, wrong_name); !done)
        return std::unexpected(done.error());
    if (auto done = add(certificates, "tls-expired", authority, expired); !done)
        return std::unexpected(done.error());
    return certificates;
}

fs::path secret_file(const fs::path& directory, std::size_t index) {
    return directory / (index == 0 ? "client-secret" : "client-secret-" + std::to_string(index + 1));
}

base::Result<> write_secrets(const fs::path& directory, std::vector<App>& apps) {
    for (std::size_t i = 0; i < apps.size(); ++i) {
        if (apps[i].secret.empty()) apps[i].secret = random_secret();
        if (auto done = write_whole_file(secret_file(directory, i), apps[i].secret + "\n", 0600); !done)
            return done;
    }
    return {};
}

}  // namespace

struct Sandbox::Impl {
    Impl(SandboxOptions chosen, io::Executor loop, TokenSigner token_signer, Recorder messages)
        : options(std::move(chosen)),
          executor(std::move(loop)),
          directory(options.apps),
          signer(std::move(token_signer)),
          limits(options.limits),
          tokens(options.tokens, directory, signer, faults),
          recorder(std::move(messages)),
          control{faults, recorder, limits, counters, tokens} {}

    SandboxOptions options;
    io::Executor executor;
    Directory directory;
    TokenSigner signer;
    Faults faults;
    MailboxLimits limits;
    SessionCounters counters;
    TokenService tokens;
    Recorder recorder;
    Control control;
    std::optional<SmtpWorld> smtp;
    HttpHandler handler;
    std::optional<io::Listener> smtp_listener;
    std::optional<io::Listener> https_listener;
    std::uint64_t connections = 0;

    [[nodiscard]] HttpAnswer answer(const HttpCall& call);
    [[nodiscard]] base::Result<> listen();
    io::Task<> accept_smtp();
    io::Task<> accept_https();
};

HttpAnswer Sandbox::Impl::answer(const HttpCall& call) {
    if (call.target.starts_with("/control/")) return control.answer(call);
    const base::WallTime now = io::SystemClock().wall() + options.clock_offset;
    constexpr std::string_view suffix = "/oauth2/v2.0/token";
    if (!call.target.ends_with(suffix) || !call.target.starts_with('/')) {
        HttpAnswer unknown;
        unknown.status = 404;
        unknown.body = "{}";
        return unknown;
    }
    if (call.method != "POST")
        return entra_error(400, "invalid_request", 900561,
                           "The endpoint only accepts POST requests. Received a " + call.method + " request.",
                           now);
    return tokens.answer(call.target.substr(1, call.target.size() - suffix.size() - 1), call.body, now);
}

base::Result<> Sandbox::Impl::listen() {
    auto smtp_bound =
        io::Listener::bind_tcp(executor, {options.listen_address, options.smtp_port}, options.backlog);
    if (!smtp_bound) return std::unexpected(smtp_bound.error());
    smtp_listener.emplace(std::move(*smtp_bound));
    auto https_bound =
        io::Listener::bind_tcp(executor, {options.listen_address, options.https_port}, options.backlog);
    if (!https_bound) return std::unexpected(https_bound.error());
    https_listener.emplace(std::move(*https_bound));
    return {};
}

io::Task<> Sandbox::Impl::accept_smtp() {
    for (;;) {
        auto stream = co_await smtp_listener->accept();
        if (!stream) co_return;
        asio::co_spawn(executor, serve_smtp(std::move(*stream), *smtp, ++connections), asio::detached);
    }
}

io::Task<> Sandbox::Impl::accept_https() {
    for (;;) {
        auto stream = co_await https_listener->accept();
        if (!stream) co_return;
        HttpServerOptions https_options;
        https_options.clock_offset = options.clock_offset;
        const std::string certificate = faults.take("token-tls") ? "tls" : "";
        asio::co_spawn(
            executor,
            serve_https(std::move(*stream), smtp->certificates.at(certificate), handler, https_options),
            asio::detached);
    }
}

base::Result<std::unique_ptr<Sandbox>> Sandbox::create(SandboxOptions options, const io::Executor& executor) {
    std::error_code error;
    fs::create_directories(options.state_directory, error);
    if (error)
        return std::unexpected(
            base::system_error("create " + options.state_directory.string(), error.value()));
    if (options.apps.empty()) options.apps.push_back(default_app());
    if (auto done = write_secrets(options.state_directory, options.apps); !done)
        return std::unexpected(done.error());

    auto authority = CertificateAuthority::create("Mailramp Sandbox CA");
    if (!authority) return std::unexpected(authority.error());
    auto certificates = make_certificates(*authority, options.listen_address);
    if (!certificates) return std::unexpected(certificates.error());
    const fs::path ca_file = options.state_directory / "ca.pem";
    if (auto done = write_whole_file(ca_file, authority->certificate_pem(), 0644); !done)
        return std::unexpected(done.error());

    auto signer = TokenSigner::create();
    if (!signer) return std::unexpected(signer.error());
    auto recorder =
        Recorder::create({.directory = options.state_directory / "messages", .recording = options.recording});
    if (!recorder) return std::unexpected(recorder.error());

    auto impl =
        std::make_unique<Impl>(std::move(options), executor, std::move(*signer), std::move(*recorder));
    for (const Fault& fault : impl->options.faults)
        if (auto armed = impl->faults.arm(fault); !armed) return std::unexpected(armed.error());
    const SandboxOptions& chosen = impl->options;
    impl->smtp.emplace(
        SmtpWorld{.options = {chosen.session, chosen.idle_timeout, chosen.session_age_max, chosen.slow_delay,
                              chosen.clock_offset},
                  .session = {impl->directory, impl->signer, impl->faults, impl->limits, impl->counters},
                  .recorder = impl->recorder,
                  .certificates = std::move(*certificates)});
    impl->handler = [self = impl.get()](const HttpCall& call) { return self->answer(call); };
    if (auto bound = impl->listen(); !bound) return std::unexpected(bound.error());
    return std::unique_ptr<Sandbox>(new Sandbox(std::move(impl)));
}

Sandbox::Sandbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sandbox::~Sandbox() = default;

void Sandbox::start() {
    asio::co_spawn(impl_->executor, impl_->accept_smtp(), asio::detached);
    asio::co_spawn(impl_->executor, impl_->accept_https(), asio::detached);
}

void Sandbox::stop() {
    impl_->smtp_listener->close();
    impl_->https_listener->close();
}

std::string Sandbox::ready_line() const {
    const SandboxOptions& options = impl_->options;
    const fs::path directory = fs::absolute(options.state_directory);
    json::array apps;
    for (std::size_t i = 0; i < options.apps.size(); ++i) {
        const App& app = options.apps[i];
        apps.push_back(json::object{{"tenant", app.tenant},
                                    {"client_id", app.client_id},
                                    {"secret_file", secret_file(directory, i).string()},
                                    {"mailboxes", json::array(app.mailboxes.begin(), app.mailboxes.end())}});
    }
    const std::string authority =
        "https://localhost:" + std::to_string(impl_->https_listener->endpoint().port);
    json::object ready{{"event", "ready"},
                       {"host", "localhost"},
                       {"smtp_port", impl_->smtp_listener->endpoint().port},
                       {"https_port", impl_->https_listener->endpoint().port},
                       {"authority", authority},
                       {"scope", "https://outlook.office365.com/.default"},
                       {"ca_file", (directory / "ca.pem").string()},
                       {"state_dir", directory.string()},
                       {"messages_dir", (directory / "messages").string()}};
    const json::object& first = apps.front().get_object();
    for (const char* key : {"tenant", "client_id", "secret_file"})
        ready[key] = first.at(key);
    ready["mailbox"] = first.at("mailboxes").at(0);
    ready["apps"] = std::move(apps);
    return json::serialize(ready);
}

std::string Sandbox::state_line() const {
    std::string text = impl_->control.answer({"GET", "/control/state", {}}).body;
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

}  // namespace mailramp::sandbox
