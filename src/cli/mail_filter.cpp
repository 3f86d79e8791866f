#include "cli/mail_filter.h"

#include <array>
#include <chrono>
#include <utility>

#include "mailramp/base/percent.h"
#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

constexpr std::uint64_t age_seconds_max = 100ull * 365 * 24 * 3600;

constexpr std::array age_units{
    std::pair<std::string_view, std::uint64_t>{"s", 1},
    std::pair<std::string_view, std::uint64_t>{"m", 60},
    std::pair<std::string_view, std::uint64_t>{"min", 60},
    std::pair<std::string_view, std::uint64_t>{"h", 3600},
    std::pair<std::string_view, std::uint64_t>{"d", 86'400},
    std::pair<std::string_view, std::uint64_t>{"w", 604'800},
};

constexpr std::string_view time_form = "0000-00-00 00:00:00";

// As the API writes times, so that one reader serves both.
std::optional<base::WallTime> parse_utc(std::string_view text) {
    for (const std::size_t length : {std::size_t{10}, std::size_t{16}, time_form.size()}) {
        if (text.size() != length) continue;
        std::string whole(text);
        whole += std::string_view("T00:00:00.000Z").substr(length - 10);
        if (length > 10) {
            if (text[10] != ' ' && text[10] != 'T') return {};
            whole[10] = 'T';
        }
        return parse_time(whole);
    }
    return {};
}

}  // namespace

std::optional<base::Duration> parse_age(std::string_view text) {
    const std::size_t digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) return {};
    const auto number = base::parse_number(text.substr(0, digits));
    if (!number || *number > age_seconds_max) return {};
    for (const auto& [unit, seconds] : age_units)
        if (text.substr(digits) == unit && *number <= age_seconds_max / seconds)
            return std::chrono::seconds(*number * seconds);
    return {};
}

std::optional<base::WallTime> parse_moment(std::string_view text, const View& view) {
    if (const auto age = parse_age(text)) return view.now - *age;
    const bool utc = text.ends_with('Z');
    const auto time = parse_utc(utc ? text.substr(0, text.size() - 1) : text);
    if (!time || utc) return time;
    return *time - view.zone(*time);
}

bool MailFilter::all() const {
    return state.empty() && mailbox.empty() && route.empty() && sender.empty() && recipient.empty() &&
           message_id.empty() && older_than.empty() && newer_than.empty();
}

std::string MailFilter::query(const View& view) const {
    std::string out;
    const auto add = [&out](std::string_view name, const std::string& value) {
        if (!value.empty()) add_field(out, name, value);
    };
    // What the API calls claimed is being sent, to anybody else.
    add("state", state == "sending" ? "claimed" : state);
    add("mailbox", mailbox);
    add("route", route);
    add("sender", sender);
    add("recipient", recipient);
    add("message_id", message_id);
    if (const auto age = parse_age(older_than)) add("accepted_before", unix_seconds(view.now - *age));
    if (const auto age = parse_age(newer_than)) add("accepted_after", unix_seconds(view.now - *age));
    return out;
}

std::string with_query(std::string path, std::string_view query) {
    if (!query.empty()) path.append("?").append(query);
    return path;
}

void add_field(std::string& query, std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query.append(name).append("=").append(base::percent_encode(value));
}

std::string unix_seconds(base::WallTime time) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

}  // namespace mailramp::cli
