#include "mailramp/oauth/secret_reference.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mailramp::oauth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SecretFile : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "mailramp-secret-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override {
        ::unsetenv("CREDENTIALS_DIRECTORY");
        ::unsetenv("MAILRAMP_TEST_SECRET");
        std::filesystem::remove_all(folder_);
    }

    std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) {
        const std::string path = folder_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }

    static std::string load(SecretPlace place, const std::string& name) {
        const auto secret = load_secret({place, name, {}});
        return secret ? "secret: " + std::string(secret->reveal()) : secret.error().message;
    }
    static std::string load_file(const std::string& path) { return load(SecretPlace::file, path); }

    std::filesystem::path folder_;
};

TEST_F(SecretFile, IsReadWithoutTheLineEndAtItsEnd) {
    EXPECT_EQ(load_file(write("plain", "s3~cret")), "secret: s3~cret");
    EXPECT_EQ(load_file(write("line", "s3~cret\n")), "secret: s3~cret");
    EXPECT_EQ(load_file(write("dos", "s3~cret\r\n\n")), "secret: s3~cret");
    EXPECT_EQ(load_file(write("read-only", "s3~cret", 0400)), "secret: s3~cret");
}

TEST_F(SecretFile, IsReadAnewEachTime) {
    const std::string path = write("secret", "old\n");
    EXPECT_EQ(load_file(path), "secret: old");
    write("secret", "new\n");
    EXPECT_EQ(load_file(path), "secret: new");
}

TEST_F(SecretFile, IsRefusedWithTheCommandThatHelpsWhenOthersMayReadIt) {
    for (const mode_t mode : {0640u, 0604u, 0620u, 0601u, 0666u}) {
        const std::string path = write("open", "s3~cret\n", mode);
        EXPECT_EQ(load_file(path), "secret file " + path + " is open to other users: chmod 600 " + path);
    }
    const std::string spaced = write("my secret's", "s3~cret\n", 0644);
    EXPECT_THAT(load_file(spaced), HasSubstr("chmod 600 '" + (folder_ / "my secret").string() + "'\\''s'"));
}

TEST_F(SecretFile, IsFollowedThroughALink) {
    std::filesystem::create_symlink(write("data", "s3~cret\n"), folder_ / "link");
    EXPECT_EQ(load_file(folder_ / "link"), "secret: s3~cret");
}

TEST_F(SecretFile, IsRefusedWhenItIsNoRegularFile) {
    EXPECT_THAT(load_file(folder_), HasSubstr("not a regular file"));
    EXPECT_THAT(load_file("/dev/zero"), HasSubstr("not a regular file"));
    const std::string fifo = folder_ / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_THAT(load_file(fifo), HasSubstr("not a regular file"));  // and does not wait for its writer
}

TEST_F(SecretFile, SaysWhenItIsMissing) {
    const auto secret = load_secret({SecretPlace::file, folder_ / "none", {}});
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().kind, base::ErrorKind::not_found);
    EXPECT_THAT(secret.error().message, HasSubstr("none: No such file"));
}

TEST_F(SecretFile, IsRefusedWhenItHoldsSomethingElseThanASecret) {
    EXPECT_THAT(load_file(write("empty", "")), HasSubstr("is empty"));
    EXPECT_THAT(load_file(write("blank", " \r\n\n")), HasSubstr("is empty"));
    EXPECT_THAT(load_file(write("two", "first\nsecond\n")), HasSubstr("nothing else"));
    EXPECT_THAT(load_file(write("nul", std::string("a\0b", 3))), HasSubstr("nothing else"));
    EXPECT_THAT(load_file(write("bom", "\xEF\xBB\xBFs3~cret")), HasSubstr("byte order mark"));
    EXPECT_THAT(load_file(write("large", std::string(secret_bytes_max + 1, 'a'))), HasSubstr("larger than"));
    EXPECT_EQ(load_file(write("full", std::string(secret_bytes_max, 'a'))).size(), secret_bytes_max + 8);
}

TEST_F(SecretFile, NeverShowsItsContentInAnError) {
    for (const std::string& content :
         {std::string("s3~cret\nsecond"), "s3~cret" + std::string(9000, 'x'), std::string("s3~cret\x01")})
        EXPECT_THAT(load_file(write("bad", content)), Not(HasSubstr("s3~cret")));
    EXPECT_THAT(load_file(write("open", "s3~cret", 0644)), Not(HasSubstr("s3~cret")));
}

TEST_F(SecretFile, ComesFromACredentialWhateverItsGroupBits) {
    write("client_secret", "s3~cret\n", 0440);
    ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
    EXPECT_EQ(load(SecretPlace::credential, "client_secret"), "secret: s3~cret");
}

TEST_F(SecretFile, ComesFromNoCredentialOutsideTheFolder) {
    ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
    for (const char* name : {"../etc/passwd", "/etc/passwd", "..", ".", "", "a/b"})
        EXPECT_THAT(load(SecretPlace::credential, name), HasSubstr("without a path")) << name;
}

TEST_F(SecretFile, SaysHowToHandOverACredential) {
    ::unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_THAT(load(SecretPlace::credential, "client_secret"), HasSubstr("LoadCredential=client_secret:"));
}

TEST_F(SecretFile, ComesFromTheEnvironment) {
    ::setenv("MAILRAMP_TEST_SECRET", "s3~cret\n", 1);
    EXPECT_EQ(load(SecretPlace::environment, "MAILRAMP_TEST_SECRET"), "secret: s3~cret");
    ::setenv("MAILRAMP_TEST_SECRET", "", 1);
    EXPECT_EQ(load(SecretPlace::environment, "MAILRAMP_TEST_SECRET"),
              "environment variable MAILRAMP_TEST_SECRET is empty");
    ::unsetenv("MAILRAMP_TEST_SECRET");
    EXPECT_EQ(load(SecretPlace::environment, "MAILRAMP_TEST_SECRET"),
              "environment variable MAILRAMP_TEST_SECRET is not set");
}

TEST(SecretReference, TakesTheSecretsOfVariablesAndWipesThem) {
    ::setenv("MAILRAMP_TEST_SECRET", "s3~cret", 1);
    const char* where_it_stood = ::getenv("MAILRAMP_TEST_SECRET");
    SecretReference one{SecretPlace::environment, "MAILRAMP_TEST_SECRET", {}};
    SecretReference other = one.clone();
    SecretReference missing{SecretPlace::environment, "MAILRAMP_TEST_SECRET_2", {}};
    SecretReference file{SecretPlace::file, "MAILRAMP_TEST_SECRET", {}};
    const std::array<SecretReference*, 4> references = {&one, &other, &missing, &file};
    take_from_environment(references);
    EXPECT_EQ(::getenv("MAILRAMP_TEST_SECRET"), nullptr);
    EXPECT_EQ(std::string_view(where_it_stood, 7), std::string_view("\0\0\0\0\0\0\0", 7));
    for (const SecretReference* taken : {&one, &other}) {
        EXPECT_EQ(load_secret(*taken)->reveal(), "s3~cret");
        EXPECT_EQ(load_secret(taken->clone())->reveal(), "s3~cret");
    }
    EXPECT_EQ(load_secret(missing).error().message, "environment variable MAILRAMP_TEST_SECRET_2 is not set");
    EXPECT_TRUE(file.value.empty());
}

TEST(SecretReference, HoldsAnInlineSecretAndChecksIt) {
    const SecretReference good{SecretPlace::configuration, "", base::Secret("s3~cret")};
    EXPECT_EQ(load_secret(good)->reveal(), "s3~cret");
    EXPECT_EQ(load_secret(good.clone())->reveal(), "s3~cret");
    EXPECT_FALSE(load_secret({SecretPlace::configuration, "", base::Secret("a\nb")}));
    EXPECT_FALSE(load_secret({SecretPlace::none, "", {}}));
    EXPECT_THAT(good.describe(), Not(HasSubstr("s3~cret")));
}

}  // namespace
}  // namespace mailramp::oauth
