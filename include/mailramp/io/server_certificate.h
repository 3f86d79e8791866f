// mailramp/io/server_certificate.h: the certificate that a server shows, kept up to date while it runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/io/tls.h"

namespace mailramp::io {

struct ServerCertificateOptions {
    std::filesystem::path certificate;  // the chain, PEM; empty: one of our own, made when needed
    std::filesystem::path key;          // PEM, mode 0600; empty: in the same file
    TlsVersions versions = TlsVersions::current;
    // Of our own: where it is kept (the folder must be there), and whom it names.
    std::filesystem::path own_folder;
    std::vector<std::string> own_names;
    base::Duration own_validity = std::chrono::days(5 * 365);
    base::Duration own_renewal = std::chrono::days(31);         // before it ends
    base::Duration own_backdating = std::chrono::days(1);       // for clients whose clock is slow
    base::Duration look_interval = std::chrono::seconds(1);     // how often changes are looked for, at most
    base::Duration own_retry_interval = std::chrono::hours(1);  // of a renewal that failed
};

// Changed files, and the renewal of our own certificate, take effect at the next handshake. What goes wrong
// then is logged, and the certificate of before stays. Event loop only; reads small files.
class ServerCertificate {
  public:
    // `clock` must outlive it. Fails with the file, the cause and, where there is one, the remedy.
    [[nodiscard]] static base::Result<ServerCertificate> open(ServerCertificateOptions options,
                                                              const base::Clock& clock, base::Logger logger);
    // For the next handshake.
    [[nodiscard]] const TlsServer& current();
    // Where it is; one of our own is renewed by itself.
    [[nodiscard]] const std::filesystem::path& file() const { return options_.certificate; }
    [[nodiscard]] bool is_own() const { return own_; }

  private:
    // Tells a file from the one that was there before.
    struct Stamp {
        std::uint64_t device = 0, inode = 0, size = 0;
        std::int64_t changed_seconds = 0, changed_nanoseconds = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };

    ServerCertificate(ServerCertificateOptions options, const base::Clock& clock, base::Logger logger);
    [[nodiscard]] base::Result<> load();
    [[nodiscard]] base::Result<> load_own();
    [[nodiscard]] bool is_good_own(const TlsServer& server) const;
    [[nodiscard]] std::vector<Stamp> stamps() const;
    void look();
    void log_loaded() const;

    ServerCertificateOptions options_;
    const base::Clock* clock_;
    base::Logger logger_;
    bool own_;
    TlsServer server_;
    std::vector<Stamp> stamps_;
    base::SteadyTime looked_{};
    std::optional<base::SteadyTime> renewal_failed_;
};

}  // namespace mailramp::io
