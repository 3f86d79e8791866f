#include "io/own_certificate.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "io/net.h"
#include "io/trust.h"

namespace mailramp::io {
namespace {

constexpr unsigned rsa_bits = 2048;
constexpr std::size_t common_name_bytes_max =
    64;  // RFC 5280, ub-common-name; the names that count are in the SAN

struct EvpKeyFree {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct X509Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
struct SecretBioFree {
    void operator()(BIO* bio) const {
        char* text = nullptr;
        const long size = BIO_get_mem_data(bio, &text);
        if (size > 0) OPENSSL_cleanse(text, static_cast<std::size_t>(size));
        BIO_free_all(bio);
    }
};
using EvpKey = std::unique_ptr<EVP_PKEY, EvpKeyFree>;
using Certificate = std::unique_ptr<X509, X509Free>;

EvpKey make_key(KeyKind kind) {
    switch (kind) {
        case KeyKind::p256:
            return EvpKey(EVP_EC_gen("P-256"));
        case KeyKind::rsa2048:
            return EvpKey(EVP_RSA_gen(rsa_bits));
    }
    return {};
}

bool is_numeric_address(const std::string& name) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    return ::inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

std::string subject_alternatives(const std::vector<std::string>& names) {
    std::string value;
    for (const std::string& name : names) {
        if (!value.empty()) value += ',';
        value += (is_numeric_address(name) ? "IP:" : "DNS:") + name;
    }
    return value;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), &X509_EXTENSION_free);
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial_number(X509* certificate) {
    std::uint64_t number = 0;
    std::array<unsigned char, sizeof number> octets{};
    if (RAND_bytes(octets.data(), octets.size()) != 1) return false;
    for (const unsigned char octet : octets)
        number = number << 8 | octet;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number >> 1 | 1) == 1;
}

bool set_time(ASN1_TIME* field, base::WallTime time) {
    return ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(
                                    std::chrono::floor<std::chrono::seconds>(time))) != nullptr;
}

// It vouches for itself and for nobody else (CA:FALSE), also where somebody adds it to the trusted ones.
bool fill(X509* certificate, EVP_PKEY* key, const OwnCertificate& wanted) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const std::string common_name = wanted.names.front().substr(0, common_name_bytes_max);
    const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial_number(certificate) &&
           set_time(X509_getm_notBefore(certificate), wanted.begins) &&
           set_time(X509_getm_notAfter(certificate), wanted.ends) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, subject_alternatives(wanted.names)) &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

base::Result<> write_all(int file, std::string_view octets, const std::filesystem::path& path) {
    while (!octets.empty()) {
        const ssize_t written = ::write(file, octets.data(), octets.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(base::system_error("write " + path.string(), errno));
        octets.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file) != 0) return std::unexpected(base::system_error("sync " + path.string(), errno));
    return {};
}

}  // namespace

base::Result<base::Secret> make_own_certificate(const OwnCertificate& wanted) {
    const EvpKey key = make_key(wanted.key);
    const Certificate certificate(X509_new());
    const std::unique_ptr<BIO, SecretBioFree> out(BIO_new(BIO_s_mem()));
    const bool good =
        key && certificate && out && fill(certificate.get(), key.get(), wanted) &&
        PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
        PEM_write_bio_X509(out.get(), certificate.get()) == 1;
    if (!good) return base::fail(base::ErrorKind::tls, "cannot make a certificate: " + openssl_error());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return base::Secret(std::string(text, static_cast<std::size_t>(size)));
}

base::Result<> replace_private_file(const std::filesystem::path& path, const base::Secret& content) {
    const std::filesystem::path fresh = path.string() + ".new";
    // What a crash has left behind.
    if (::unlink(fresh.c_str()) != 0 && errno != ENOENT)
        return std::unexpected(base::system_error("remove " + fresh.string(), errno));
    const FileDescriptor file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (file.get() < 0) return std::unexpected(base::system_error("make " + fresh.string(), errno));
    if (auto written = write_all(file.get(), content.reveal(), fresh); !written) return written;
    if (::rename(fresh.c_str(), path.c_str()) != 0)
        return std::unexpected(base::system_error("rename " + fresh.string(), errno));
    return {};
}

}  // namespace mailramp::io
