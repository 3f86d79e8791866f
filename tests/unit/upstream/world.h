// tests/unit/upstream/world.h: a courier, its token cache and a scripted server on one event loop.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "mailramp/base/text.h"
#include "mailramp/io/system_clock.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/upstream/smtp_courier.h"
#include "sandbox/certificates.h"
#include "smtp/xoauth2.h"
#include "unit/upstream/scripted_server.h"

namespace mailramp::upstream::testing {

// Gives token-1, token-2, … or the failure that is set.
class CountingTokenSource final : public oauth::TokenSource {
  public:
    explicit CountingTokenSource(const base::Clock& clock) : clock_(clock) {}

    io::Task<oauth::TokenResult> fetch() override {
        ++fetches;
        if (hangs_on != nullptr) co_await hangs_on->wait();
        if (failure) co_return std::unexpected(*failure);
        oauth::Token token;
        token.value = base::Secret("token-" + std::to_string(fetches) + std::string(padding, 'x'));
        token.obtained = clock_.steady();
        token.expires = token.refresh_at = token.obtained + life;
        co_return token;
    }

    int fetches = 0;
    io::Event* hangs_on = nullptr;  // before it answers
    std::size_t padding = 0;
    base::Duration life = std::chrono::hours(1);
    std::optional<oauth::TokenFailure> failure;

  private:
    const base::Clock& clock_;
};

// The certificates of these tests; making them once saves time.
struct Authority {
    Authority() : ca(sandbox::CertificateAuthority::create("Test CA").value()) {
        path = std::filesystem::temp_directory_path() / ("mailramp-upstream-" + std::to_string(::getpid()));
        std::ofstream(path) << ca.certificate_pem();
        client = io::TlsClient::create({path}).value();
    }
    ~Authority() { std::filesystem::remove(path); }
    Authority(const Authority&) = delete;

    [[nodiscard]] static io::TlsServer server(const sandbox::CertificateAuthority& by,
                                              const sandbox::ServerCertificate& wanted) {
        const auto identity = by.issue(wanted).value();
        return io::TlsServer::from_pem(identity.certificate_pem, identity.key_pem).value();
    }

    sandbox::CertificateAuthority ca;
    std::filesystem::path path;
    std::optional<io::TlsClient> client;
};

// A certificate that vouches for itself.
inline io::TlsServer self_signed_server(const char* name) {
    const sandbox::Key key(EVP_EC_gen("P-256"));
    const sandbox::Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const auto pem = [](auto write) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), &BIO_free_all);
        write(out.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(out.get(), &text);
        return std::string(text, static_cast<std::size_t>(size));
    };
    return io::TlsServer::from_pem(
               pem([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); }), pem([&](BIO* out) {
                   PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
               }))
        .value();
}

inline const Authority& authority() {
    static const Authority the_authority;
    return the_authority;
}

// The time of this machine and a jump that a test makes.
class JumpingClock final : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override { return clock_.wall() + ahead; }
    [[nodiscard]] base::SteadyTime steady() const override { return clock_.steady() + ahead; }

    base::Duration ahead{};  // negative: behind

  private:
    io::SystemClock clock_;
};

struct World {
    World() : World(Authority::server(authority().ca, {})) {}
    explicit World(std::optional<io::TlsServer> certificate)
        : server(loop, std::move(certificate)),
          tokens("contoso", source, token_options(), loop.executor(), clock, logger, 0.0) {
        options.mailbox = "relay";
        options.user = "relay@example.com";
        options.host = "127.0.0.1";
        options.port = server.port();
        options.dialect = provider::Dialect::exchange_online;
        options.ehlo_name = "relay.example.com";
    }

    // Made at first use, so that a test can change the options before.
    SmtpCourier& courier() {
        if (!courier_) {
            CourierMailbox mailbox;
            mailbox.server = options;
            if (options.authentication == smtp::Authentication::xoauth2) mailbox.tokens = &tokens;
            std::vector<CourierMailbox> mailboxes;
            mailboxes.push_back(std::move(mailbox));
            courier_ = SmtpCourier::create(std::move(mailboxes), authority().client, own_listeners,
                                           loop.executor(), clock, logger)
                           .value();
        }
        return *courier_;
    }

    delivery::Submission submission(std::string content = "Subject: x\r\n\r\nHello\r\n") {
        delivery::Submission out;
        out.queue_id = "00000000001";
        out.mailbox = "relay";
        out.envelope.sender = "relay@example.com";
        for (const char* address : {"a@example.net", "b@example.net"})
            out.envelope.recipients.push_back({address, "", ""});
        out.size_bytes = content.size();
        out.content = [text = std::make_shared<std::string>(std::move(content))](std::uint64_t offset,
                                                                                 std::size_t octets_max) {
            return read_from(text, offset, octets_max);
        };
        out.deadline = clock.steady() + io::testing::patient;
        return out;
    }

    delivery::AttemptReport deliver() { return loop.run(courier().deliver(submission())); }
    delivery::AttemptReport deliver(std::string content) {
        return loop.run(courier().deliver(submission(std::move(content))));
    }

    // Runs the loop until the server has seen enough.
    template <class Condition>
    void until(Condition condition) {
        static_cast<void>(loop.run(wait_until(server, condition)));
    }

    static std::string response_for(std::string token) {
        return std::string(
            smtp::xoauth2_response("relay@example.com", base::Secret(std::move(token)))->reveal());
    }

    io::testing::Loop loop;
    JumpingClock clock;
    std::string log;  // every line and field that was logged
    base::Logger::Sink sink = [this](const base::LogRecord& record) {
        log.append(record.event).append(" ").append(record.message);
        for (const base::LogField& field : record.fields)
            log.append(" ").append(field.key).append("=").append(field.value);
        log += "\n";
    };
    base::Logger logger{&sink, base::LogLevel::debug};
    CountingTokenSource source{clock};
    ServerOptions options;
    std::vector<io::Endpoint> own_listeners;
    ScriptedServer server;
    oauth::TokenCache tokens;

  private:
    // A token is good until its very end, so that a test need not wait long for it.
    static oauth::TokenCacheOptions token_options() {
        oauth::TokenCacheOptions options;
        options.refresh_margin = options.use_margin = base::Duration::zero();
        return options;
    }
    static io::Task<base::Result<std::string>> read_from(std::shared_ptr<std::string> text,
                                                         std::uint64_t offset, std::size_t octets_max) {
        if (offset >= text->size()) co_return std::string();
        co_return text->substr(static_cast<std::size_t>(offset), octets_max);
    }
    template <class Condition>
    static io::Task<bool> wait_until(ScriptedServer& server, Condition condition) {
        while (!condition())
            co_await server.happened.wait();
        co_return true;
    }

    std::unique_ptr<SmtpCourier> courier_;
};

}  // namespace mailramp::upstream::testing
