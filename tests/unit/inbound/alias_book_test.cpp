// The aliases in use, with a real file that is written anew.
#include "mailramp/inbound/alias_book.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mailramp::inbound {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class AliasBookTest : public ::testing::Test {
  protected:
    AliasBookTest() {
        std::string name = (std::filesystem::temp_directory_path() / "mailramp-aliases-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
        path = folder / "aliases";
    }
    ~AliasBookTest() override { std::filesystem::remove_all(folder); }

    // A new file each time, as editors and configuration management write one.
    void write(const std::string& text) {
        const std::filesystem::path next = folder / "next";
        std::ofstream(next, std::ios::binary) << text;
        std::filesystem::rename(next, path);
    }
    void look_twice() {
        book->look();
        book->look();
    }
    void open(route::RecipientOptions options = {}) {
        book.emplace(std::move(options), path, logger);
        const auto opened = book->open();
        EXPECT_TRUE(opened) << opened.error().message;
    }
    std::string root() const {
        const auto found = book->recipients().resolve("root");
        return found ? found->front() : "refused";
    }

    std::filesystem::path folder, path;
    std::vector<std::string> said;
    base::Logger::Sink sink = [this](const base::LogRecord& record) {
        said.push_back(std::string(record.event) + ": " + std::string(record.message));
    };
    base::Logger logger{&sink, base::LogLevel::info};
    std::optional<AliasBook> book;
};

TEST_F(AliasBookTest, WithoutAFileHasTheAliasesOfTheConfiguration) {
    path.clear();
    open({.aliases = {{.name = "root", .targets = {"ops@x.test"}}}});
    look_twice();
    EXPECT_EQ(root(), "ops@x.test");
    EXPECT_THAT(said, IsEmpty());
}

TEST_F(AliasBookTest, ReadsTheFileAnewWhenItHasChangedAndStoodStill) {
    write("root: one@x.test\n");
    open();
    const route::Recipients& seen = book->recipients();
    look_twice();
    EXPECT_THAT(said, ElementsAre("aliases_read: "));
    write("root: two@x.test\n");
    book->look();
    EXPECT_EQ(root(), "one@x.test") << "it may be half of what is written";
    write("root: three@x.test\n");
    book->look();
    EXPECT_EQ(root(), "one@x.test") << "it was another one a moment ago";
    book->look();
    EXPECT_EQ(root(), "three@x.test");
    EXPECT_EQ(&seen, &book->recipients());
    EXPECT_THAT(said, SizeIs(2));
}

TEST_F(AliasBookTest, SkipsAtTheStartWhatIsWrongInTheFile) {
    write("root one@x.test\nroot: two@x.test\n");
    open();
    EXPECT_EQ(root(), "two@x.test");
}

TEST_F(AliasBookTest, KeepsWhatWorkedWhenNewContentIsWrongAndSaysSoOnce) {
    write("root: one@x.test\n");
    open();
    said.clear();
    write("other: x@x.test\nroot two@x.test\n");
    look_twice();
    look_twice();
    EXPECT_EQ(root(), "one@x.test");
    EXPECT_THAT(said, ElementsAre(AllOf(StartsWith("aliases_kept: "), HasSubstr("aliases:2: "))));
    write("root: two@x.test\n");
    look_twice();
    EXPECT_EQ(root(), "two@x.test");
}

TEST_F(AliasBookTest, KeepsWhatWorkedWhenTheFileIsEmptiedOrGone) {
    write("root: one@x.test\n");
    open();
    said.clear();
    write("");
    look_twice();
    EXPECT_THAT(said, ElementsAre(HasSubstr("has no alias any more; if that is meant, restart mailramp")));
    std::filesystem::remove(path);
    look_twice();
    look_twice();
    EXPECT_THAT(said, SizeIs(2));
    EXPECT_THAT(said[1], HasSubstr("No such file"));
    EXPECT_EQ(root(), "one@x.test");
    write("root: two@x.test\n");
    look_twice();
    EXPECT_EQ(root(), "two@x.test");
}

TEST_F(AliasBookTest, TellsWhatANewFileAsksForAndNobodyDoes) {
    write("root: one@x.test\n");
    open();
    said.clear();
    write("root: two@x.test\nmailman: |/x\nwww: nobody-here\n");
    look_twice();
    EXPECT_THAT(
        said,
        ElementsAre(AllOf(StartsWith("aliases_remark: "), HasSubstr("aliases:2: mailman leads to a program")),
                    AllOf(StartsWith("aliases_remark: "), HasSubstr("aliases:3: www leads to nobody-here")),
                    "aliases_read: the file has changed"));
}

TEST_F(AliasBookTest, TellsNoMoreThanItsLimit) {
    std::string text;
    for (int i = 0; i < 30; ++i)
        text += "a" + std::to_string(i) + ": /dev/null\n";
    write(text);
    const auto reading = read_alias_file(path);
    ASSERT_TRUE(reading);
    const auto remarks = remarks_on(reading->file, path, route::Recipients({}, reading->file.aliases));
    ASSERT_THAT(remarks, SizeIs(alias_remarks_max + 1));
    EXPECT_THAT(remarks.back(), HasSubstr("10 further remarks"));
}

TEST_F(AliasBookTest, SaysWhyAFileCannotBeReadAndWhatToDo) {
    EXPECT_THAT(read_alias_file(path).error().message,
                HasSubstr("No such file or directory; create it, or leave aliases_file out"));
    std::filesystem::create_directory(path);
    EXPECT_THAT(read_alias_file(path).error().message, HasSubstr("is not a regular file"));
    std::filesystem::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(read_alias_file(path).error().message, HasSubstr("is not a regular file"));
    write(std::string(alias_file_bytes_max + 1, '#'));
    EXPECT_THAT(read_alias_file(path).error().message, HasSubstr("is larger than"));
    write(std::string(alias_file_bytes_max, '#'));
    EXPECT_TRUE(read_alias_file(path));
    book.emplace(route::RecipientOptions(), folder / "none", logger);
    EXPECT_FALSE(book->open());
}

}  // namespace
}  // namespace mailramp::inbound
