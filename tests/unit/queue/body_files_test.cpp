#include "queue/body_files.h"

#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "unit/queue/support.h"
#include "unit/queue/test_disk.h"

namespace mailramp::queue {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr std::size_t sync_bytes = 1000;

class BodyFiles : public ::testing::Test {
  protected:
    static std::string content(std::size_t size) {
        std::string octets;
        for (std::size_t i = 0; i < size; ++i)
            octets += static_cast<char>('a' + i % 23);
        return octets;
    }
    // Writes it in pieces of 300 octets.
    base::Result<std::uint64_t> write(const BodyName& which, const std::string& octets) {
        auto writer = BodyWriter::create(bodies, which, sync_bytes);
        if (!writer) return std::unexpected(writer.error());
        for (std::size_t at = 0; at < octets.size(); at += 300)
            if (auto written = writer->write(std::string_view(octets).substr(at, 300)); !written)
                return std::unexpected(written.error());
        if (auto finished = writer->finish(); !finished) return std::unexpected(finished.error());
        return writer->checksum();
    }
    base::Result<std::string> read(const BodyName& which, std::uint64_t size, std::uint64_t checksum) {
        auto reader = BodyReader::open(bodies, which, size, checksum);
        if (!reader) return std::unexpected(reader.error());
        std::string octets;
        for (;;) {
            auto piece = reader->read(700);
            if (!piece) return piece;
            if (piece->empty()) return octets;
            octets += *piece;
        }
    }

    TemporaryFolder temporary;
    Folder folder = Folder::open(temporary.queue()).value();
    TestDisk disk{temporary.queue(), 1};
    BodyFolder bodies{folder.bodies(), folder.lock_file(), disk.vfs()};
    BodyName name{QueueId(77), 3};
};

// SQLite's layer cannot write more than 128 KiB at a time.
TEST_F(BodyFiles, TakePiecesOfAnySize) {
    for (const std::size_t size : {std::size_t{131'071}, std::size_t{131'072}, std::size_t{1'000'003}}) {
        const std::string octets = content(size);
        const BodyName which{QueueId(static_cast<std::int64_t>(size)), 3};
        auto writer = BodyWriter::create(bodies, which, 64 * 1024);
        ASSERT_TRUE(writer) << writer.error().message;
        const auto written = writer->write(octets);
        ASSERT_TRUE(written) << size << ": " << written.error().message;
        ASSERT_TRUE(writer->finish());
        auto reader = BodyReader::open(bodies, which, size, writer->checksum());
        ASSERT_TRUE(reader);
        EXPECT_EQ(reader->read(2 * size).value_or("unreadable"), octets);
    }
}

TEST_F(BodyFiles, ComeBackAsTheyWereWritten) {
    for (const std::size_t size : {std::size_t{1}, sync_bytes, sync_bytes + 1, 10 * sync_bytes + 7}) {
        const std::string octets = content(size);
        const auto checksum = write(name, octets);
        ASSERT_TRUE(checksum) << checksum.error().message;
        const auto got = read(name, size, *checksum);
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_EQ(*got, octets);
        ASSERT_TRUE(bodies.remove(name));
    }
}

TEST_F(BodyFiles, AreForUsOnlyWhateverTheUmask) {
    const mode_t before = ::umask(0);
    const auto written = write(name, "x");
    ::umask(before);
    ASSERT_TRUE(written);
    struct stat found{};
    ASSERT_EQ(::stat(bodies.path(name).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & ALLPERMS, 0600u);
}

TEST_F(BodyFiles, AreNeverWrittenOverWhatIsThere) {
    ASSERT_TRUE(write(name, "x"));
    EXPECT_FALSE(BodyWriter::create(bodies, name, sync_bytes));
    std::filesystem::remove(bodies.path(name));
    std::filesystem::create_symlink(temporary.path() / "elsewhere", bodies.path(name));
    EXPECT_FALSE(BodyWriter::create(bodies, name, sync_bytes));
    EXPECT_FALSE(std::filesystem::exists(temporary.path() / "elsewhere"));
}

TEST_F(BodyFiles, AreSyncedAsTheyGrow) {
    auto writer = BodyWriter::create(bodies, name, sync_bytes).value();
    ASSERT_TRUE(writer.write(content(sync_bytes - 1)));
    long calls = disk.calls();
    ASSERT_TRUE(writer.write("x"));
    EXPECT_EQ(disk.calls() - calls, 2) << "a write and a sync";
    calls = disk.calls();
    ASSERT_TRUE(writer.write("x"));
    EXPECT_EQ(disk.calls() - calls, 1);
}

TEST_F(BodyFiles, SurviveAPowerCutOnceFinished) {
    const std::string octets = content(5000);
    for (int i = 0; i < 50; ++i) {
        const BodyName each{QueueId(i + 1), 3};
        const auto checksum = write(each, octets);
        ASSERT_TRUE(checksum);
        disk.cut_power();
        EXPECT_EQ(read(each, octets.size(), *checksum), octets);
    }
}

TEST_F(BodyFiles, MayBeGoneAfterAPowerCutWhenSyncsAreIgnored) {
    disk.obey_syncs(TestDisk::Syncs::ignored);
    int lost = 0;
    for (int i = 0; i < 50; ++i) {
        const BodyName each{QueueId(i + 1), 3};
        const auto checksum = write(each, content(5000));
        ASSERT_TRUE(checksum);
        disk.cut_power();
        if (!read(each, 5000, *checksum)) ++lost;
    }
    EXPECT_GT(lost, 10) << "the test above could not fail";
}

TEST_F(BodyFiles, AreAbandonedAfterAnyFailure) {
    const std::string octets = content(5000);
    for (long k = 1;; ++k) {
        const BodyName each{QueueId(k), 3};
        disk.fail_call(k, TestDisk::Lasting::once);
        const auto written = write(each, octets);
        if (!disk.fault_has_struck()) {
            EXPECT_TRUE(written);
            EXPECT_GT(k, 20);
            break;
        }
        EXPECT_FALSE(written) << "call " << k;
    }
}

TEST_F(BodyFiles, AreNotSyncedAgainAfterAFailedSync) {
    auto writer = BodyWriter::create(bodies, name, sync_bytes).value();
    disk.fail_sync_of(name.text(), TestDisk::Lasting::once);
    EXPECT_FALSE(writer.write(content(sync_bytes)));
    const long calls = disk.calls();
    EXPECT_FALSE(writer.write("more"));
    EXPECT_FALSE(writer.finish());
    EXPECT_EQ(disk.calls(), calls) << "what a second sync says would not be true";
}

TEST_F(BodyFiles, NeedTheirFolderSynced) {
    disk.fail_sync_of("bodies", TestDisk::Lasting::once);
    EXPECT_FALSE(write(name, "x"));
    EXPECT_TRUE(disk.fault_has_struck());
}

TEST_F(BodyFiles, TellAFullDiskFromABrokenOne) {
    disk.fail_call(2, TestDisk::Lasting::once, SQLITE_FULL);
    const base::Error full = write(name, "x").error();
    EXPECT_EQ(full.kind, ErrorKind::limit);
    EXPECT_THAT(full.message, AllOf(StartsWith("the queue's disk is full: "), HasSubstr(" MiB are free; ")));
    disk.fail_call(2, TestDisk::Lasting::once);
    EXPECT_EQ(write(BodyName{QueueId(78), 3}, "x").error().kind, ErrorKind::io);
}

TEST_F(BodyFiles, AreNotGivenOutDamaged) {
    const std::string octets = content(3000);
    const std::uint64_t checksum = write(name, octets).value();
    const auto damaged_as = [&](const std::string& text) {
        std::ofstream(bodies.path(name), std::ios::binary | std::ios::trunc) << text;
        const auto got = read(name, octets.size(), checksum);
        EXPECT_FALSE(got);
        EXPECT_EQ(got.error().kind, ErrorKind::invalid);
        EXPECT_THAT(got.error().message, HasSubstr("damaged"));
    };
    damaged_as("");
    damaged_as(octets.substr(1));
    damaged_as(octets + "x");
    for (const std::size_t at : {std::size_t{0}, std::size_t{699}, std::size_t{700}, octets.size() - 1}) {
        std::string flipped = octets;
        flipped[at] = static_cast<char>(flipped[at] ^ 1);
        damaged_as(flipped);
    }
    std::filesystem::remove(bodies.path(name));
    const auto missing = read(name, octets.size(), checksum);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind, ErrorKind::invalid);
    EXPECT_THAT(missing.error().message, HasSubstr("is missing"));
}

TEST_F(BodyFiles, OfEarlierInstancesAreFoundAndNothingElse) {
    for (const std::int64_t instance : {1, 2, 3, 4})
        ASSERT_TRUE(write(BodyName{QueueId(10 + instance), instance}, "x"));
    for (const char* stranger : {"README", "0000000000a-1", "0000000000A-01", "0000000000A-", "0000000000A"})
        std::ofstream(folder.bodies() / stranger) << "x";
    const auto names = bodies.written_before(3);
    ASSERT_TRUE(names);
    EXPECT_THAT(*names, UnorderedElementsAre(BodyName{QueueId(11), 1}, BodyName{QueueId(12), 2}));
}

}  // namespace
}  // namespace mailramp::queue
