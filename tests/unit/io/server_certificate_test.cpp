#include "mailramp/io/server_certificate.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>

#include "io/own_certificate.h"
#include "sandbox/certificates.h"

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoppedClock : public base::Clock {
  public:
    [[nodiscard]] base::WallTime wall() const override { return wall_time; }
    [[nodiscard]] base::SteadyTime steady() const override { return steady_time; }
    base::WallTime wall_time = std::chrono::time_point_cast<base::Duration>(std::chrono::system_clock::now());
    base::SteadyTime steady_time{1h};
};

class ServerCertificates : public ::testing::Test {
  protected:
    void SetUp() override { fs::create_directories(folder_); }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] ServerCertificateOptions own(TlsVersions versions = TlsVersions::current) const {
        ServerCertificateOptions options;
        options.versions = versions;
        options.own_folder = folder_;
        options.own_names = {"relay.contoso.test", "localhost", "127.0.0.1", "::1"};
        return options;
    }
    base::Result<ServerCertificate> open(ServerCertificateOptions options) {
        return ServerCertificate::open(std::move(options), clock_,
                                       base::Logger(&sink_, base::LogLevel::info));
    }
    // The certificate that a client would get.
    static std::string shown(ServerCertificate& certificate) {
        X509* x509 = SSL_CTX_get0_certificate(certificate.current().context()->native_handle());
        unsigned char* der = nullptr;
        const int size = i2d_X509(x509, &der);
        std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
        OPENSSL_free(der);
        return text;
    }
    fs::path write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
        EXPECT_EQ(::chmod((folder_ / name).c_str(), 0600), 0);
        return folder_ / name;
    }
    void let_it_look() { clock_.steady_time += 2s; }

    fs::path folder_ = fs::temp_directory_path() / ("mailramp-certificate-" + std::to_string(::getpid()));
    StoppedClock clock_;
    std::vector<std::string> logged_;
    base::Logger::Sink sink_ = [this](const base::LogRecord& record) { logged_.emplace_back(record.event); };
};

TEST_F(ServerCertificates, MakesOneOfItsOwnThatStaysTheSame) {
    auto first = open(own());
    ASSERT_TRUE(first) << first.error().message;
    auto second = open(own());
    ASSERT_TRUE(second);
    EXPECT_EQ(shown(*first), shown(*second));
    struct stat status{};
    ASSERT_EQ(::stat((folder_ / "tls-p256.pem").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & ALLPERMS, 0600u);
    EXPECT_TRUE(first->current().names("relay.contoso.test"));
    EXPECT_TRUE(first->current().names("localhost"));
    EXPECT_TRUE(first->current().names("::1"));
    EXPECT_FALSE(first->current().names("elsewhere.test"));
    EXPECT_EQ(std::chrono::round<std::chrono::days>(first->current().ends() - clock_.wall_time),
              std::chrono::days(1825));
}

TEST_F(ServerCertificates, RenewsItsOwnBeforeItEnds) {
    auto certificate = open(own());
    ASSERT_TRUE(certificate);
    const std::string before = shown(*certificate);
    clock_.wall_time += std::chrono::days(1825 - 32);
    let_it_look();
    EXPECT_EQ(shown(*certificate), before);
    clock_.wall_time += std::chrono::days(2);
    let_it_look();
    const std::string after = shown(*certificate);
    EXPECT_NE(after, before);
    let_it_look();
    EXPECT_EQ(shown(*certificate), after) << "once";
    auto restarted = open(own());
    ASSERT_TRUE(restarted);
    EXPECT_EQ(shown(*restarted), after);
}

TEST_F(ServerCertificates, TriesARenewalThatFailsOnceAnHour) {
    auto certificate = open(own());
    ASSERT_TRUE(certificate);
    const std::string before = shown(*certificate);
    const fs::path elsewhere = folder_.string() + ".away";
    fs::rename(folder_, elsewhere);
    clock_.wall_time += std::chrono::days(1825 - 29);
    for (int look = 0; look < 5; ++look) {
        let_it_look();
        EXPECT_EQ(shown(*certificate), before);
    }
    EXPECT_THAT(logged_, ElementsAre("certificate_loaded", "certificate_failed"));
    clock_.steady_time += 1h;
    EXPECT_EQ(shown(*certificate), before);
    EXPECT_THAT(logged_, ElementsAre("certificate_loaded", "certificate_failed", "certificate_failed"));
    fs::rename(elsewhere, folder_);
    clock_.steady_time += 1h;
    EXPECT_NE(shown(*certificate), before);
    EXPECT_EQ(logged_.back(), "certificate_loaded");
}

TEST_F(ServerCertificates, MakesAnotherForAnotherNameOrWhenTheFileIsDamaged) {
    auto before = open(own());
    ASSERT_TRUE(before);
    ServerCertificateOptions renamed = own();
    renamed.own_names.front() = "other.contoso.test";
    auto other = open(renamed);
    ASSERT_TRUE(other);
    EXPECT_NE(shown(*before), shown(*other));
    write("tls-p256.pem", "half a certif");
    auto repaired = open(renamed);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_TRUE(repaired->current().names("other.contoso.test"));
}

TEST_F(ServerCertificates, HasAnRsaKeyForThoseWhoKnowNothingElse) {
    auto legacy = open(own(TlsVersions::legacy));
    auto current = open(own());
    ASSERT_TRUE(legacy && current);
    const auto kind = [](ServerCertificate& certificate) {
        return EVP_PKEY_get_base_id(
            X509_get0_pubkey(SSL_CTX_get0_certificate(certificate.current().context()->native_handle())));
    };
    EXPECT_EQ(kind(*legacy), EVP_PKEY_RSA);
    EXPECT_EQ(kind(*current), EVP_PKEY_EC);
    EXPECT_EQ(SSL_CTX_get_min_proto_version(legacy->current().context()->native_handle()), TLS1_VERSION);
    EXPECT_EQ(SSL_CTX_get_min_proto_version(current->current().context()->native_handle()), TLS1_2_VERSION);
}

TEST_F(ServerCertificates, TakesUpChangedFilesAndKeepsTheOldOnesWhenTheyAreBad) {
    const auto authority = sandbox::CertificateAuthority::create("Test CA").value();
    const auto one = authority.issue({}).value();
    const auto two = authority.issue({}).value();
    ServerCertificateOptions options;
    options.certificate = write("chain.pem", one.certificate_pem);
    options.key = write("key.pem", one.key_pem);
    auto certificate = open(options);
    ASSERT_TRUE(certificate) << certificate.error().message;
    const std::string before = shown(*certificate);

    write("chain.pem", two.certificate_pem + "\n");  // and not yet its key
    EXPECT_EQ(shown(*certificate), before) << "it is not looked at all the time";
    let_it_look();
    EXPECT_EQ(shown(*certificate), before);
    let_it_look();
    EXPECT_EQ(shown(*certificate), before);
    write("key.pem", two.key_pem + "\n");
    let_it_look();
    EXPECT_NE(shown(*certificate), before);
    EXPECT_THAT(logged_, ElementsAre("certificate_loaded", "certificate_failed", "certificate_loaded"));
}

TEST_F(ServerCertificates, MayHaveItsKeyInTheSameFile) {
    const auto identity = sandbox::CertificateAuthority::create("Test CA").value().issue({}).value();
    ServerCertificateOptions options;
    options.certificate = write("both.pem", identity.certificate_pem + identity.key_pem);
    EXPECT_TRUE(open(options));
}

TEST_F(ServerCertificates, SaysWhatIsWrongWithTheFiles) {
    const auto authority = sandbox::CertificateAuthority::create("Test CA").value();
    const auto identity = authority.issue({}).value();
    ServerCertificateOptions options;
    options.certificate = folder_ / "none.pem";
    options.key = write("key.pem", identity.key_pem);
    EXPECT_THAT(open(options).error().message, HasSubstr("none.pem: No such file"));
    options.certificate = write("text.pem", "hello\n");
    EXPECT_THAT(open(options).error().message, HasSubstr("text.pem: cannot use the certificate"));
    options.certificate = write("chain.pem", identity.certificate_pem);
    ASSERT_EQ(::chmod(options.key.c_str(), 0644), 0);
    EXPECT_THAT(open(options).error().message, HasSubstr("is open to other users: chmod 600 "));
    options.key = write("other.pem", authority.issue({}).value().key_pem);
    EXPECT_THAT(open(options).error().message, HasSubstr("does not belong to the certificate"));
    options.key = folder_ / "none.key";
    EXPECT_THAT(open(options).error().message, HasSubstr("none.key: No such file"));
}

TEST_F(ServerCertificates, WarnsOfOneThatHasEnded) {
    const auto authority = sandbox::CertificateAuthority::create("Test CA").value();
    sandbox::ServerCertificate ended;
    ended.valid_from = -48h;
    ended.valid_until = -24h;
    const auto identity = authority.issue(ended).value();
    ServerCertificateOptions options;
    options.certificate = write("chain.pem", identity.certificate_pem);
    options.key = write("key.pem", identity.key_pem);
    std::vector<base::LogLevel> levels;
    sink_ = [&levels](const base::LogRecord& record) { levels.push_back(record.level); };
    EXPECT_TRUE(open(options));
    EXPECT_THAT(levels, ElementsAre(base::LogLevel::warning));
}

}  // namespace
}  // namespace mailramp::io
