#include "sandbox/certificates.h"

#include <array>
#include <cstdint>
#include <utility>

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace mailramp::sandbox {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

base::Error openssl_failed(const char* doing) {
    return {base::ErrorKind::tls, std::string("OpenSSL cannot ") + doing};
}

std::string contents(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return std::string(text, static_cast<std::size_t>(size));
}

base::Result<std::string> to_pem(X509* certificate) {
    const Bio out(BIO_new(BIO_s_mem()), &BIO_free_all);
    if (!out || PEM_write_bio_X509(out.get(), certificate) != 1)
        return std::unexpected(openssl_failed("write a certificate"));
    return contents(out.get());
}

base::Result<std::string> to_pem(EVP_PKEY* key) {
    const Bio out(BIO_new(BIO_s_mem()), &BIO_free_all);
    if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return std::unexpected(openssl_failed("write a key"));
    return contents(out.get());
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), &X509_EXTENSION_free);
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool is_address(const std::string& name) {
    std::array<unsigned char, 16> parsed{};
    return ::inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

std::string alternative_names(const std::vector<std::string>& names) {
    std::string value;
    for (const std::string& name : names) {
        if (!value.empty()) value += ',';
        value += (is_address(name) ? "IP:" : "DNS:") + name;
    }
    return value;
}

bool set_random_serial(X509* certificate) {
    std::array<unsigned char, 8> octets{};
    if (RAND_bytes(octets.data(), octets.size()) != 1) return false;
    std::uint64_t serial = 0;
    for (const unsigned char octet : octets)
        serial = serial << 8 | octet;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

// Version, serial number, time, subject and key; the caller adds issuer and extensions and signs.
Certificate begin(EVP_PKEY* key, const ServerCertificate& wanted) {
    Certificate certificate(X509_new());
    if (!certificate) return {};
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    const auto* name = reinterpret_cast<const unsigned char*>(wanted.common_name.c_str());
    const bool good =
        X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_random_serial(certificate.get()) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wanted.valid_from.count()) != nullptr &&
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wanted.valid_until.count()) != nullptr &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1 &&
        X509_set_pubkey(certificate.get(), key) == 1;
    return good ? std::move(certificate) : Certificate();
}

}  // namespace

base::Result<CertificateAuthority> CertificateAuthority::create(const std::string& name) {
    Key key(EVP_EC_gen("P-256"));
    if (!key) return std::unexpected(openssl_failed("make a key"));
    ServerCertificate self;
    self.common_name = name;
    Certificate certificate = begin(key.get(), self);
    X509* raw = certificate.get();
    const bool good = raw != nullptr && X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1 &&
                      add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE") &&
                      add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                      add_extension(raw, raw, NID_subject_key_identifier, "hash") &&
                      X509_sign(raw, key.get(), EVP_sha256()) != 0;
    if (!good) return std::unexpected(openssl_failed("make a CA certificate"));
    auto pem = to_pem(raw);
    if (!pem) return std::unexpected(pem.error());
    return CertificateAuthority(std::move(key), std::move(certificate), std::move(*pem));
}

base::Result<Identity> CertificateAuthority::issue(const ServerCertificate& wanted) const {
    const Key key(EVP_EC_gen("P-256"));
    if (!key) return std::unexpected(openssl_failed("make a key"));
    const Certificate certificate = begin(key.get(), wanted);
    X509* raw = certificate.get();
    X509* issuer = certificate_.get();
    const bool good = raw != nullptr && X509_set_issuer_name(raw, X509_get_subject_name(issuer)) == 1 &&
                      add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                      add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature") &&
                      add_extension(raw, issuer, NID_ext_key_usage, "serverAuth") &&
                      add_extension(raw, issuer, NID_subject_key_identifier, "hash") &&
                      add_extension(raw, issuer, NID_authority_key_identifier, "keyid") &&
                      add_extension(raw, issuer, NID_subject_alt_name, alternative_names(wanted.names)) &&
                      X509_sign(raw, key_.get(), EVP_sha256()) != 0;
    if (!good) return std::unexpected(openssl_failed("make a server certificate"));
    auto certificate_text = to_pem(raw);
    auto key_text = to_pem(key.get());
    if (!certificate_text || !key_text) return std::unexpected(openssl_failed("write a server certificate"));
    return Identity{std::move(*certificate_text), std::move(*key_text)};
}

}  // namespace mailramp::sandbox
