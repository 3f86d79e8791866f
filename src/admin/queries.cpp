#include "admin/queries.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "mailramp/base/text.h"

namespace mailramp::admin {
namespace {

using base::ErrorKind;
using base::fail;
using queue::RecipientState;

constexpr std::size_t page_default = 100;
constexpr std::size_t pause_reason_bytes_max = 200;
constexpr std::uint64_t unix_seconds_max = 253'402'300'799;  // the end of the year 9999

constexpr const char* filter_fields =
    "state, mailbox, route, sender, recipient, message_id, accepted_before and accepted_after";

enum class Whereabouts { queue, history };

base::Result<RecipientState> read_state(std::string_view value, Whereabouts where) {
    const auto state = queue::recipient_state_from(value);
    const bool in_history = where == Whereabouts::history;
    if (state && queue::has_ended(*state) == in_history) return *state;
    return fail(ErrorKind::invalid, in_history ? "state must be delivered, failed or deleted"
                                               : "state must be queued, claimed, held or uncertain");
}

// Seconds since 1970 UTC, as date(1) prints them with +%s.
base::Result<base::WallTime> read_time(std::string_view name, std::string_view value) {
    const auto seconds = base::parse_number(value);
    if (!seconds || *seconds > unix_seconds_max)
        return fail(ErrorKind::invalid, std::string(name) + " must be a time in seconds since 1970 UTC");
    return base::WallTime(std::chrono::seconds(*seconds));
}

base::Result<std::size_t> read_limit(std::string_view value, const AdminOptions& options) {
    const auto number = base::parse_number(value);
    if (number && *number > 0 && *number <= options.page_messages_max) return *number;
    return fail(ErrorKind::invalid,
                "limit must be a number from 1 to " + std::to_string(options.page_messages_max));
}

base::Result<std::int64_t> read_place(std::string_view name, std::string_view value) {
    const auto number = base::parse_number(value);
    if (number && *number > 0 && *number < (std::uint64_t{1} << 62))
        return static_cast<std::int64_t>(*number);
    return fail(ErrorKind::invalid,
                std::string(name) + " must be the number that the answer before gave as next");
}

// False: the filter has no such field.
base::Result<bool> read_filter_field(std::string_view name, std::string_view value, Whereabouts where,
                                     queue::Filter& filter) {
    const auto put = [](auto& field, auto&& result) -> base::Result<bool> {
        if (!result) return std::unexpected(result.error());
        field = std::move(*result);
        return true;
    };
    if (name == "state") return put(filter.state, read_state(value, where));
    if (name == "accepted_before") return put(filter.accepted_before, read_time(name, value));
    if (name == "accepted_after") return put(filter.accepted_after, read_time(name, value));
    std::optional<std::string>* text = nullptr;
    if (name == "mailbox") text = &filter.mailbox;
    if (name == "route") text = &filter.route;
    if (name == "sender") text = &filter.sender;
    if (name == "recipient") text = &filter.recipient;
    if (name == "message_id") text = &filter.message_id;
    if (text == nullptr) return false;
    // "mailbox=$UNSET" of a script would else mean everybody, or nobody.
    if (value.empty()) return fail(ErrorKind::invalid, std::string(name) + " is empty");
    *text = std::string(value);
    return true;
}

base::Error unknown_field(std::string_view name, const std::string& also) {
    return {ErrorKind::invalid, "this request knows " + also + ", and the filters " + filter_fields +
                                    ", not \"" + std::string(name) + "\""};
}

}  // namespace

base::Result<queue::QueueId> read_id(std::string_view text) {
    if (const auto id = queue::QueueId::parse(text)) return *id;
    return fail(ErrorKind::invalid, "\"" + std::string(text) + "\" is not a queue id");
}

base::Result<queue::ListRequest> read_list_request(const Target& target, const AdminOptions& options) {
    queue::ListRequest request;
    request.messages_max = std::min(page_default, options.page_messages_max);
    for (const auto& [name, value] : target.query) {
        if (name == "after") {
            const auto id = read_id(value);
            if (!id) return std::unexpected(id.error());
            request.after = *id;
        } else if (name == "limit") {
            const auto limit = read_limit(value, options);
            if (!limit) return std::unexpected(limit.error());
            request.messages_max = *limit;
        } else {
            const auto known = read_filter_field(name, value, Whereabouts::queue, request.filter);
            if (!known) return std::unexpected(known.error());
            if (!*known) return std::unexpected(unknown_field(name, "after and limit"));
        }
    }
    return request;
}

base::Result<queue::HistoryRequest> read_history_request(const Target& target, const AdminOptions& options) {
    queue::HistoryRequest request;
    request.rows_max = std::min(page_default, options.page_messages_max);
    for (const auto& [name, value] : target.query) {
        if (name == "id") {
            const auto id = read_id(value);
            if (!id) return std::unexpected(id.error());
            request.id = *id;
        } else if (name == "before") {
            const auto place = read_place(name, value);
            if (!place) return std::unexpected(place.error());
            request.before = *place;
        } else if (name == "limit") {
            const auto limit = read_limit(value, options);
            if (!limit) return std::unexpected(limit.error());
            request.rows_max = *limit;
        } else if (name == "ended_before" || name == "ended_after") {
            const auto time = read_time(name, value);
            if (!time) return std::unexpected(time.error());
            (name == "ended_before" ? request.ended_before : request.ended_after) = *time;
        } else {
            const auto known = read_filter_field(name, value, Whereabouts::history, request.filter);
            if (!known) return std::unexpected(known.error());
            if (!*known)
                return std::unexpected(
                    unknown_field(name, "id, before, limit, ended_before and ended_after"));
        }
    }
    return request;
}

base::Result<queue::Order> read_order(const Target& target, queue::Verb verb) {
    queue::Order order;
    order.verb = verb;
    bool all = false;
    for (const auto& [name, value] : target.query) {
        if (name == "after") {
            const auto place = read_place(name, value);
            if (!place) return std::unexpected(place.error());
            order.after_row = *place;
        } else if (name == "all") {
            if (value != "true") return fail(ErrorKind::invalid, "all can only be true");
            all = true;
        } else {
            const auto known = read_filter_field(name, value, Whereabouts::queue, order.filter);
            if (!known) return std::unexpected(known.error());
            if (!*known) return std::unexpected(unknown_field(name, "after and all"));
        }
    }
    if (all && !order.filter.all()) return fail(ErrorKind::invalid, "all and a filter contradict each other");
    if (verb == queue::Verb::remove && !all && order.filter.all())
        return fail(ErrorKind::invalid, "to delete everything, say all=true");
    return order;
}

base::Result<std::uint64_t> read_offset(const Target& target) {
    std::uint64_t offset = 0;
    for (const auto& [name, value] : target.query) {
        const auto number = base::parse_number(value);
        if (name != "offset" || !number)
            return fail(ErrorKind::invalid, "the content knows only offset, a number of octets");
        offset = *number;
    }
    return offset;
}

base::Result<std::string> read_reason(const Target& target) {
    std::string reason;
    for (const auto& [name, value] : target.query) {
        if (name != "reason")
            return fail(ErrorKind::invalid, "a pause knows only reason, not \"" + name + "\"");
        reason = base::printable(value, pause_reason_bytes_max);
    }
    return reason;
}

}  // namespace mailramp::admin
