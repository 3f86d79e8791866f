#include "admin/target.h"

#include <algorithm>
#include <array>
#include <span>

namespace mailramp::admin {
namespace {

using base::ErrorKind;
using base::fail;

// Stands for any one segment, which becomes the route's argument.
constexpr std::string_view argument_place = "*";

struct Pattern {
    Action action;
    std::string_view method;
    std::array<std::string_view, 4> segments;  // empty ones do not count

    [[nodiscard]] std::span<const std::string_view> path() const {
        const auto end = std::ranges::find(segments, std::string_view());
        return {segments.begin(), end};
    }
};

// In the order in which they are tried: a fixed word stands before the argument that could be mistaken for
// it.
constexpr std::array patterns{
    Pattern{Action::status, "GET", {"v1", "status"}},
    Pattern{Action::list_messages, "GET", {"v1", "messages"}},
    Pattern{Action::delete_messages, "DELETE", {"v1", "messages"}},
    Pattern{Action::count_messages, "GET", {"v1", "messages", "count"}},
    Pattern{Action::retry_messages, "POST", {"v1", "messages", "retry"}},
    Pattern{Action::hold_messages, "POST", {"v1", "messages", "hold"}},
    Pattern{Action::release_messages, "POST", {"v1", "messages", "release"}},
    Pattern{Action::show_message, "GET", {"v1", "messages", argument_place}},
    Pattern{Action::delete_message, "DELETE", {"v1", "messages", argument_place}},
    Pattern{Action::retry_message, "POST", {"v1", "messages", argument_place, "retry"}},
    Pattern{Action::hold_message, "POST", {"v1", "messages", argument_place, "hold"}},
    Pattern{Action::release_message, "POST", {"v1", "messages", argument_place, "release"}},
    Pattern{Action::trace_message, "GET", {"v1", "messages", argument_place, "trace"}},
    Pattern{Action::read_content, "GET", {"v1", "messages", argument_place, "content"}},
    Pattern{Action::list_history, "GET", {"v1", "history"}},
    Pattern{Action::pause_mailbox, "POST", {"v1", "mailboxes", argument_place, "pause"}},
    Pattern{Action::resume_mailbox, "POST", {"v1", "mailboxes", argument_place, "resume"}},
    Pattern{Action::test_alerts, "POST", {"v1", "alerts", "test"}},
    Pattern{Action::health, "GET", {"healthz"}},
};

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return {};
}

// RFC 3986 §2.1. A plus sign is a plus sign: addresses have them, and our commands encode spaces as %20.
std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return {};
        const auto high = hex_digit(text[i + 1]);
        const auto low = hex_digit(text[i + 2]);
        if (!high || !low || (*high == 0 && *low == 0)) return {};
        out += static_cast<char>(*high << 4 | *low);
        i += 2;
    }
    return out;
}

// The text up to the next `separator`, which is taken away with it.
std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return piece;
}

base::Result<> parse_query(std::string_view text, Target& target) {
    while (!text.empty()) {
        std::string_view pair = take_until(text, '&');
        const std::string written(pair);
        const auto name = percent_decode(take_until(pair, '='));
        const auto value = percent_decode(pair);
        if (!name || !value || name->empty()) {
            return fail(ErrorKind::invalid, "the query field \"" + written + "\" cannot be read");
        }
        if (target.field(*name))
            return fail(ErrorKind::invalid, "the query field \"" + *name + "\" is there twice");
        target.query.emplace_back(*name, *value);
    }
    return {};
}

bool matches(const Pattern& pattern, const Target& target) {
    return std::ranges::equal(pattern.path(), target.segments,
                              [](std::string_view wanted, const std::string& given) {
                                  return wanted == argument_place ? !given.empty() : wanted == given;
                              });
}

}  // namespace

std::optional<std::string_view> Target::field(std::string_view name) const {
    const auto found =
        std::ranges::find(query, name, [](const auto& pair) { return std::string_view(pair.first); });
    if (found == query.end()) return {};
    return found->second;
}

base::Result<Target> parse_target(std::string_view text) {
    if (!text.starts_with('/')) return fail(ErrorKind::invalid, "the request target must start with a slash");
    if (text.find('#') != std::string_view::npos) {
        return fail(ErrorKind::invalid, "the request target must not have a fragment");
    }
    if (std::ranges::any_of(text,
                            [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; })) {
        return fail(ErrorKind::invalid, "the request target must not have a space or a control character");
    }
    Target target;
    std::string_view path = take_until(text, '?');
    path.remove_prefix(1);
    while (!path.empty()) {
        auto segment = percent_decode(take_until(path, '/'));
        if (!segment) return fail(ErrorKind::invalid, "the request target has a broken %-escape");
        target.segments.push_back(std::move(*segment));
    }
    if (auto parsed = parse_query(text, target); !parsed) return std::unexpected(parsed.error());
    return target;
}

Route find_route(std::string_view method, const Target& target) {
    // Whatever can be got can also be asked for without its content (RFC 9110 §9.3.2).
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    Route refused;
    for (const Pattern& pattern : patterns) {
        if (!matches(pattern, target)) continue;
        if (pattern.method == wanted) {
            Route route{Route::Match::found, pattern.action, "", ""};
            const auto place = std::ranges::find(pattern.path(), argument_place) - pattern.path().begin();
            const auto index = static_cast<std::size_t>(place);
            if (index < target.segments.size()) route.argument = target.segments[index];
            return route;
        }
        refused.match = Route::Match::method_not_allowed;
        if (!refused.allowed_methods.empty()) refused.allowed_methods += ", ";
        refused.allowed_methods += pattern.method;
        if (pattern.method == "GET") refused.allowed_methods += ", HEAD";
    }
    return refused;
}

}  // namespace mailramp::admin
