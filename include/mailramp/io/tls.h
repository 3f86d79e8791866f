// mailramp/io/tls.h: TLS contexts for both directions. There is no switch that turns verification off.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

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

// What a server needs: a certificate chain and its key, both PEM, from files or from memory.
class TlsServer {
  public:
    [[nodiscard]] static base::Result<TlsServer> from_files(const std::filesystem::path& certificate_chain,
                                                            const std::filesystem::path& private_key);
    [[nodiscard]] static base::Result<TlsServer> from_pem(const std::string& certificate_chain,
                                                          const std::string& private_key);
    [[nodiscard]] const std::shared_ptr<boost::asio::ssl::context>& context() const { return context_; }

  private:
    std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace mailramp::io
