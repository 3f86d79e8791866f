#include "io/trust.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <unistd.h>

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t openssl_words_bytes_max = 256;

bool in_environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

// c_rehash names a certificate by the hash of its subject: 8 hexadecimal digits, a dot, a counter.
bool is_hashed_name(const std::string& name) {
    const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return name.size() >= 10 && name[8] == '.' && std::all_of(name.begin(), name.begin() + 8, hexadecimal) &&
           name[9] >= '0' && name[9] <= '9';
}

bool has_hashed_certificates(const fs::path& directory) {
    std::error_code error;
    const fs::directory_iterator entries(directory, error);
    if (error) return false;
    return std::any_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
        return is_hashed_name(entry.path().filename());
    });
}

// OpenSSL's default directory is read on demand and costs nothing; its default file is a bundle that is
// parsed whole (about 50 ms and some megabytes), so it is left out when the directory can do its work.
bool add_system(X509_STORE* store) {
    X509_LOOKUP* directory = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
    if (directory == nullptr) return false;
    X509_LOOKUP_add_dir(directory, nullptr, X509_FILETYPE_DEFAULT);
    if (!in_environment("SSL_CERT_FILE") &&
        (in_environment("SSL_CERT_DIR") || has_hashed_certificates(X509_get_default_cert_dir())))
        return true;
    X509_LOOKUP* file = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (file == nullptr) return false;
    X509_LOOKUP_load_file(file, nullptr, X509_FILETYPE_DEFAULT);
    return true;
}

}  // namespace

std::string openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "unknown error";
    std::array<char, openssl_words_bytes_max> text{};
    ERR_error_string_n(code, text.data(), text.size());
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? std::string(reason) : std::string(text.data());
}

base::Result<X509Store> load_trust(const fs::path& ca_file) {
    X509Store store(X509_STORE_new());
    if (!store || !add_system(store.get()))
        return base::fail(base::ErrorKind::tls, "cannot make a certificate store: " + openssl_error());
    // Missing system files leave errors behind that would be blamed on the next call.
    ERR_clear_error();
    // OpenSSL's own words for a file that is not there are "system lib".
    if (!ca_file.empty() && ::access(ca_file.c_str(), R_OK) != 0) {
        base::Error error = base::system_error("cannot read CA certificates from " + ca_file.string(), errno);
        error.kind = base::ErrorKind::tls;
        return std::unexpected(std::move(error));
    }
    if (!ca_file.empty() && X509_STORE_load_file(store.get(), ca_file.c_str()) != 1)
        return base::fail(base::ErrorKind::tls,
                          "cannot read CA certificates from " + ca_file.string() + ": " + openssl_error());
    ERR_clear_error();
    return store;
}

}  // namespace mailramp::io
