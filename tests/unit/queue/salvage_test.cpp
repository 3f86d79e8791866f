#include "mailramp/queue/salvage.h"

#include <fstream>
#include <iterator>
#include <map>

#include <gmock/gmock.h>
#include <sys/file.h>

#include "queue/tree_scan.h"
#include "unit/queue/support.h"

namespace mailramp::queue {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ------------------------------------------------------------------ around damage

// Rows by page; a page that is damaged gives none of its rows, and no way through it.
struct Pages {
    std::map<std::int64_t, int> page_of_row;
    std::set<int> damaged;
    std::vector<std::int64_t> seen = {};

    RowFound take(std::map<std::int64_t, int>::iterator at) {
        if (at == page_of_row.end()) return std::nullopt;
        if (damaged.contains(at->second)) return base::fail(base::ErrorKind::io, "damaged");
        seen.push_back(at->first);
        return at->first;
    }
    TreeReader reader() {
        return {[this](std::int64_t number) { return take(page_of_row.lower_bound(number)); },
                [this](std::int64_t number) -> RowFound {
                    auto at = page_of_row.upper_bound(number);
                    if (at == page_of_row.begin()) return std::nullopt;
                    return take(std::prev(at));
                }};
    }
};

Pages pages_of_ten(std::int64_t first, std::int64_t rows) {
    Pages pages;
    for (std::int64_t row = 0; row < rows; ++row)
        pages.page_of_row[first + row * 3] = static_cast<int>(row / 10);
    return pages;
}

TEST(TreeScan, ReadsAllThereIsWithoutDamage) {
    Pages pages = pages_of_ten(5, 95);
    EXPECT_EQ(scan_tree(pages.reader()), 0u);
    EXPECT_EQ(pages.seen.size(), 95u);
    Pages empty;
    EXPECT_EQ(scan_tree(empty.reader()), 0u);
    EXPECT_EQ(pages.seen.front(), 5);
    EXPECT_THAT(empty.seen, IsEmpty());
}

TEST(TreeScan, ReadsEveryRowOfEveryPageThatIsNotDamaged) {
    const std::vector<std::set<int>> cases{{0},
                                           {9},
                                           {4},
                                           {3, 4, 5},
                                           {0, 9},
                                           {1, 3, 8},
                                           {0, 1, 2, 4, 5, 6, 7, 9},
                                           {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
    for (const std::set<int>& damaged : cases) {
        Pages pages = pages_of_ten(1'700'000'000'000'000, 100);
        pages.damaged = damaged;
        const std::vector<std::int64_t> hints{1, 1'700'000'000'000'100};
        EXPECT_GE(scan_tree(pages.reader(), hints), 1u);
        std::ranges::sort(pages.seen);
        const auto [first, last] = std::ranges::unique(pages.seen);
        pages.seen.erase(first, last);
        std::vector<std::int64_t> expected;
        for (const auto& [row, page] : pages.page_of_row)
            if (!damaged.contains(page)) expected.push_back(row);
        EXPECT_EQ(pages.seen, expected);
    }
}

TEST(TreeScan, EndsWhereRowsAreNotInTheirOrder) {
    const TreeReader lies{[](std::int64_t number) -> RowFound { return number / 2 - 1; },
                          [](std::int64_t number) -> RowFound { return -number; }};
    EXPECT_GE(scan_tree(lies), 1u);
}

// ------------------------------------------------------------------ whole queues

std::string content_of(int number, std::size_t size = 300) {
    std::string content = "Subject: " + std::to_string(number) + "\r\n\r\n";
    while (content.size() < size)
        content += "line " + std::to_string(content.size()) + " of " + std::to_string(number) + "\r\n";
    return content;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class SalvageOf : public ::testing::Test {
  protected:
    // So many messages, closed as a daemon that ends does, or left with its WAL.
    void fill(int messages, std::size_t size = 300) {
        CoreOnDisk queue(temporary_.queue());
        for (int number = 0; number < messages; ++number) {
            const QueueId id =
                queue.accept(acceptance_for({{"r" + std::to_string(number) + "@example.com", "one"}}),
                             content_of(number, size));
            accepted_[id.text()] = content_of(number, size);
        }
        ASSERT_TRUE(queue.core->checkpoint(SQLITE_CHECKPOINT_TRUNCATE));
    }
    [[nodiscard]] std::filesystem::path database() const { return temporary_.queue() / "queue.db"; }

    void overwrite(std::uint64_t page, std::size_t pages = 1) {
        std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(page * page_bytes));
        file << std::string(pages * page_bytes, '\xA5');
        ASSERT_TRUE(file.good());
    }

    SalvageReport salvaged() {
        auto report =
            salvage({temporary_.queue(), target()}, [this](const SalvagedMessage& message) -> base::Result<> {
                found_[message.message.id.text()] = message;
                return {};
            });
        EXPECT_TRUE(report) << report.error().message;
        return report ? *report : SalvageReport{};
    }
    [[nodiscard]] std::filesystem::path target() const { return temporary_.path() / "saved"; }

    // Whatever is called whole is what was accepted.
    void expect_true_contents() {
        for (const auto& [id, message] : found_) {
            if (message.content != SalvagedContent::whole) continue;
            EXPECT_EQ(read_file(message.file), accepted_[id]) << id;
        }
    }

    const TemporaryFolder temporary_;
    std::map<std::string, std::string> accepted_;
    std::map<std::string, SalvagedMessage> found_;
};

TEST_F(SalvageOf, ASoundQueueSavesAllOfItAndChangesNothing) {
    fill(50);
    const std::string before = read_file(database());
    const SalvageReport report = salvaged();
    EXPECT_EQ(report.messages, 50u);
    EXPECT_EQ(report.whole, 50u);
    EXPECT_THAT(report.damage, IsEmpty());
    expect_true_contents();
    const SalvagedMessage& first = found_.begin()->second;
    EXPECT_EQ(first.message.sender, "app@example.com");
    ASSERT_EQ(first.message.recipients.size(), 1u);
    EXPECT_EQ(first.message.recipients[0].address, "r0@example.com");
    EXPECT_EQ(read_file(database()), before);
    EXPECT_FALSE(std::filesystem::exists(target() / ".scratch"));
}

TEST_F(SalvageOf, AQueueWithTheFirstPageOverwrittenSavesAllOfIt) {
    fill(50);
    overwrite(0);
    const SalvageReport report = salvaged();
    EXPECT_THAT(report.damage, ElementsAre(HasSubstr("first pages")));
    EXPECT_EQ(report.whole, 50u);
    expect_true_contents();
}

TEST_F(SalvageOf, AQueueWithAnyOnePageOverwrittenSavesMostOfIt) {
    fill(200, 1000);
    const std::uint64_t pages = std::filesystem::file_size(database()) / page_bytes;
    ASSERT_GT(pages, 50u);
    const std::string sound = read_file(database());
    std::size_t least = 200;
    for (std::uint64_t page = 1; page < pages; ++page) {
        std::ofstream(database(), std::ios::binary) << sound;
        overwrite(page);
        std::filesystem::remove_all(target());
        found_.clear();
        const SalvageReport report = salvaged();
        expect_true_contents();
        EXPECT_EQ(found_.size(), report.messages);
        // A page inside of a tree is the way to many others: then the other trees still know of the messages.
        EXPECT_GE(found_.size(), 190u) << "page " << page;
        const bool told = !report.damage.empty() || std::ranges::any_of(found_, [](const auto& entry) {
            return !entry.second.damage.empty();
        });
        EXPECT_TRUE(told || report.whole == 200) << "page " << page;
        least = std::min<std::size_t>(least, report.whole);
    }
    RecordProperty("least_whole", static_cast<int>(least));
}

TEST_F(SalvageOf, AContentThatWasAlteredIsSavedAsDamaged) {
    fill(3);
    std::string octets = read_file(database());
    const std::size_t at = octets.find("Subject: 1\r\n");
    ASSERT_NE(at, std::string::npos);
    octets[at] = 'X';
    std::ofstream(database(), std::ios::binary) << octets;
    const SalvageReport report = salvaged();
    EXPECT_EQ(report.whole, 2u);
    const SalvagedMessage& altered = std::next(found_.begin())->second;
    EXPECT_EQ(altered.content, SalvagedContent::damaged);
    EXPECT_EQ(altered.file.extension(), ".eml");
    EXPECT_THAT(altered.file.string(), HasSubstr(".damaged"));
    EXPECT_THAT(altered.damage, ElementsAre(HasSubstr("checksum")));
}

TEST_F(SalvageOf, ACutOffDatabaseSavesWhatIsBeforeTheCut) {
    fill(200, 1000);
    std::filesystem::resize_file(database(), std::filesystem::file_size(database()) / 2);
    const SalvageReport report = salvaged();
    EXPECT_GT(report.messages, 50u);
    EXPECT_THAT(report.damage, Contains(HasSubstr("cannot be read")));
    expect_true_contents();
}

TEST_F(SalvageOf, SomethingThatIsNoDatabaseLeavesTheFilesBesideIt) {
    fill(1);
    std::ofstream(database(), std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
    std::ofstream(temporary_.queue() / "bodies" / (found_.empty() ? accepted_.begin()->first + "-1" : ""))
        << "large";
    const SalvageReport report = salvaged();
    EXPECT_EQ(report.messages, 1u);
    EXPECT_EQ(report.whole, 0u);
    const SalvagedMessage& only = found_.begin()->second;
    EXPECT_FALSE(only.envelope_known);
    EXPECT_EQ(read_file(only.file), "large");
}

TEST_F(SalvageOf, AQueueThatADaemonHasIsRefused) {
    fill(1);
    const auto held = Folder::open(temporary_.queue());
    ASSERT_TRUE(held);
    const auto report =
        salvage({temporary_.queue(), target()}, [](const SalvagedMessage&) -> base::Result<> { return {}; });
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::conflict);
}

TEST_F(SalvageOf, NothingIsWrittenIntoTheQueueOrOverAnything) {
    fill(1);
    const auto ignore = [](const SalvagedMessage&) -> base::Result<> { return {}; };
    const auto inside = salvage({temporary_.queue(), temporary_.queue() / "saved"}, ignore);
    ASSERT_FALSE(inside);
    EXPECT_THAT(inside.error().message, HasSubstr("the queue's own folder"));
    std::filesystem::create_directory(target());
    std::ofstream(target() / (accepted_.begin()->first + ".eml")) << "mine";
    const auto over = salvage({temporary_.queue(), target()}, ignore);
    ASSERT_FALSE(over);
    EXPECT_THAT(over.error().message, HasSubstr("File exists"));
    EXPECT_EQ(read_file(target() / (accepted_.begin()->first + ".eml")), "mine");
    const auto nothing = salvage({temporary_.path() / "elsewhere", target()}, ignore);
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().kind, base::ErrorKind::not_found);
}

}  // namespace
}  // namespace mailramp::queue
