#include "config/table.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/foreign_keys.h"
#include "mailramp/config/suggest.h"

namespace mailramp::config {
namespace {

constexpr std::size_t keys_listed_max = 12;

std::string kind_of(const Node& node) {
    switch (node.kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::scalar:
            return "a value";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "keys of its own";
    }
    return {};
}

}  // namespace

bool check_scalar(const Node& node, const Path& path, const std::string& allowed, bool takes_quotes,
                  Problems& problems) {
    if (node.refused) return false;
    if (node.kind == Node::Kind::null) {
        problems.add(node.mark, path, "the key has no value", allowed + "; or leave the line out");
        return false;
    }
    if (node.kind != Node::Kind::scalar) {
        problems.add(node.mark, path, "one value is expected, and this is " + kind_of(node), allowed);
        return false;
    }
    if (node.quoted && !takes_quotes) {
        problems.add(node.mark, path, "the value stands in quotes and so is a text",
                     allowed + ", without quotes");
        return false;
    }
    return true;
}

bool check_map(const Node& node, const Path& path, Problems& problems) {
    if (node.kind == Node::Kind::map) return true;
    if (node.refused) return false;
    problems.add(node.mark, path, "keys of its own are expected, and this is " + kind_of(node),
                 "put them below, indented, as \"key: value\"");
    return false;
}

void note_unknown_key(const Entry& entry, const Path& path, const std::vector<std::string>& known,
                      Problems& problems) {
    const Path key = path / entry.key;
    if (entry.value.kind == Node::Kind::map && is_section_of_properties(to_string(key))) {
        for (const Entry& below : entry.value.entries)
            note_unknown_key(below, key, {}, problems);
        return;
    }
    // Nested keys of other programs are known by their whole path, all others by their last word.
    const bool nested = !path.empty() && is_section_of_properties(path.front());
    if (const auto foreign = find_foreign_key(nested ? to_string(key) : entry.key)) {
        if (!foreign->ours.empty()) problems.note_meant({foreign->ours});
        return problems.add(entry.mark, key, "there is no such key", foreign->advice);
    }
    std::string meant = synonym_of(entry.key, path, known);
    if (meant.empty()) meant = suggest(entry.key, known);
    std::string allowed;
    if (!meant.empty()) problems.note_meant(path / meant);
    if (!meant.empty())
        allowed = "did you mean " + meant + "?";
    else if (known.size() <= keys_listed_max)
        allowed = "allowed here: " + joined(known);
    else
        allowed = "`mailramp config keys` lists all keys";
    problems.add(entry.mark, key, "there is no such key", std::move(allowed));
}

void note_missing_key(const Node& map, const Path& path, const std::string& key, const std::string& words,
                      Problems& problems) {
    problems.add(map.mark, path / key, "the key is missing", "give it: " + words);
}

std::string secret_words() {
    return "{file: /path}, {credential: name} (systemd), {env: VARIABLE} or {value: text}";
}

void read_secret_in_place(oauth::SecretReference& secret, const Node& node, const Path& path,
                          Problems& problems) {
    if (!check_scalar(node, path, "allowed: a text", true, problems)) return;
    if (node.text.empty()) return problems.add(node.mark, path, "the value is empty");
    secret.place = oauth::SecretPlace::configuration;
    secret.value = base::Secret(node.text);
}

void read_secret(oauth::SecretReference& secret, const Node& node, const Path& path, Problems& problems) {
    using oauth::SecretPlace;
    struct Way {
        std::string_view key;
        SecretPlace place;
    };
    constexpr std::array<Way, 4> ways{{{"file", SecretPlace::file},
                                       {"credential", SecretPlace::credential},
                                       {"env", SecretPlace::environment},
                                       {"value", SecretPlace::configuration}}};
    if (node.kind != Node::Kind::map || node.entries.size() != 1)
        return problems.add(node.mark, path, "it must say where the secret is, with one key",
                            "allowed: " + secret_words());
    const Entry& entry = node.entries.front();
    const auto way = std::ranges::find(ways, entry.key, &Way::key);
    if (way == ways.end())
        return note_unknown_key(entry, path, {"file", "credential", "env", "value"}, problems);

    const Path value_path = path / entry.key;
    if (!check_scalar(entry.value, value_path, "allowed: a text", true, problems)) return;
    if (entry.value.text.empty()) return problems.add(entry.value.mark, value_path, "the value is empty");
    secret.place = way->place;
    if (way->place == SecretPlace::configuration) {
        secret.value = base::Secret(entry.value.text);
        return;
    }
    if (way->place == SecretPlace::file) {
        // Not repeated: it may be the secret itself.
        if (!absolute_path().read(entry.value.text))
            return problems.add(entry.value.mark, value_path,
                                "this is not the path of a file (its text is not shown)",
                                absolute_path().allowed());
    }
    secret.name = entry.value.text;
}

}  // namespace mailramp::config
