#include "queue/folder.h"

#include <cstdint>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

using ::testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
    struct stat found{};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0);
    return found.st_mode & ALLPERMS;
}

TEST(Folder, MakesAPrivateFolderWithPrivateFiles) {
    const TemporaryFolder temporary;
    const mode_t before = ::umask(0);
    const auto folder = Folder::open(temporary.queue());
    ::umask(before);
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(mode_of(temporary.queue()), 0700u);
    EXPECT_EQ(mode_of(folder->bodies()), 0700u);
    EXPECT_EQ(mode_of(folder->database()), 0600u);
    EXPECT_EQ(mode_of(folder->lock_file()), 0600u);
}

TEST(Folder, TightensFilesThatOthersCouldRead) {
    const TemporaryFolder temporary;
    {
        ASSERT_TRUE(Folder::open(temporary.queue()));
    }
    ASSERT_EQ(::chmod((temporary.queue() / "queue.db").c_str(), 0644), 0);
    ASSERT_TRUE(Folder::open(temporary.queue()));
    EXPECT_EQ(mode_of(temporary.queue() / "queue.db"), 0600u);
}

TEST(Folder, RefusesASecondInstanceAndNamesTheFirst) {
    const TemporaryFolder temporary;
    const auto first = Folder::open(temporary.queue());
    ASSERT_TRUE(first);
    const auto second = Folder::open(temporary.queue());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, base::ErrorKind::conflict);
    EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
}

TEST(Folder, CanBeOpenedAgainWhenTheFirstIsGone) {
    const TemporaryFolder temporary;
    {
        ASSERT_TRUE(Folder::open(temporary.queue()));
    }
    EXPECT_TRUE(Folder::open(temporary.queue()));
}

TEST(Folder, ClosesAFolderThatOthersMayWriteToAndSaysSo) {
    const TemporaryFolder temporary;
    {
        const auto folder = Folder::open(temporary.queue());
        ASSERT_TRUE(folder);
        EXPECT_TRUE(folder->closed().empty());
    }
    const auto bodies = temporary.queue() / "bodies";
    for (const mode_t mode : {0720, 0702, 02770}) {
        ASSERT_EQ(::chmod(temporary.queue().c_str(), mode), 0);
        ASSERT_EQ(::chmod(bodies.c_str(), mode), 0);
        ASSERT_EQ(::chmod((temporary.queue() / "queue.db").c_str(), 0660), 0);
        const auto folder = Folder::open(temporary.queue());
        ASSERT_TRUE(folder) << folder.error().message;
        EXPECT_EQ(folder->closed(), (std::vector{folder->path(), folder->bodies()}));
        EXPECT_EQ(mode_of(temporary.queue()), 0700u);
        EXPECT_EQ(mode_of(bodies), 0700u);
        EXPECT_EQ(mode_of(temporary.queue() / "queue.db"), 0600u);
    }
}

TEST(Folder, RefusesALogOfTheDatabaseThatIsNoPlainFileOfOurs) {
    const TemporaryFolder temporary;
    {
        ASSERT_TRUE(Folder::open(temporary.queue()));
    }
    const auto wal = temporary.queue() / "queue.db-wal";
    std::ofstream(temporary.path() / "other") << "x";
    std::filesystem::create_hard_link(temporary.path() / "other", wal);
    auto folder = Folder::open(temporary.queue());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("queue.db-wal"));
    std::filesystem::remove(wal);
    std::filesystem::create_symlink(temporary.path() / "other", wal);
    folder = Folder::open(temporary.queue());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("queue.db-wal"));
}

TEST(Folder, RefusesSymbolicLinksInAnyPlace) {
    const TemporaryFolder temporary;
    const auto elsewhere = temporary.path() / "elsewhere";
    std::filesystem::create_directory(elsewhere);
    std::filesystem::create_directory_symlink(elsewhere, temporary.queue());
    auto folder = Folder::open(temporary.queue());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("symbolic link"));
    std::filesystem::remove(temporary.queue());
    for (const char* name : {"lock", "queue.db", "bodies"}) {
        std::filesystem::remove_all(temporary.queue());
        ASSERT_EQ(::mkdir(temporary.queue().c_str(), 0700), 0);
        std::filesystem::create_symlink(elsewhere / name, temporary.queue() / name);
        folder = Folder::open(temporary.queue());
        ASSERT_FALSE(folder) << name;
        EXPECT_EQ(folder.error().kind, base::ErrorKind::io);
        EXPECT_FALSE(std::filesystem::exists(elsewhere / name)) << name;
    }
}

TEST(Folder, RefusesADatabaseWithASecondName) {
    const TemporaryFolder temporary;
    {
        ASSERT_TRUE(Folder::open(temporary.queue()));
    }
    std::filesystem::create_hard_link(temporary.queue() / "queue.db", temporary.path() / "other");
    const auto folder = Folder::open(temporary.queue());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("queue.db"));
}

TEST(Folder, SaysWhatToDoWhenItsParentIsMissing) {
    const TemporaryFolder temporary;
    const auto folder = Folder::open(temporary.path() / "no" / "such" / "place");
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("mkdir -m 0700"));
}

TEST(Folder, RefusesAFile) {
    const TemporaryFolder temporary;
    std::ofstream(temporary.queue()) << "x";
    const auto folder = Folder::open(temporary.queue());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("not a folder"));
}

TEST(Folder, RefusesAFolderOfSomebodyElse) {
    if (::geteuid() != 0) {
        // Nobody but root can give a folder away; what belongs to root is somebody else's here.
        const auto folder = Folder::open("/usr");
        ASSERT_FALSE(folder);
        EXPECT_THAT(folder.error().message, HasSubstr("belongs to user"));
        return;
    }
    const TemporaryFolder temporary;
    ASSERT_EQ(::mkdir(temporary.queue().c_str(), 0700), 0);
    ASSERT_EQ(::chown(temporary.queue().c_str(), 12345, 12345), 0);
    const auto folder = Folder::open(temporary.queue());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("belongs to user 12345"));
}

}  // namespace
}  // namespace mailramp::queue
