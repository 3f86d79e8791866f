// sandbox/certificates.h: a certificate authority that lives as long as the program.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "mailramp/base/result.h"

namespace mailramp::sandbox {

struct KeyFree {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertificateFree {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
using Certificate = std::unique_ptr<X509, CertificateFree>;

// A certificate and its key, both PEM.
struct Identity {
    std::string certificate_pem;
    std::string key_pem;
};

// What a server certificate says.
struct ServerCertificate {
    std::string common_name = "localhost";
    std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};  // DNS names and IP addresses
    std::chrono::seconds valid_from = -std::chrono::hours(1);            // from now
    std::chrono::seconds valid_until = std::chrono::hours(24 * 30);      // from now
};

// P-256 throughout. The authority's key exists in memory only.
class CertificateAuthority {
  public:
    [[nodiscard]] static base::Result<CertificateAuthority> create(const std::string& name);
    [[nodiscard]] const std::string& certificate_pem() const { return certificate_pem_; }
    [[nodiscard]] base::Result<Identity> issue(const ServerCertificate& wanted) const;

  private:
    CertificateAuthority(Key key, Certificate certificate, std::string pem)
        : key_(std::move(key)), certificate_(std::move(certificate)), certificate_pem_(std::move(pem)) {}
    Key key_;
    Certificate certificate_;
    std::string certificate_pem_;
};

}  // namespace mailramp::sandbox
