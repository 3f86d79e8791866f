// Every folder of tests/bad_configs/ holds a configuration that is wrong in the way its name says, and the
// exact words in which the loader must refuse it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
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

class BadConfig : public ::testing::TestWithParam<std::string> {};

TEST_P(BadConfig, IsRefusedInTheseWords) {
    const LoadResult loaded = load_text(read(folder / GetParam() / "mailramp.yaml"), {"relay.contoso.com"});
    ASSERT_FALSE(loaded);
    const std::string errors = render_errors("mailramp.yaml", loaded.error());
    EXPECT_EQ(errors, read(folder / GetParam() / "expected-error"));
    EXPECT_THAT(errors, Not(HasSubstr("topsecret")));
}

INSTANTIATE_TEST_SUITE_P(Folder, BadConfig, ::testing::ValuesIn(reasons()),
                         [](const auto& reason) { return reason.param; });

TEST(BadConfigs, AreAsManyAsThereShouldBe) {
    EXPECT_GE(reasons().size(), 115u);
}

}  // namespace
}  // namespace mailramp::config
