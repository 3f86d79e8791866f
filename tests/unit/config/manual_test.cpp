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
#include "mailramp/delivery/hold_text.h"
#include "mailramp/provider/aadsts.h"
#include "mailramp/provider/reply_catalogue.h"

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
    if (path.size() > 1 && path[0] == "aliases") path.resize(1);
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
    std::string first;
    int blocks = 0;
    for (std::size_t at = manual.find(fence); at != std::string::npos;
         at = manual.find(fence, at), ++blocks) {
        at += fence.size();
        std::string block = manual.substr(at, manual.find("```", at) - at);
        // What is shown without a mailbox comes on top of the first one.
        if (blocks == 0)
            first = block;
        else if (!block.contains("mailbox"))
            block.insert(0, first);
        const LoadResult loaded = load_text(block, {"relay"});
        EXPECT_TRUE(loaded) << block
                            << render_errors("f", loaded ? std::vector<ConfigError>{} : loaded.error());
    }
    EXPECT_EQ(blocks, 4);
}

TEST(Keys, AreDescribedInSentences) {
    std::set<std::string> seen;
    for (const Key& key : keys()) {
        EXPECT_TRUE(seen.insert(key.path).second) << key.path << " twice";
        EXPECT_TRUE(key.doc.ends_with('.')) << key.path;
        EXPECT_FALSE(key.type.empty()) << key.path;
    }
}

// What may be written of a key in a sentence: its path, or any part of it ("upstream.tls", "tls").
std::set<std::string> names_of_keys() {
    std::set<std::string> names;
    for (const Key& key : keys()) {
        std::istringstream segments(key.path);
        std::vector<std::string> path;
        for (std::string segment; std::getline(segments, segment, '.');)
            path.push_back(segment.substr(0, segment.find("[]")));
        for (std::size_t first = 0; first < path.size(); ++first) {
            std::string name;
            for (std::size_t i = first; i < path.size(); ++i) {
                name += (i > first ? "." : "") + path[i];
                names.insert(name);
            }
        }
    }
    return names;
}

// The names in a sentence that can only be keys: words of small letters with an underscore or a dot inside
// (those of PowerShell have capitals, addresses have a scheme), and whatever is to be "set": "set scope to",
// "set senders: collapse", "set upstream: tls to".
std::vector<std::string> keys_named_in(std::string_view sentence) {
    std::istringstream split{std::string(sentence)};
    const std::vector<std::string> words{std::istream_iterator<std::string>(split), {}};
    std::vector<std::string> named;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::size_t first = words[i].find_first_not_of("(`\"");
        const std::size_t last = words[i].find_last_not_of(")`\",.;:");
        if (first == std::string::npos || last == std::string::npos || last < first) continue;
        const std::string word = words[i].substr(first, last - first + 1);
        if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.") != std::string::npos) continue;
        const bool is_set = i > 0 && words[i - 1] == "set" && word != "the" && word != "up";
        if (is_set && words[i].ends_with(':') && i + 2 < words.size() && words[i + 2] == "to")
            named.push_back(word + "." + words[i + 1]);
        else if (is_set || word.find_first_of("_.") != std::string::npos)
            named.push_back(word);
    }
    return named;
}

std::vector<std::string> all_remedies() {
    using queue::HoldReason;
    std::vector<std::string> remedies;
    for (const provider::Row& row : provider::catalogue())
        remedies.emplace_back(row.verdict.remedy);
    for (const provider::AadstsRow& row : provider::aadsts_catalogue())
        remedies.emplace_back(row.remedy);
    for (const auto reason :
         {HoldReason::none, HoldReason::refused, HoldReason::expired, HoldReason::uncertain,
          HoldReason::crashed, HoldReason::damaged, HoldReason::sender_stopped})
        remedies.push_back(delivery::explain_hold(reason, {}, {}).remedy);
    return remedies;
}

TEST(Remedies, NameOnlyKeysThatThereAre) {
    const std::set<std::string> known = names_of_keys();
    std::set<std::string> named;
    for (const std::string& remedy : all_remedies()) {
        for (const std::string& name : keys_named_in(remedy)) {
            EXPECT_TRUE(known.contains(name)) << "no key is called " << name << ": " << remedy;
            named.insert(name);
        }
    }
    EXPECT_THAT(named, ::testing::IsSupersetOf({"client_id", "connections_max", "scope", "senders",
                                                "upstream.ehlo_name", "token.use_margin"}));
}

TEST(Remedies, ShowTheKeysThatTheyName) {
    using ::testing::ElementsAre;
    EXPECT_THAT(keys_named_in("lower connections_maxx, or `upstream.tsl`; see https://a.b/c_d"),
                ElementsAre("connections_maxx", "upstream.tsl"));
    EXPECT_THAT(keys_named_in("set scpoe to x, set senders: collapse, or set upstream: ehlo to y"),
                ElementsAre("scpoe", "senders", "upstream.ehlo"));
    EXPECT_THAT(keys_named_in("Set-Mailbox <mailbox> -Max_Size 1; it is tried again."), ElementsAre());
    EXPECT_FALSE(names_of_keys().contains("ehlo"));
}

}  // namespace
}  // namespace mailramp::config
