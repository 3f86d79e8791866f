// Every folder of tests/bad_configs/ holds a configuration that is wrong in the way its name says, and the
// exact words in which the loader must refuse it: a file, the lines of an environment, or both.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/config/load.h"

namespace mailramp::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path folder = std::filesystem::path(MAILRAMP_TESTS_DIR) / "bad_configs";

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> reasons() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return lines;
}

LoadResult load_folder(const std::filesystem::path& reason) {
    const std::string text = exists(reason / "environment") ? read(reason / "environment") : "";
    const std::vector<std::string_view> environment = lines_of(text);
    if (!exists(reason / "mailramp.yaml")) return load_environment(environment, {"relay.contoso.com"});
    return load_text(read(reason / "mailramp.yaml"), {"relay.contoso.com"}, environment);
}

class BadConfig : public ::testing::TestWithParam<std::string> {};

TEST_P(BadConfig, IsRefusedInTheseWords) {
    const LoadResult loaded = load_folder(folder / GetParam());
    ASSERT_FALSE(loaded);
    const std::string errors = render_errors("mailramp.yaml", loaded.error());
    EXPECT_EQ(errors, read(folder / GetParam() / "expected-error"));
    EXPECT_THAT(errors, Not(HasSubstr("topsecret")));
}

INSTANTIATE_TEST_SUITE_P(Folder, BadConfig, ::testing::ValuesIn(reasons()),
                         [](const auto& reason) { return reason.param; });

TEST(BadConfigs, AreAsManyAsThereShouldBe) {
    EXPECT_GE(reasons().size(), 127u);
}

}  // namespace
}  // namespace mailramp::config
