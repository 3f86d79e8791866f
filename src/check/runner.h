// check/runner.h: the steps in their order, and which of them needs which. The I/O of the area.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/claims.h"
#include "check/mailboxes.h"
#include "check/servers.h"
#include "check/tokens.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/secret.h"
#include "mailramp/check/run.h"
#include "mailramp/config/settings.h"
#include "mailramp/io/async.h"
#include "mailramp/io/connect.h"
#include "mailramp/io/http_client.h"
#include "mailramp/io/system_clock.h"
#include "mailramp/io/tls.h"
#include "mailramp/upstream/session.h"

namespace mailramp::check {

// What is needed to go on, in words ("a secret"); empty: nothing is missing.
using Missing = std::string;

// Everything after the configuration. Lives on one event loop and must outlive run().
class Runner {
  public:
    // `settings`: mailboxes are those that are to be tried. All arguments must outlive the runner.
    Runner(const config::Settings& settings, const Options& options, const Report& report,
           io::HttpClient& http, const io::TlsClient& tls, const io::Executor& executor);

    io::Task<> run();
    [[nodiscard]] Verdict verdict() const { return verdict_; }

  private:
    struct AuthorityState {
        Missing missing;
        bool clock_is_right = true;
    };
    struct TokenState {
        Missing missing;
        base::Secret token;
        std::optional<Claims> claims;
    };

    io::Task<> check_port(io::Endpoint endpoint);
    io::Task<std::string> greeting_of(io::Endpoint endpoint);

    io::Task<> check_credential(const config::CredentialSettings& credential);
    // Name, HTTPS and clock of a token server, once for all credentials that use it.
    io::Task<> check_authority(const config::CredentialSettings& credential, AuthorityState& state);
    io::Task<> ask_authority(const config::CredentialSettings& credential, AuthorityState& state);
    io::Task<std::string> handshake_failure(Authority authority);
    io::Task<> fetch_token(const config::CredentialSettings& credential, TokenState& state);
    void check_claims(const config::CredentialSettings& credential, const AuthorityState& authority,
                      TokenState& state);

    // Name, connection and TLS of a mail server, once for all mailboxes that use it.
    io::Task<> check_server(const upstream::ServerOptions& server, Missing& missing);
    io::Task<> check_session(const upstream::ServerOptions& server, io::Stream stream, Missing& missing);
    io::Task<> check_mailbox(const config::MailboxSettings& mailbox);
    io::Task<> check_message(const config::MailboxSettings& mailbox, const MailboxFacts& facts,
                             upstream::Session& session);

    void tell(const Finding& finding);
    // Skips the step when something is missing or the time is up: true.
    bool skip(Step step, const std::string& subject, const Missing& missing);
    [[nodiscard]] base::Duration within(base::Duration limit) const;
    [[nodiscard]] io::ConnectOptions connecting(io::Family family) const;
    [[nodiscard]] std::shared_ptr<const upstream::SessionEnvironment> environment_of(
        upstream::ServerOptions server) const;
    [[nodiscard]] Service service_of(const config::CredentialSettings& credential) const;
    [[nodiscard]] bool is_used(const config::CredentialSettings& credential) const;

    const config::Settings& settings_;
    const Options& options_;
    const Report& report_;
    io::HttpClient& http_;
    const io::TlsClient& tls_;
    io::Executor executor_;
    io::SystemClock clock_;
    base::SteadyTime end_;
    Verdict verdict_ = Verdict::good;
    enum class Late { no, told } late_ = Late::no;
    std::map<std::string, AuthorityState, std::less<>> authorities_;  // by address and proxy
    std::map<std::string, TokenState, std::less<>> tokens_;           // by credential
    std::map<std::string, Missing, std::less<>> servers_;             // by what makes them differ
};

}  // namespace mailramp::check
