// config/report.h: errors and warnings that name the key they are about, found in the file by its path.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/known_servers.h"
#include "mailramp/config/settings.h"

namespace mailramp::config {

// For checks that look at several keys. `root`, `problems` and `warnings` must outlive it.
class Report {
  public:
    Report(const Node& root, Problems& problems, std::vector<ConfigWarning>& warnings)
        : root_(root), problems_(problems), warnings_(warnings) {}

    // At the key's place; a key that the file does not have is reported where it would stand.
    void error(const Path& path, std::string what, std::string allowed = {}) {
        problems_.add(locate(root_, path).mark, path, std::move(what), std::move(allowed));
    }
    void warn(const Path& path, std::string message) {
        const Mark mark = locate(root_, path).mark;
        warnings_.push_back({mark.line, mark.column, to_string(path), std::move(message), mark.variable});
    }

    // For a key that must be there: says so, unless a misspelt one stands in its place.
    void missing(const Path& path, std::string what_to_do) {
        if (!problems_.was_meant(path)) error(path, "the key is missing", std::move(what_to_do));
    }
    // Two values of which the first may not be more than the second: reported at the one that the file gives.
    void wrong_order(const Path& smaller, const Path& larger, std::string consequence) {
        error(first_given({smaller, larger}), to_string(smaller) + " is more than " + to_string(larger),
              std::move(consequence));
    }

    // The larger of two limits, if the file gives it: the smaller one always comes first.
    void never_reached(const Path& larger, const Path& smaller, std::string_view since) {
        if (has(larger))
            error(larger, "it is more than " + to_string(smaller),
                  std::string("allowed: no more than that, since ").append(since));
    }
    void object(const Path& path, std::optional<Objection> objection) {
        if (!objection) return;
        switch (objection->weight) {
            case Objection::Weight::error:
                return error(path, std::move(objection->what), std::move(objection->allowed));
            case Objection::Weight::warning:
                return warn(path, objection->what + "; " + objection->allowed);
        }
    }

    [[nodiscard]] bool has(const Path& path) const { return locate(root_, path).node != nullptr; }
    // Whether the key holds nothing at all; something that is wrong is something.
    [[nodiscard]] bool is_empty(const Path& path) const {
        const Node* node = locate(root_, path).node;
        return node == nullptr || (node->kind == Node::Kind::list && node->items.empty());
    }
    // The first of them that the file has, else the first.
    [[nodiscard]] Path first_given(std::initializer_list<Path> paths) const {
        for (const Path& path : paths)
            if (has(path)) return path;
        return *paths.begin();
    }

  private:
    const Node& root_;
    Problems& problems_;
    std::vector<ConfigWarning>& warnings_;
};

}  // namespace mailramp::config
