// The loader, the annotated example and the manual know the same keys.
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/document.h"
#include "mailramp/config/keys.h"
#include "mailramp/config/load.h"

namespace mailramp::config {
namespace {

std::string read(const std::string& name) {
    std::ifstream file(std::string(MAILRAMP_SOURCE_DIR) + "/" + name, std::ios::binary);
    EXPECT_TRUE(file) << name;
    return {std::istreambuf_iterator<char>(file), {}};
}

// In the example, "# " and a word is prose; any other # in front of a line can be taken away.
bool is_prose(const std::string& line) {
    return line == "#" || (line.starts_with("# ") && line.size() > 2 && line[2] != ' ');
}

std::string uncommented(const std::string& text) {
    std::istringstream lines(text);
    std::string out;
    for (std::string line; std::getline(lines, line);) {
        if (is_prose(line)) continue;
        out += (line.starts_with('#') ? line.substr(1) : line) + "\n";
    }
    return out;
}

std::string prose(const std::string& text) {
    std::istringstream lines(text);
    std::string out;
    for (std::string line; std::getline(lines, line);)
        if (is_prose(line) && line.size() > 2) out += line.substr(2) + " ";
    return out;
}

Node parse(const std::string& text) {
    Problems problems;
    Node root = parse_document(text, problems);
    EXPECT_EQ(render_errors("example", problems.take()), "");
    return root;
}

// Names of the user's choice become <name>, and what overrides a section of the top level becomes that
// section.
std::string general(Path path) {
    for (std::string& segment : path)
        if (segment.starts_with('[')) segment = "[]";
    const bool named = path.size() > 1 && (path[0] == "credentials" || path[0] == "mailboxes");
    if (named) path[1] = "<name>";
    if (named && path.size() > 3 && (path[2] == "token" || path[2] == "upstream"))
        path.erase(path.begin(), path.begin() + 2);
    return to_string(path);
}

void collect(const Node& node, const Path& path, std::map<std::string, const Node*>& found) {
    for (const Entry& entry : node.entries) {
        const Path below = path / entry.key;
        const std::string key = general(below);
        // The first one counts: an overriding section may show another value.
        if (!key.ends_with("<name>") && !key.ends_with("client_secret.file") &&
            !key.ends_with("client_secret.credential") && key != "alert.webhook.file")
            found.emplace(key, &entry.value);
        collect(entry.value, below, found);
    }
    for (std::size_t i = 0; i < node.items.size(); ++i)
        collect(node.items[i], path / ("[" + std::to_string(i) + "]"), found);
}

std::string text_of(const Node& node) {
    if (node.kind != Node::Kind::list) return node.text;
    std::string out = "[";
    for (const Node& item : node.items)
        out += item.text + "|";
    return out + "]";
}

constexpr std::array<std::string_view, 10> short_keys{
    "mailbox:",       "auth_user:",      "provider:", "tenant_id:",       "client_id:",
    "client_secret:", "secret_expires:", "senders:",  "allowed_senders:", "sender_map:"};
const std::string example_text = read("config/mailramp.yaml");

TEST(Example, IsValidAsItIs) {
    const LoadResult loaded = load_text(example_text, {"relay.contoso.com"});
    ASSERT_TRUE(loaded) << render_errors("mailramp.yaml", loaded.error());
    ASSERT_EQ(loaded->warnings.size(), 2u);
    const std::string tenant_line = std::to_string(loaded->warnings[0].line);
    const std::string client_line = std::to_string(loaded->warnings[1].line);
    EXPECT_EQ(render_warnings("f", loaded->warnings),
              "f:" + tenant_line + ":12: tenant_id: warning: this is the example's tenant, not yours\n" +
                  "f:" + client_line +
                  ":12: client_id: warning: this is the example's application, not yours\n");
}

TEST(Example, IsValidInItsLongForm) {
    std::istringstream lines(uncommented(example_text));
    std::string long_form;
    bool of_short_form = false;
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && !line.starts_with(' '))
            of_short_form =
                std::ranges::any_of(short_keys, [&](std::string_view key) { return line.starts_with(key); });
        if (!of_short_form) long_form += line + "\n";
    }
    const LoadResult loaded = load_text(long_form, {"relay"});
    ASSERT_TRUE(loaded) << render_errors("mailramp.yaml", loaded.error());
    EXPECT_EQ(loaded->mailboxes.size(), 2u);
    EXPECT_EQ(loaded->route.rules.size(), 2u);
}

TEST(Example, HasEveryKeyOfTheLoaderAndNoOther) {
    const Node root = parse(uncommented(example_text));
    std::map<std::string, const Node*> found;
    collect(root, {}, found);
    std::set<std::string> in_example, in_loader;
    for (const auto& [key, node] : found)
        in_example.insert(key);
    for (const Key& key : keys())
        in_loader.insert(key.path);
    EXPECT_EQ(in_example, in_loader);
}

TEST(Example, ShowsTheDefaultOfEveryKeyThatHasOne) {
    const Node root = parse(uncommented(example_text));
    std::map<std::string, const Node*> found;
    collect(root, {}, found);
    int compared = 0;
    for (const Key& key : keys()) {
        // A name or pattern in the long form is an example of what may stand there; so is what has no
        // default.
        if (key.default_value.empty() || key.required || key.path.starts_with("routes[]") ||
            key.path.ends_with(".credentials"))
            continue;
        const Node shown = parse("value: " + key.default_value + "\n");
        ASSERT_TRUE(found.contains(key.path)) << key.path;
        EXPECT_EQ(text_of(*found[key.path]), text_of(*shown.find("value"))) << key.path;
        ++compared;
    }
    EXPECT_GT(compared, 80);
}

TEST(Example, SaysWhatEveryKeyIsForAndWhatItTakes) {
    const std::string words = prose(example_text);
    for (const Key& key : keys()) {
        EXPECT_THAT(words, ::testing::HasSubstr(key.doc)) << key.path;
        if (!key.section) {
            EXPECT_THAT(words, ::testing::HasSubstr(key.type)) << key.path;
        }
    }
}

TEST(Manual, EndsInTheReferenceOfTheLoader) {
    const std::string manual = read("docs/configuration.md");
    const std::string reference = render_reference();
    ASSERT_GT(manual.size(), reference.size());
    EXPECT_EQ(manual.substr(manual.size() - reference.size()), reference)
        << "replace the end of docs/configuration.md by the output of `mailramp config keys`";
}

TEST(Manual, ShowsConfigurationsThatAreValid) {
    const std::string manual = read("docs/configuration.md");
    const std::string_view fence = "```yaml\n";
    int blocks = 0;
    for (std::size_t at = manual.find(fence); at != std::string::npos;
         at = manual.find(fence, at), ++blocks) {
        at += fence.size();
        const std::string block = manual.substr(at, manual.find("```", at) - at);
        const LoadResult loaded = load_text(block, {"relay"});
        EXPECT_TRUE(loaded) << block
                            << render_errors("f", loaded ? std::vector<ConfigError>{} : loaded.error());
    }
    EXPECT_EQ(blocks, 2);
}

TEST(Keys, AreDescribedInSentences) {
    std::set<std::string> seen;
    for (const Key& key : keys()) {
        EXPECT_TRUE(seen.insert(key.path).second) << key.path << " twice";
        EXPECT_TRUE(key.doc.ends_with('.')) << key.path;
        EXPECT_FALSE(key.type.empty()) << key.path;
    }
}

}  // namespace
}  // namespace mailramp::config
