// mailramp/io/tls.h: TLS contexts for both directions. There is no switch that turns verification off.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace mailramp::io {

struct TlsClientOptions {
    std::filesystem::path ca_file;  // PEM; trusted in addition to the system's CAs. Empty: the system's only.
};

// What a client connection needs: TLS 1.2 or newer, the system's CAs plus an optional file. Each connection
// verifies chain and host name and sends SNI. Immutable after create(); connections keep the context alive.
class TlsClient {
  public:
    // Fails with ErrorKind::tls when `ca_file` cannot be read or holds no certificate.
    [[nodiscard]] static base::Result<TlsClient> create(const TlsClientOptions& options);
    [[nodiscard]] const std::shared_ptr<boost::asio::ssl::context>& context() const { return context_; }

  private:
    std::shared_ptr<boost::asio::ssl::context> context_;
};

// legacy: TLS 1.0 and 1.1 as well, with the ciphers of their time, for devices that know nothing newer.
// OpenSSL 3 does that at its security level 0 only.
enum class TlsVersions { current, legacy };

// What a server needs: a certificate chain and its key, both PEM. Sessions are not resumed: nothing about one
// is kept.
class TlsServer {
  public:
    // The key must be private (private_file.h); it may stand in the same file as the chain.
    [[nodiscard]] static base::Result<TlsServer> from_files(const std::filesystem::path& certificate_chain,
                                                            const std::filesystem::path& private_key,
                                                            TlsVersions versions = TlsVersions::current);
    [[nodiscard]] static base::Result<TlsServer> from_pem(std::string_view certificate_chain,
                                                          std::string_view private_key,
                                                          TlsVersions versions = TlsVersions::current);
    // When the certificate ends, and whether it is for this host.
    [[nodiscard]] base::WallTime ends() const;
    [[nodiscard]] bool names(const std::string& host) const;
    [[nodiscard]] const std::shared_ptr<boost::asio::ssl::context>& context() const { return context_; }

  private:
    std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace mailramp::io
