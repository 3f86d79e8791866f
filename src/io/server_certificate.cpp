#include "mailramp/io/server_certificate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/stat.h>

#include "io/own_certificate.h"
#include "mailramp/base/events.h"

namespace mailramp::io {
namespace {

// A name for each kind of key, so that each stays the same, whichever is wanted at a start.
constexpr const char* own_file_current = "tls-p256.pem";
constexpr const char* own_file_legacy = "tls-rsa.pem";

// "2031-05-01"
std::string date_text(base::WallTime time) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
    const auto two_digits = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
    return std::to_string(static_cast<int>(date.year())) + "-" +
           two_digits(static_cast<unsigned>(date.month())) + "-" +
           two_digits(static_cast<unsigned>(date.day()));
}

}  // namespace

ServerCertificate::ServerCertificate(ServerCertificateOptions options, const base::Clock& clock,
                                     base::Logger logger)
    : options_(std::move(options)),
      clock_(&clock),
      logger_(std::move(logger)),
      own_(options_.certificate.empty()) {
    if (own_)
        options_.certificate =
            options_.own_folder /
            (options_.versions == TlsVersions::legacy ? own_file_legacy : own_file_current);
    if (options_.key.empty()) options_.key = options_.certificate;
}

base::Result<ServerCertificate> ServerCertificate::open(ServerCertificateOptions options,
                                                        const base::Clock& clock, base::Logger logger) {
    ServerCertificate certificate(std::move(options), clock, std::move(logger));
    auto loaded = certificate.load();
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    return certificate;
}

const TlsServer& ServerCertificate::current() {
    const base::SteadyTime now = clock_->steady();
    if (now - looked_ >= options_.look_interval) {
        looked_ = now;
        look();
    }
    return server_;
}

void ServerCertificate::look() {
    const base::SteadyTime now = clock_->steady();
    const bool tried_lately = renewal_failed_ && now - *renewal_failed_ < options_.own_retry_interval;
    const bool renew = is_own() && !is_good_own(server_) && !tried_lately;
    if (!renew && stamps() == stamps_) return;
    renewal_failed_.reset();
    if (auto loaded = load(); !loaded) {
        stamps_ = stamps();  // said once for each change
        renewal_failed_ = now;
        logger_.error(base::events::certificate_failed,
                      loaded.error().message + "; clients still get the certificate of before",
                      {{"file", options_.certificate.string()}});
    }
}

base::Result<> ServerCertificate::load() {
    std::vector<Stamp> seen = stamps();
    if (is_own()) {
        if (auto loaded = load_own(); !loaded) return loaded;
        seen = stamps();
    } else {
        auto server = TlsServer::from_files(options_.certificate, options_.key, options_.versions);
        if (!server) return std::unexpected(std::move(server.error()));
        server_ = *std::move(server);
    }
    stamps_ = std::move(seen);
    looked_ = clock_->steady();
    log_loaded();
    return {};
}

// What is there and good stays: clients may have been told to trust just this one.
base::Result<> ServerCertificate::load_own() {
    auto found = TlsServer::from_files(options_.certificate, options_.key, options_.versions);
    if (found && is_good_own(*found)) {
        server_ = *std::move(found);
        return {};
    }
    const base::WallTime now = clock_->wall();
    const OwnCertificate wanted{
        .names = options_.own_names,
        .key = options_.versions == TlsVersions::legacy ? KeyKind::rsa2048 : KeyKind::p256,
        .begins = now - options_.own_backdating,
        .ends = now + options_.own_validity};
    const auto made = make_own_certificate(wanted);
    if (!made) return std::unexpected(made.error());
    if (auto kept = replace_private_file(options_.certificate, *made); !kept)
        return base::fail("the certificate of our own", kept.error());
    auto server = TlsServer::from_files(options_.certificate, options_.key, options_.versions);
    if (!server) return std::unexpected(std::move(server.error()));
    server_ = *std::move(server);
    return {};
}

bool ServerCertificate::is_good_own(const TlsServer& server) const {
    return server.ends() - clock_->wall() > options_.own_renewal &&
           std::ranges::all_of(options_.own_names,
                               [&](const std::string& name) { return server.names(name); });
}

std::vector<ServerCertificate::Stamp> ServerCertificate::stamps() const {
    std::vector<Stamp> found;
    for (const std::filesystem::path& path : {options_.certificate, options_.key}) {
        struct stat status{};
        Stamp stamp;
        if (::stat(path.c_str(), &status) == 0)
            stamp = {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
        found.push_back(stamp);
    }
    return found;
}

void ServerCertificate::log_loaded() const {
    const std::string file = options_.certificate.string();
    const std::string ends = date_text(server_.ends());
    if (server_.ends() <= clock_->wall())
        logger_.warning(base::events::certificate_loaded,
                        "the certificate has ended: clients that look at it will not send",
                        {{"file", file}, {"ends", ends}});
    else
        logger_.info(base::events::certificate_loaded,
                     is_own() ? "of our own: clients cannot check it unless they are given it" : "",
                     {{"file", file}, {"ends", ends}});
}

}  // namespace mailramp::io
