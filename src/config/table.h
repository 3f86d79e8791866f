// config/table.h: which keys a part of the configuration has, and into what they go.
//
// One row a key: its name, the member that it fills, the type of its value, what it is for. The same rows
// read the file, list the keys, and write the manual. Everything wrong is noted, nothing stops at the first
// error; a value that is wrong leaves its member as it was.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/value_types.h"
#include "mailramp/base/secret.h"
#include "mailramp/config/keys.h"
#include "mailramp/oauth/secret_reference.h"

namespace mailramp::config {

enum class Need { optional, required };

// Notes what is wrong with a scalar before its text is looked at. False: there is no text to read.
[[nodiscard]] bool check_scalar(const Node& node, const Path& path, const std::string& allowed,
                                bool takes_quotes, Problems& problems);
// False, with a note, when the node is no map.
[[nodiscard]] bool check_map(const Node& node, const Path& path, Problems& problems);
void note_unknown_key(const Entry& entry, const Path& path, const std::vector<std::string>& known,
                      Problems& problems);
void note_missing_key(const Node& map, const Path& path, const std::string& key, const std::string& words,
                      Problems& problems);
// {file: …}, {env: …}, {credential: …} or {value: …}.
void read_secret(oauth::SecretReference& secret, const Node& node, const Path& path, Problems& problems);
void read_secret_in_place(oauth::SecretReference& secret, const Node& node, const Path& path,
                          Problems& problems);
[[nodiscard]] std::string secret_words();

template <class Owner>
class Table {
  public:
    // `member` is a pointer to member, or a generic lambda from Owner& to a reference.
    template <class Member, class T>
    Table& value(const std::string& name, Member member, const ValueType<T>& type, std::string doc,
                 Need need = Need::optional) {
        Row row = make_row(name, type.words, std::move(doc), need);
        if (type.show)
            row.show = [member, type](const Owner& owner) {
                return show_one(type, std::invoke(member, owner));
            };
        row.bind = [member, type](Owner& owner, const Node& node, const Path& path, Problems& problems) {
            if (!check_scalar(node, path, type.allowed(), type.takes_quotes, problems)) return;
            auto read = type.read(node.text);
            if (!read) return problems.add(node.mark, path, read.error().message, type.allowed());
            auto& target = std::invoke(member, owner);
            target = static_cast<std::remove_reference_t<decltype(target)>>(std::move(*read));
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    // A list, or one value in its place. What the file gives replaces the default as a whole.
    template <class Member, class T>
    Table& list(const std::string& name, Member member, const ValueType<T>& type, std::size_t items_max,
                std::string doc, Need need = Need::optional) {
        Row row = make_row(name, "a list; each entry: " + type.words, std::move(doc), need);
        row.key.list = true;
        row.show = [member, type](const Owner& owner) {
            std::vector<std::string> shown;
            for (const T& item : std::invoke(member, owner))
                shown.push_back(in_list(type.show(item)));
            return "[" + joined(shown) + "]";
        };
        row.bind = [member, type, items_max](Owner& owner, const Node& node, const Path& path,
                                             Problems& problems) {
            auto items = read_items(type, items_max, node, path, problems);
            if (items) std::invoke(member, owner) = std::move(*items);
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    // Names that the user chooses, each with a list, or with one value in its place. `make(name, items)` is
    // what the member has of each.
    template <class Member, class T, class Make>
    Table& named_lists(const std::string& name, Member member, const ValueType<std::string>& names,
                       const ValueType<T>& type, std::size_t names_max, std::size_t items_max, Make make,
                       std::string doc) {
        Row row = make_row(name, "names, each with one value or a list; each value: " + type.words,
                           std::move(doc), Need::optional);
        row.key.names = true;
        row.key.list = true;
        row.bind = [member, names, type, names_max, items_max, make](Owner& owner, const Node& node,
                                                                     const Path& path, Problems& problems) {
            if (!check_map(node, path, problems)) return;
            if (node.entries.size() > names_max)
                return problems.add(node.mark, path,
                                    "there are " + std::to_string(node.entries.size()) + " names",
                                    "at most " + std::to_string(names_max));
            for (const Entry& entry : node.entries) {
                const auto chosen = names.read(entry.key);
                if (!chosen) problems.add(entry.mark, path, chosen.error().message, names.allowed());
                auto items = read_items(type, items_max, entry.value, path / entry.key, problems);
                if (chosen && items) std::invoke(member, owner).push_back(make(*chosen, std::move(*items)));
            }
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    template <class Member>
    Table& secret(const std::string& name, Member member, std::string doc) {
        return secret(name, member, {}, std::move(doc));
    }

    // One that may also stand there as it is. `in_place`: what it looks like then.
    template <class Member>
    Table& secret(const std::string& name, Member member, const std::string& in_place, std::string doc) {
        const std::string words = in_place.empty() ? secret_words() : in_place + "; or " + secret_words();
        Row row = make_row(name, words, std::move(doc), Need::optional);
        row.key.secret = true;
        row.bind = [member, in_place](Owner& owner, const Node& node, const Path& path, Problems& problems) {
            if (!in_place.empty() && node.kind == Node::Kind::scalar)
                return read_secret_in_place(std::invoke(member, owner), node, path, problems);
            read_secret(std::invoke(member, owner), node, path, problems);
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    // Keys of their own below this one.
    template <class Member, class Part>
    Table& section(const std::string& name, Member member, const Table<Part>& part, std::string doc) {
        Row row = make_row(name, "keys of its own", std::move(doc), Need::optional);
        row.nested = [member, part, name](const Owner& defaults) {
            return prefixed(name + ".", part.keys(std::invoke(member, defaults)));
        };
        row.bind = [member, part](Owner& owner, const Node& node, const Path& path, Problems& problems) {
            part.bind(std::invoke(member, owner), node, path, problems);
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    // A section with the keys of another one, of the top level, which it overrides.
    template <class Member, class Part>
    Table& overriding(const std::string& name, Member member, const Table<Part>& part,
                      std::string_view overridden) {
        section(name, member, part,
                "What differs from the section " + std::string(overridden) + " of the top level.");
        rows_.back().key.type = "the keys of `" + std::string(overridden) + "`";
        rows_.back().nested = [](const Owner&) { return std::vector<Key>(); };
        return *this;
    }

    // Names that the user chooses, each with keys of its own. `set_name(part, name)` tells the part.
    template <class Member, class Part, class SetName>
    Table& named(const std::string& name, Member member, const Table<Part>& part, SetName set_name,
                 std::string doc) {
        Row row = make_row(name, "names, each with keys of its own", std::move(doc), Need::optional);
        row.nested = [part, name](const Owner&) { return prefixed(name + ".<name>.", part.keys(Part{})); };
        row.bind = [member, part, set_name](Owner& owner, const Node& node, const Path& path,
                                            Problems& problems) {
            if (!check_map(node, path, problems)) return;
            for (const Entry& entry : node.entries) {
                const auto chosen = config::name().read(entry.key);
                if (!chosen) problems.add(entry.mark, path, chosen.error().message, config::name().allowed());
                Part one{};
                set_name(one, entry.key);
                part.bind(one, entry.value, path / entry.key, problems);
                std::invoke(member, owner).push_back(std::move(one));
            }
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    // A list whose entries have keys of their own.
    template <class Member, class Part>
    Table& records(const std::string& name, Member member, const Table<Part>& part, std::size_t items_max,
                   std::string doc) {
        Row row = make_row(name, "a list of entries with keys of their own", std::move(doc), Need::optional);
        row.nested = [part, name](const Owner&) { return prefixed(name + "[].", part.keys(Part{})); };
        row.bind = [member, part, items_max](Owner& owner, const Node& node, const Path& path,
                                             Problems& problems) {
            if (node.kind != Node::Kind::list)
                return problems.add(node.mark, path, "this is not a list", "begin each entry with \"- \"");
            if (node.items.size() > items_max)
                return problems.add(node.mark, path,
                                    "the list has " + std::to_string(node.items.size()) + " entries",
                                    "at most " + std::to_string(items_max));
            for (std::size_t i = 0; i < node.items.size(); ++i) {
                Part one{};
                part.bind(one, node.items[i], path / ("[" + std::to_string(i) + "]"), problems);
                std::invoke(member, owner).push_back(std::move(one));
            }
        };
        rows_.push_back(std::move(row));
        return *this;
    }

    // Fills `owner` from a map; keys that the map does not have keep their members as they are.
    void bind(Owner& owner, const Node& node, const Path& path, Problems& problems) const {
        if (!check_map(node, path, problems)) return;
        for (const Entry& entry : node.entries) {
            const Row* row = find(entry.key);
            if (row != nullptr)
                row->bind(owner, entry.value, path / entry.key, problems);
            else
                note_unknown_key(entry, path, names(), problems);
        }
        for (const Row& row : rows_)
            if (row.key.required && node.find(row.key.path) == nullptr &&
                !problems.was_meant(path / row.key.path))
                note_missing_key(node, path, row.key.path, row.key.type, problems);
    }

    // Every key with the default that it has in `defaults`.
    [[nodiscard]] std::vector<Key> keys(const Owner& defaults) const {
        std::vector<Key> all;
        for (const Row& row : rows_) {
            Key key = row.key;
            if (row.show && !key.required) key.default_value = row.show(defaults);
            key.section = static_cast<bool>(row.nested);
            all.push_back(std::move(key));
            if (row.nested)
                for (Key& nested : row.nested(defaults))
                    all.push_back(std::move(nested));
        }
        return all;
    }

  private:
    struct Row {
        Key key;
        std::function<void(Owner&, const Node&, const Path&, Problems&)> bind;
        std::function<std::string(const Owner&)> show;                  // empty: has no default to show
        std::function<std::vector<Key>(const Owner& defaults)> nested;  // empty: holds a value
    };

    // A list, or one value in its place; nothing, with a note, when there is something wrong with it.
    template <class T>
    static std::optional<std::vector<T>> read_items(const ValueType<T>& type, std::size_t items_max,
                                                    const Node& node, const Path& path, Problems& problems) {
        const bool one = node.kind == Node::Kind::scalar;
        if (!one && node.kind != Node::Kind::list) {
            problems.add(node.mark, path, "this is not a list",
                         "a list in brackets; each entry: " + type.words);
            return {};
        }
        const std::size_t count = one ? 1 : node.items.size();
        if (count > items_max) {
            problems.add(node.mark, path, "the list has " + std::to_string(count) + " entries",
                         "at most " + std::to_string(items_max));
            return {};
        }
        std::vector<T> items;
        for (std::size_t i = 0; i < count; ++i) {
            const Node& item = one ? node : node.items[i];
            const Path item_path = one ? path : path / ("[" + std::to_string(i) + "]");
            if (!check_scalar(item, item_path, type.allowed(), type.takes_quotes, problems)) continue;
            auto read = type.read(item.text);
            if (read)
                items.push_back(std::move(*read));
            else
                problems.add(item.mark, item_path, read.error().message, type.allowed());
        }
        if (items.size() != count) return {};
        return items;
    }

    static Row make_row(const std::string& name, std::string words, std::string doc, Need need) {
        Row row;
        row.key = {name, std::move(words), "", std::move(doc), need == Need::required, false, false};
        return row;
    }

    template <class T, class Value>
    static std::string show_one(const ValueType<T>& type, const Value& value) {
        // What may be absent has no default to show.
        if constexpr (std::is_constructible_v<T, const Value&>)
            return type.show(static_cast<T>(value));
        else
            return {};
    }

    // In a list in brackets, what has a bracket or a star of its own stands in quotes.
    static std::string in_list(const std::string& text) {
        return text.find_first_of("[]*<>:,#") == std::string::npos ? text : "\"" + text + "\"";
    }

    static std::vector<Key> prefixed(const std::string& prefix, std::vector<Key> keys) {
        for (Key& key : keys)
            key.path.insert(0, prefix);
        return keys;
    }

    [[nodiscard]] const Row* find(const std::string& name) const {
        for (const Row& row : rows_)
            if (row.key.path == name) return &row;
        return nullptr;
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const Row& row : rows_)
            all.push_back(row.key.path);
        return all;
    }

    std::vector<Row> rows_;
};

}  // namespace mailramp::config
