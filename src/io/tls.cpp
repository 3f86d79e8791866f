#include "mailramp/io/tls.h"

#include <fstream>
#include <iterator>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include "io/trust.h"
#include "mailramp/base/secret.h"

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

base::Result<std::string> read_pem(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected(base::system_error("open " + path.string(), errno));
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (file.bad()) return std::unexpected(base::system_error("read " + path.string(), errno));
    return text;
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
                                              const std::filesystem::path& private_key) {
    auto chain = read_pem(certificate_chain);
    if (!chain) return std::unexpected(chain.error());
    auto key = read_pem(private_key);
    if (!key) return std::unexpected(key.error());
    auto server = from_pem(*chain, *key);
    base::wipe(*key);
    if (!server) return base::fail(certificate_chain.string(), server.error());
    return server;
}

base::Result<TlsServer> TlsServer::from_pem(const std::string& certificate_chain,
                                            const std::string& private_key) {
    auto context = make_context(ssl::context::tls_server);
    if (!context) return std::unexpected(context.error());
    boost::system::error_code error;
    (*context)->use_certificate_chain(boost::asio::buffer(certificate_chain), error);
    if (error) return base::fail(base::ErrorKind::tls, "cannot use the certificate: " + error.message());
    (*context)->use_private_key(boost::asio::buffer(private_key), ssl::context::pem, error);
    if (error) return base::fail(base::ErrorKind::tls, "cannot use the private key: " + error.message());
    if (SSL_CTX_check_private_key((*context)->native_handle()) != 1)
        return base::fail(base::ErrorKind::tls, "the private key does not belong to the certificate");
    TlsServer server;
    server.context_ = std::move(*context);
    return server;
}

}  // namespace mailramp::io
