#include "mailramp/io/private_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mailramp::io {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class PrivateFile : public ::testing::Test {
  protected:
    void SetUp() override { fs::create_directories(folder_); }
    void TearDown() override {
        ::unsetenv("CREDENTIALS_DIRECTORY");
        fs::remove_all(folder_);
    }
    fs::path write(const std::string& name, const std::string& content, mode_t mode = 0600) {
        const fs::path path = folder_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    static std::string read(const fs::path& path, std::size_t size_bytes_max = 100) {
        const auto content = read_private_file(path, "the key", size_bytes_max);
        return content ? "content: " + std::string(content->reveal()) : content.error().message;
    }

    fs::path folder_ = fs::temp_directory_path() / ("mailramp-private-" + std::to_string(::getpid()));
};

TEST_F(PrivateFile, IsReadAsItIs) {
    EXPECT_EQ(read(write("key", "one\ntwo\n")), "content: one\ntwo\n");
    EXPECT_EQ(read(write("empty", "")), "content: ");
    EXPECT_EQ(read(write("full", std::string(100, 'x'))).size(), 109u);
}

TEST_F(PrivateFile, IsRefusedWhenOthersMayReadIt) {
    for (const mode_t mode : {0640, 0604, 0660, 0610})
        EXPECT_THAT(read(write("open", "s3~cret", mode)),
                    AllOf(EndsWith(" is open to other users: chmod 600 " + (folder_ / "open").string()),
                          Not(HasSubstr("s3~cret"))));
}

TEST_F(PrivateFile, MayBeOpenToTheGroupAsASystemdCredential) {
    const fs::path path = write("key", "one", 0440);
    EXPECT_THAT(read(path), HasSubstr("open to other users"));
    ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
    EXPECT_EQ(read(path), "content: one");
    fs::create_directory(folder_ / "below");
    EXPECT_THAT(read(write("below/key", "one", 0440)), HasSubstr("open to other users"));
}

TEST_F(PrivateFile, IsRefusedWhenItIsNoFileOrTooLarge) {
    EXPECT_EQ(read(folder_), "the key is not a regular file");
    EXPECT_EQ(read("/dev/zero"), "the key is not a regular file");
    EXPECT_EQ(read(write("large", std::string(101, 'x'))), "the key is larger than 100 octets");
    EXPECT_EQ(read_private_file(folder_ / "none", "the key", 1).error().kind, base::ErrorKind::not_found);
}

}  // namespace
}  // namespace mailramp::io
