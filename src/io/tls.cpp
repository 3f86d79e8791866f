#include "mailramp/io/tls.h"

#include <cerrno>
#include <ctime>
#include <fstream>

#include <openssl/err.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include "io/trust.h"
#include "mailramp/base/secret.h"
#include "mailramp/io/async.h"
#include "mailramp/io/private_file.h"

namespace mailramp::io {
namespace {

namespace ssl = boost::asio::ssl;

base::Result<std::shared_ptr<ssl::context>> make_context(ssl::context::method method) {
    try {
        auto context = std::make_shared<ssl::context>(method);
        SSL_CTX* handle = context->native_handle();
        SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
        SSL_CTX_set_options(handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
        return context;
    } catch (const std::exception& error) {
        return base::fail(base::ErrorKind::tls, std::string("cannot make a TLS context: ") + error.what());
    }
}

constexpr std::size_t chain_bytes_max = 256 * 1024;
constexpr std::size_t key_bytes_max = 256 * 1024;  // it may stand in one file with the chain
constexpr const char* legacy_ciphers = "DEFAULT:@SECLEVEL=0";
constexpr int legacy_security_level = 0;

base::Result<std::string> read_chain(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected(base::system_error("the certificate " + path.string(), errno));
    std::string text(chain_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) return std::unexpected(base::system_error("the certificate " + path.string(), errno));
    if (static_cast<std::size_t>(file.gcount()) == text.size())
        return base::fail(base::ErrorKind::limit, "the certificate " + path.string() + " is larger than " +
                                                      std::to_string(chain_bytes_max) + " octets");
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

// A server keeps nothing of a session that has ended, and little of one that is idle.
bool set_up_server(SSL_CTX* context, TlsVersions versions) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_num_tickets(context, 0) != 1) return false;
    if (versions == TlsVersions::current) return true;
    SSL_CTX_set_security_level(context, legacy_security_level);
    SSL_CTX_set_dh_auto(context, 1);
    return SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, legacy_ciphers) == 1;
}

}  // namespace

base::Result<TlsClient> TlsClient::create(const TlsClientOptions& options) {
    auto context = make_context(ssl::context::tls_client);
    if (!context) return std::unexpected(context.error());
    auto trusted = load_trust(options.ca_file);
    if (!trusted) return std::unexpected(trusted.error());
    SSL_CTX_set_cert_store((*context)->native_handle(), trusted->release());
    SSL_CTX_set_verify((*context)->native_handle(), SSL_VERIFY_PEER, nullptr);
    TlsClient client;
    client.context_ = std::move(*context);
    return client;
}

base::Result<TlsServer> TlsServer::from_files(const std::filesystem::path& certificate_chain,
                                              const std::filesystem::path& private_key,
                                              TlsVersions versions) {
    const auto key = read_private_file(private_key, "the private key " + private_key.string(), key_bytes_max);
    if (!key) return std::unexpected(key.error());
    const auto chain = read_chain(certificate_chain);
    if (!chain) return std::unexpected(chain.error());
    auto server = from_pem(*chain, key->reveal(), versions);
    if (!server) return base::fail(certificate_chain.string(), server.error());
    return server;
}

base::Result<TlsServer> TlsServer::from_pem(std::string_view certificate_chain, std::string_view private_key,
                                            TlsVersions versions) {
    auto context = make_context(ssl::context::tls_server);
    if (!context) return std::unexpected(context.error());
    SSL_CTX* handle = (*context)->native_handle();
    if (!set_up_server(handle, versions))
        return base::fail(base::ErrorKind::tls, "cannot make a TLS context: " + openssl_error());
    boost::system::error_code error;
    const asio::const_buffer chain(certificate_chain.data(), certificate_chain.size());
    (*context)->use_certificate_chain(chain, error);
    if (error) return base::fail(base::ErrorKind::tls, "cannot use the certificate: " + error.message());
    const asio::const_buffer key(private_key.data(), private_key.size());
    (*context)->use_private_key(key, ssl::context::pem, error);
    const bool of_another =
        ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH;
    if (error && !of_another)
        return base::fail(base::ErrorKind::tls, "cannot use the private key: " + error.message());
    if (error || SSL_CTX_check_private_key(handle) != 1)
        return base::fail(base::ErrorKind::tls, "the private key does not belong to the certificate");
    ERR_clear_error();
    TlsServer server;
    server.context_ = std::move(*context);
    return server;
}

base::WallTime TlsServer::ends() const {
    std::tm broken_down{};
    const X509* certificate = SSL_CTX_get0_certificate(context_->native_handle());
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &broken_down) != 1) return {};
    return base::WallTime(std::chrono::seconds(::timegm(&broken_down)));
}

bool TlsServer::names(const std::string& host) const {
    X509* certificate = SSL_CTX_get0_certificate(context_->native_handle());
    return X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1 ||
           X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
}

}  // namespace mailramp::io
