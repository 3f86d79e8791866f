// config/document.h: a YAML file as a tree in which every node knows its place.
//
// Built from yaml-cpp's events, not from its nodes: those resolve aliases, lose duplicate keys, do not tell
// quoted from plain scalars, and know no place for an empty value. Anchors, aliases and tags are refused, so
// a small file cannot become a large tree.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/config/load.h"

namespace mailramp::config {

struct Mark {
    int line = 0;  // from 1
    int column = 0;
    std::string variable = {};  // what comes from the environment stands in no line
};

struct Entry;

struct Node {
    enum class Kind { null, scalar, list, map };

    Kind kind = Kind::null;
    Mark mark = {};
    std::string text = {};  // of a scalar
    bool quoted = false;
    bool refused = false;             // an alias: what is wrong with it has been said
    std::vector<Node> items = {};     // of a list
    std::vector<Entry> entries = {};  // of a map, in the order of the file; no key twice

    // The value behind a key of a map, or null.
    [[nodiscard]] const Node* find(std::string_view key) const;
    [[nodiscard]] Entry* find_entry(std::string_view key);
};

struct Entry {
    std::string key;
    Mark mark;  // of the key
    Node value;
};

// Where something stands in the tree: keys, and "[3]" for the entry of a list.
using Path = std::vector<std::string>;
[[nodiscard]] std::string to_string(const Path& path);
[[nodiscard]] Path operator/(Path path, std::string_view segment);

// What the path leads to, or as far as it leads.
struct Found {
    const Node* node = nullptr;  // null: not all of the path exists
    Mark mark;                   // of the node, its key, or the last key on the way that exists
};
[[nodiscard]] Found locate(const Node& root, const Path& path);

// Every error in a file, until there are too many.
class Problems {
  public:
    void add(Mark mark, const Path& path, std::string_view what, std::string_view allowed = {});
    // A misspelt key stands for this one, so that it need not be called missing as well.
    void note_meant(const Path& path) { meant_.insert(to_string(path)); }
    [[nodiscard]] bool was_meant(const Path& path) const { return meant_.contains(to_string(path)); }

    [[nodiscard]] bool empty() const { return errors_.empty(); }
    // In the order of the file, then of the variables.
    [[nodiscard]] std::vector<ConfigError> take();

  private:
    std::vector<ConfigError> errors_;
    std::size_t dropped_ = 0;
    std::set<std::string> meant_;
};

struct DocumentLimits {
    std::size_t nodes_max = 20'000;
    std::size_t depth_max = 12;
};

// The one document of the text; its root is a map. Whatever is wrong goes to `problems`; what then comes back
// is as much as could be read, perhaps nothing.
[[nodiscard]] Node parse_document(std::string_view text, Problems& problems,
                                  const DocumentLimits& limits = {});

}  // namespace mailramp::config
