#include "config/document.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <tuple>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "mailramp/base/text.h"

namespace mailramp::config {
namespace {

constexpr std::size_t shown_bytes_max = 64;
constexpr std::size_t sentence_bytes_max = 2048;

Mark place(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1};
}

// Ends the parse: the limits are not a matter of continuing.
class TooLarge final : public std::exception {};

// Builds the tree out of the parser's events.
class Builder final : public YAML::EventHandler {
  public:
    Builder(Problems& problems, const DocumentLimits& limits) : problems_(problems), limits_(limits) {}

    void OnDocumentStart(const YAML::Mark& mark) override { start_ = place(mark); }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(start(Node::Kind::null, mark, "", anchor));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        problems_.add(place(mark), path(), "an alias (*name) is not supported",
                      "write the value out; a text that starts with * stands in quotes");
        Node node = start(Node::Kind::null, mark, "", 0);
        node.refused = true;
        add(std::move(node));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node node = start(Node::Kind::scalar, mark, tag, anchor);
        node.text = value;
        node.quoted = tag == "!";
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(start(Node::Kind::list, mark, tag, anchor));
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(start(Node::Kind::map, mark, tag, anchor));
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] Mark document_start() const { return start_; }
    [[nodiscard]] Node take_root() { return std::move(root_); }
    [[nodiscard]] std::size_t nodes() const { return nodes_; }

  private:
    struct Frame {
        Node node;
        std::optional<Node> key;  // of a map: read, its value still to come
    };

    Node start(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (++nodes_ > limits_.nodes_max || frames_.size() > limits_.depth_max) throw TooLarge();
        Node node;
        node.kind = kind;
        node.mark = place(mark);
        if (anchor != 0)
            problems_.add(node.mark, path(), "an anchor (&name) is not supported",
                          "write the value out where it is needed");
        // "?" is a plain node, "!" a quoted scalar; everything else was written by hand.
        if (!tag.empty() && tag != "?" && tag != "!")
            problems_.add(node.mark, path(),
                          "a tag (" + base::printable(tag, shown_bytes_max) + ") is not supported",
                          "write the value alone");
        return node;
    }

    void open(Node node) { frames_.push_back({std::move(node), {}}); }

    void close() {
        Node node = std::move(frames_.back().node);
        frames_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        if (frames_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& parent = frames_.back();
        if (parent.node.kind == Node::Kind::list) {
            parent.node.items.push_back(std::move(node));
        } else if (!parent.key) {
            parent.key = std::move(node);
        } else {
            add_entry(parent, std::move(node));
        }
    }

    void add_entry(Frame& map, Node value) {
        const Node key = std::move(*map.key);
        map.key.reset();
        if (key.kind != Node::Kind::scalar) {
            // [::1]:25 is a list in place of a key to YAML.
            problems_.add(key.mark, path(), "a key must be a word",
                          key.kind == Node::Kind::list
                              ? "an IPv6 address with a port stands in quotes: \"[::1]:25\""
                              : "");
            return;
        }
        const auto first = std::ranges::find(map.node.entries, key.text, &Entry::key);
        if (first != map.node.entries.end()) {
            problems_.add(key.mark, path() / key.text, "the key is given twice",
                          "the first time in line " + std::to_string(first->mark.line));
            return;
        }
        // An empty value has no place of its own.
        if (value.kind == Node::Kind::null) value.mark = key.mark;
        map.node.entries.push_back({key.text, key.mark, std::move(value)});
    }

    [[nodiscard]] Path path() const {
        Path path;
        for (const Frame& frame : frames_) {
            if (frame.node.kind == Node::Kind::list)
                path.push_back("[" + std::to_string(frame.node.items.size()) + "]");
            else if (frame.key)
                path.push_back(frame.key->text);
        }
        return path;
    }

    Problems& problems_;
    const DocumentLimits limits_;
    Node root_;
    Mark start_;
    std::vector<Frame> frames_;
    std::size_t nodes_ = 0;
};

std::string_view line_of(std::string_view text, int number) {
    for (int i = 1; i < number; ++i) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

// yaml-cpp's complaint, the same in all of its versions: from 0.8 on it repeats the name of an unknown alias,
// which for mail addresses is a part of one (": @contoso.com").
std::string complaint(const YAML::Exception& error) {
    constexpr std::string_view no_anchor = "the referenced anchor is not defined";
    if (error.msg.starts_with(no_anchor)) return std::string(no_anchor);
    return base::printable(error.msg, shown_bytes_max);
}

// yaml-cpp's words are about grammar; these are about what people write.
std::string hint_for(std::string_view text, int line) {
    const std::string_view content = line_of(text, line);
    const std::string_view previous = line > 1 ? line_of(text, line - 1) : std::string_view();
    if (content.find('\t') != std::string_view::npos) return "indent with spaces, never with tabs";
    if (content.find('*') != std::string_view::npos)
        return "a text that starts with * stands in quotes: \"*@contoso.com\"; aliases (*name) are not "
               "supported";
    if (content.find('[') != std::string_view::npos && content.find("]:") != std::string_view::npos)
        return "an IPv6 address stands in quotes: \"[::1]:25\"";
    if (content.find('@') == 0 || content.find(": @") != std::string_view::npos ||
        content.find('`') != std::string_view::npos)
        return "a text that starts with @ or ` stands in quotes";
    if (content.find('%') != std::string_view::npos) return "a text that starts with % stands in quotes";
    for (const std::string_view nearby : {content, previous})
        if (std::ranges::count(nearby, '"') % 2 == 1) return "a quotation mark is not closed";
    return "keys look like \"name: value\", and what belongs together is indented alike";
}

bool is_forbidden_control(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t' && c != '\n' && c != '\r') || octet == 0x7F;
}

Mark mark_at(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return {static_cast<int>(std::ranges::count(before, '\n')) + 1,
            static_cast<int>(offset - line_start) + 1};
}

// What yaml-cpp would read in its own way, or not at all.
bool check_characters(std::string_view text, Problems& problems) {
    const auto control = std::ranges::find_if(text, is_forbidden_control);
    if (control != text.end()) {
        problems.add(mark_at(text, static_cast<std::size_t>(control - text.begin())), {},
                     "a control character that no configuration has", "the file is text in UTF-8");
        return false;
    }
    if (!base::is_utf8(text)) {
        problems.add({}, {}, "the file is not valid UTF-8", "save it as UTF-8");
        return false;
    }
    return true;
}

// Notes where a second document begins.
Node parse_only_document(YAML::Parser& parser, Problems& problems, const DocumentLimits& limits) {
    Builder builder(problems, limits);
    if (!parser.HandleNextDocument(builder)) return {};
    Builder second(problems, limits);
    if (parser.HandleNextDocument(second))
        problems.add(second.document_start(), {}, "a second document (---) begins here",
                     "one file holds one configuration");
    return builder.take_root();
}

}  // namespace

const Node* Node::find(std::string_view key) const {
    const auto found = std::ranges::find(entries, key, &Entry::key);
    return found == entries.end() ? nullptr : &found->value;
}

Entry* Node::find_entry(std::string_view key) {
    const auto found = std::ranges::find(entries, key, &Entry::key);
    return found == entries.end() ? nullptr : &*found;
}

std::string to_string(const Path& path) {
    std::string out;
    for (const std::string& segment : path) {
        const bool index = segment.starts_with('[');
        if (!out.empty() && !index) out += '.';
        out += base::printable(segment, shown_bytes_max);
    }
    return out;
}

Path operator/(Path path, std::string_view segment) {
    path.emplace_back(segment);
    return path;
}

Found locate(const Node& root, const Path& path) {
    const Node* node = &root;
    Mark mark = root.mark;
    for (const std::string& segment : path) {
        const Node* next = nullptr;
        if (segment.starts_with('[')) {
            const auto index = base::parse_number(std::string_view(segment).substr(1, segment.size() - 2));
            if (index && *index < node->items.size()) next = &node->items[static_cast<std::size_t>(*index)];
        } else {
            next = node->find(segment);
        }
        if (next == nullptr) return {nullptr, mark};
        mark = next->mark;
        if (next->kind == Node::Kind::map || next->kind == Node::Kind::list)
            for (const Entry& entry : node->entries)
                if (&entry.value == next) mark = entry.mark;
        node = next;
    }
    return {node, mark};
}

void Problems::add(Mark mark, const Path& path, std::string_view what, std::string_view allowed) {
    if (errors_.size() == errors_max) {
        ++dropped_;
        return;
    }
    // Names of the file's own stand in many sentences, those among them that are no names at all; a
    // variable may be called anything.
    errors_.push_back({mark.line, mark.column, to_string(path), base::printable(what, sentence_bytes_max),
                       base::printable(allowed, sentence_bytes_max),
                       base::printable(mark.variable, sentence_bytes_max)});
}

std::vector<ConfigError> Problems::take() {
    std::ranges::stable_sort(errors_, {}, [](const ConfigError& error) {
        return std::tuple(std::string_view(error.variable), error.line, error.column);
    });
    if (dropped_ > 0)
        errors_.push_back(
            {0, 0, "", "and " + std::to_string(dropped_) + " more errors", "repair these first"});
    return std::move(errors_);
}

Node parse_document(std::string_view text, Problems& problems, const DocumentLimits& limits) {
    if (text.size() > file_bytes_max) {
        problems.add({}, {}, "the file is larger than " + std::to_string(file_bytes_max) + " octets");
        return {};
    }
    if (!check_characters(text, problems)) return {};
    Node root;
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        root = parse_only_document(parser, problems, limits);
    } catch (const YAML::Exception& error) {
        const Mark mark = error.mark.is_null() ? Mark{} : place(error.mark);
        problems.add(mark, {}, "this is not YAML (" + complaint(error) + ")", hint_for(text, mark.line));
        return {};
    } catch (const TooLarge&) {
        problems.add({}, {}, "the file has more keys and values, or deeper ones, than any configuration");
        return {};
    } catch (const std::exception& error) {
        problems.add({}, {},
                     "the file cannot be read (" + base::printable(error.what(), shown_bytes_max) + ")");
        return {};
    }
    if (root.kind == Node::Kind::null && problems.empty())
        problems.add({1, 1}, {}, "the file is empty",
                     "give at least mailbox, tenant_id, client_id and client_secret");
    else if (root.kind != Node::Kind::map && problems.empty())
        problems.add(root.mark, {}, "the file must hold keys and values",
                     "\"name: value\", one on each line");
    return root;
}

}  // namespace mailramp::config
