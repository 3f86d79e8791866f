// io/trust.h: whom we believe: the system's CAs and one extra file, for SMTP and for HTTPS alike.
#pragma once

#include <filesystem>
#include <memory>

#include <openssl/x509_vfy.h>

#include "mailramp/base/result.h"

namespace mailramp::io {

struct X509StoreFree {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using X509Store = std::unique_ptr<X509_STORE, X509StoreFree>;

// SSL_CERT_FILE and SSL_CERT_DIR mean what OpenSSL's users expect. Where the system has a hashed directory,
// certificates are read from it one by one when a chain needs them. ErrorKind::tls when `ca_file` (optional)
// cannot be read or holds no certificate. The store may be shared by connections of several threads.
[[nodiscard]] base::Result<X509Store> load_trust(const std::filesystem::path& ca_file);

// The newest of OpenSSL's queued errors in words, and an empty queue.
[[nodiscard]] std::string openssl_error();

}  // namespace mailramp::io
