#include "config/environment.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <utility>

#include "config/foreign_keys.h"
#include "config/value_types.h"
#include "mailramp/base/text.h"
#include "mailramp/config/keys.h"
#include "mailramp/config/suggest.h"

namespace mailramp::config {
namespace {

constexpr std::string_view between_levels = "__";
constexpr std::string_view chosen_name = "<name>";
constexpr std::string_view file_suffix = "_FILE";
constexpr std::size_t list_bytes_shown = 200;  // of a value that is no secret

// Ours, and no keys: one is for commands, one for mailramp-sendmail.
constexpr std::array<std::string_view, 2> other_variables{"MAILRAMP_SOCKET", "MAILRAMP_SENDMAIL_SERVER"};

struct Variable {
    std::string_view name;
    std::string_view value;
};

// What a variable gives.
struct Target {
    enum class Kind { value, records, section, secret, secret_file };
    Kind kind = Kind::value;
    Path path = {};
    bool list = false;  // of values
};

Variable split(std::string_view entry) {
    const std::size_t equals = std::min(entry.find('='), entry.size());
    return {entry.substr(0, equals), entry.substr(std::min(equals + 1, entry.size()))};
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Kubernetes tells every container of a namespace where its services are, and one of them may be called
// mailramp (or mailramp-smtp): MAILRAMP_SERVICE_HOST, MAILRAMP_SERVICE_PORT_SMTP, MAILRAMP_PORT=tcp://…,
// MAILRAMP_PORT_25_TCP_ADDR.
bool is_service_link(const Variable& variable) {
    constexpr std::array<std::string_view, 3> transports{"TCP", "UDP", "SCTP"};
    const std::string_view name = variable.name;
    if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos) return true;
    if (name.ends_with("_PORT") && variable.value.find("://") != std::string_view::npos) return true;
    constexpr std::string_view port = "_PORT_";
    const std::size_t at = name.find(port);
    if (at == std::string_view::npos) return false;
    const std::string_view rest = name.substr(at + port.size());
    const std::string_view number = rest.substr(0, rest.find('_'));
    const std::string_view behind = rest.substr(std::min(number.size() + 1, rest.size()));
    return is_digits(number) &&
           std::ranges::find(transports, behind.substr(0, behind.find('_'))) != transports.end();
}

// Those that may be keys, in the order of their names.
std::vector<Variable> variables_of(std::span<const std::string_view> environment) {
    std::vector<Variable> found;
    for (const std::string_view entry : environment) {
        const Variable variable = split(entry);
        const bool ours = variable.name.starts_with(variable_prefix);
        if (ours && std::ranges::find(other_variables, variable.name) == other_variables.end())
            found.push_back(variable);
    }
    std::ranges::sort(found, {}, &Variable::name);
    return found;
}

std::vector<std::string> levels_of(std::string_view name) {
    std::vector<std::string> levels;
    for (const auto part : std::views::split(name.substr(variable_prefix.size()), between_levels))
        levels.emplace_back(part.begin(), part.end());
    return levels;
}

std::vector<std::string> levels_of_key(std::string_view key) {
    std::vector<std::string> levels;
    for (const auto part : std::views::split(key, '.'))
        levels.emplace_back(part.begin(), part.end());
    return levels;
}

// "ERP_MAIL" of a variable is the mailbox erp-mail of the file; what the file does not have is in lower case.
std::string name_meant(std::string_view level, const Node* named) {
    const auto as_in_a_variable = [](std::string_view name) {
        std::string out = base::to_lower(name);
        std::ranges::replace_if(out, [](char c) { return c == '-' || c == '.' || c == '@'; }, '_');
        return out;
    };
    if (named != nullptr)
        for (const Entry& entry : named->entries)
            if (as_in_a_variable(entry.key) == as_in_a_variable(level)) return entry.key;
    return base::to_lower(level);
}

// Which key the levels of a variable's name are.
class KeyFinder {
  public:
    explicit KeyFinder(const Node& root) : root_(root), keys_(keys()) {}

    [[nodiscard]] std::optional<Target> find(const std::vector<std::string>& levels) const {
        for (const Key& key : keys_) {
            if (auto target = match(key, levels_of_key(key.path), levels)) return target;
            if (!key.names) continue;
            auto target = match(key, levels_of_key(key.path + "." + std::string(chosen_name)), levels);
            if (target) return Target{Target::Kind::value, std::move(target->path), key.list};
        }
        // A mailbox and a credential may have sections of the top level to themselves.
        if (levels.size() < 4) return {};
        auto own = find({levels.begin(), levels.begin() + 3});
        const auto shared = find({levels.begin() + 2, levels.end()});
        if (!own || !shared) return {};
        own->path.insert(own->path.end(), shared->path.begin() + 1, shared->path.end());
        return Target{shared->kind, std::move(own->path), shared->list};
    }

    // Names of variables without their prefix, for what was probably meant.
    [[nodiscard]] std::vector<std::string> names(const std::vector<std::string>& levels) const {
        std::vector<std::string> all;
        for (const Key& key : keys_) {
            if (key.section || key.path.find('[') != std::string::npos) continue;
            std::string path = key.path;
            if (const std::size_t at = path.find(chosen_name); at != std::string::npos && levels.size() > 1)
                path.replace(at, chosen_name.size(), levels[1]);
            all.push_back(variable_of(path).substr(variable_prefix.size()));
            if (key.secret) all.push_back(all.back() + std::string(file_suffix));
        }
        return all;
    }

    [[nodiscard]] std::vector<std::string> top_level() const {
        std::vector<std::string> all;
        for (const Key& key : keys_)
            all.push_back(key.path);
        return all;
    }

  private:
    [[nodiscard]] std::optional<Target> match(const Key& key, const std::vector<std::string>& words,
                                              const std::vector<std::string>& levels) const {
        if (words.size() != levels.size()) return {};
        Target target{.kind = kind_of(key), .list = key.list};
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] == chosen_name) {
                target.path.push_back(name_meant(levels[i], locate(root_, target.path).node));
                continue;
            }
            const std::string expected = variable_of(words[i]).substr(variable_prefix.size());
            const bool last = i + 1 == words.size();
            if (last && key.secret && levels[i] == expected + std::string(file_suffix))
                target.kind = Target::Kind::secret_file;
            else if (levels[i] != expected)
                return {};
            target.path.push_back(words[i]);
        }
        return target;
    }

    [[nodiscard]] Target::Kind kind_of(const Key& key) const {
        if (key.secret) return Target::Kind::secret;
        if (key.names) return Target::Kind::section;
        if (!key.section) return Target::Kind::value;
        const auto is_of_an_entry = [&key](const Key& other) {
            return other.path.starts_with(key.path + "[]");
        };
        return std::ranges::any_of(keys_, is_of_an_entry) ? Target::Kind::records : Target::Kind::section;
    }

    const Node& root_;
    const std::vector<Key> keys_;
};

void note_unknown(const Variable& variable, const KeyFinder& finder, Problems& problems) {
    const Mark mark{.variable = std::string(variable.name)};
    const std::string word = base::to_lower(variable.name.substr(variable_prefix.size()));
    const std::string what = "there is no such variable";
    if (const auto foreign = find_foreign_key(word)) return problems.add(mark, {}, what, foreign->advice);
    std::string meant = synonym_of(word, {}, finder.top_level());
    if (!meant.empty()) {
        problems.note_meant(levels_of_key(meant));
        return problems.add(mark, {}, what, "did you mean " + variable_of(meant) + "?");
    }
    const std::vector<std::string> levels = levels_of(variable.name);
    meant = suggest(word, finder.names(levels));
    if (meant.empty())
        return problems.add(
            mark, {}, what,
            "`mailramp config keys` lists all keys; upstream.host is " + variable_of("upstream.host"));
    meant.insert(0, variable_prefix);
    if (const auto target = finder.find(levels_of(meant))) problems.note_meant(target->path);
    problems.add(mark, {}, what, "did you mean " + meant + "?");
}

void mark_all(Node& node, const Mark& mark) {
    node.mark = mark;
    for (Node& item : node.items)
        mark_all(item, mark);
    for (Entry& entry : node.entries) {
        entry.mark = mark;
        mark_all(entry.value, mark);
    }
}

// A list in brackets, in YAML's words.
std::optional<Node> read_list(const Variable& variable, const Mark& mark, Problems& problems) {
    Problems found;
    Node document = parse_document("value: " + std::string(variable.value) + "\n", found);
    std::vector<ConfigError> errors = found.take();
    const bool sound = errors.empty() && document.entries.size() == 1;
    for (ConfigError& error : errors)
        problems.add(mark, {}, std::move(error.what), std::move(error.allowed));
    if (!sound) return {};
    Node list = std::move(document.entries.front().value);
    mark_all(list, mark);
    return list;
}

// Notes what no value has.
bool check_quotes(std::string_view value, const Mark& mark, Problems& problems) {
    const bool quoted =
        value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
    if (quoted)
        problems.add(mark, {}, "the value stands in quotation marks",
                     "leave them out: docker run --env-file keeps them");
    return !quoted;
}

bool check_text(std::string_view value, const Mark& mark, Problems& problems) {
    if (base::printable(value, value.size()) != value) {
        problems.add(mark, {},
                     "the value has a line end or a control character in it, or is not valid UTF-8");
        return false;
    }
    return check_quotes(value, mark, problems);
}

// Brackets make a list; anything else is the text itself, whatever its characters would mean in YAML.
std::optional<Node> read_value(const Variable& variable, const Target& target, const Mark& mark,
                               Problems& problems) {
    const std::string_view value = variable.value;
    const Target::Kind kind = target.kind;
    if (kind == Target::Kind::section) {
        problems.add(mark, {}, "this is a section, and each of its keys is a variable of its own",
                     mark.variable + std::string(between_levels) + " and the name of a key");
        return {};
    }
    if (!check_text(value, mark, problems)) return {};
    if (value.starts_with('[') && value.ends_with(']')) return read_list(variable, mark, problems);
    if (kind == Target::Kind::records) {
        problems.add(mark, {}, "this is not a list", "entries in brackets: [{mailbox: alerts}]");
        return {};
    }
    if (target.list && value.find(',') != std::string_view::npos) {
        problems.add(mark, {}, "several values stand in brackets",
                     std::string(variable.name) + "=[" + base::printable(value, list_bytes_shown) + "]");
        return {};
    }
    Node node;
    node.kind = Node::Kind::scalar;
    node.text = std::string(value);
    node.mark = mark;
    return node;
}

// {file: PATH}, or {env: NAME}: the value itself stays where it is, to be wiped there.
std::optional<Node> read_secret_place(const Variable& variable, Target::Kind kind, const Mark& mark,
                                      Problems& problems) {
    const bool is_file = kind == Target::Kind::secret_file;
    if (!check_quotes(variable.value, mark, problems)) return {};
    if (!is_file && variable.value.starts_with('{')) {
        problems.add(mark, {}, "the value of this variable is the secret itself",
                     "for a file: " + std::string(variable.name) + std::string(file_suffix) + "=/path");
        return {};
    }
    Node place;
    place.kind = Node::Kind::scalar;
    place.text = std::string(is_file ? variable.value : variable.name);
    Node secret;
    secret.kind = Node::Kind::map;
    secret.entries.push_back({is_file ? "file" : "env", mark, std::move(place)});
    mark_all(secret, mark);
    return secret;
}

// Makes the maps on the way. What stands there already is replaced, unless a variable has put it there.
void put(Node& root, const Path& path, Node value, Problems& problems) {
    Node* node = &root;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const bool last = i + 1 == path.size();
        Entry* entry = node->find_entry(path[i]);
        if (entry == nullptr) {
            node->entries.push_back({path[i], value.mark, Node{.mark = value.mark}});
            entry = &node->entries.back();
            if (!last) entry->value.kind = Node::Kind::map;
        } else if (last && !entry->value.mark.variable.empty()) {
            return problems.add(value.mark, {}, "the key is given twice",
                                "the first time by " + entry->value.mark.variable);
        } else if (!last && entry->value.kind != Node::Kind::map) {
            entry->value = Node{.kind = Node::Kind::map, .mark = entry->value.mark};
        }
        if (last) {
            entry->mark = value.mark;
            entry->value = std::move(value);
            return;
        }
        node = &entry->value;
    }
}

}  // namespace

bool gives_keys(std::span<const std::string_view> environment) {
    return !std::ranges::all_of(variables_of(environment), is_service_link);
}

std::vector<std::string> lay_environment(Node& root, std::span<const std::string_view> environment,
                                         Problems& problems) {
    std::vector<std::string> used;
    const std::vector<Variable> variables = variables_of(environment);
    if (variables.empty()) return used;
    const KeyFinder finder(root);
    for (const Variable& variable : variables) {
        const auto target = finder.find(levels_of(variable.name));
        if (!target) {
            if (!is_service_link(variable)) note_unknown(variable, finder, problems);
            continue;
        }
        if (variable.value.empty()) continue;
        const Mark mark{.variable = std::string(variable.name)};
        used.push_back(mark.variable);
        const bool secret = target->kind == Target::Kind::secret || target->kind == Target::Kind::secret_file;
        auto value = secret ? read_secret_place(variable, target->kind, mark, problems)
                            : read_value(variable, *target, mark, problems);
        // What is wrong with it has been said; that it is missing as well would be wrong.
        if (!value)
            problems.note_meant(target->path);
        else
            put(root, target->path, *std::move(value), problems);
    }
    return used;
}

void speak_of_variables(std::vector<ConfigError>& errors) {
    const Node nothing{.kind = Node::Kind::map};
    const KeyFinder finder(nothing);
    for (ConfigError& error : errors) {
        if (!error.variable.empty()) continue;
        error.variable = variable_of(error.key.empty() ? "*" : error.key);
        const auto target = finder.find(levels_of(error.variable));
        if (!target || target->kind != Target::Kind::secret) continue;
        error.variable += file_suffix;
        error.allowed = "give it: the path of a file that holds the secret";
    }
}

}  // namespace mailramp::config
