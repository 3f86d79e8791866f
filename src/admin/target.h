// admin/target.h: the target of an HTTP request, taken apart. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mailramp/base/result.h"

namespace mailramp::admin {

// "/v1/messages/0ABC?limit=5" as its decoded pieces.
struct Target {
    std::vector<std::string> segments;
    std::vector<std::pair<std::string, std::string>> query;

    // The value of a query field, or nothing.
    [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const;
};

// Takes the origin form only (RFC 9112 §3.2.1). ErrorKind::invalid: no leading slash, a broken escape, a NUL,
// a query field without a name or given twice.
[[nodiscard]] base::Result<Target> parse_target(std::string_view text);

// What the API can be asked for.
enum class Action {
    status,
    list_messages,
    count_messages,
    show_message,
    trace_message,
    read_content,
    retry_message,
    hold_message,
    release_message,
    delete_message,
    retry_messages,
    hold_messages,
    release_messages,
    delete_messages,
    list_history,
    pause_mailbox,
    resume_mailbox,
    test_alerts,
    health,
};

// Which of them a method and a path mean. The argument is the {id} or {name} of the path.
struct Route {
    enum class Match { found, no_such_path, method_not_allowed };
    Match match = Match::no_such_path;
    Action action = Action::status;
    std::string argument;
    std::string allowed_methods;  // for method_not_allowed: the value of the Allow field
};

[[nodiscard]] Route find_route(std::string_view method, const Target& target);

}  // namespace mailramp::admin
