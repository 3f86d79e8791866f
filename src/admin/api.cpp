#include "admin/api.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "admin/queries.h"
#include "admin/views.h"
#include "mailramp/base/text.h"

namespace mailramp::admin {
namespace {

namespace json = boost::json;
using base::ErrorKind;
using base::fail;

// Of a content in one answer.
constexpr std::size_t content_piece_bytes = 1 << 20;

int http_status(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::invalid:
            return 400;
        case ErrorKind::not_found:
            return 404;
        case ErrorKind::conflict:
            return 409;
        case ErrorKind::limit:
        case ErrorKind::unavailable:
        case ErrorKind::cancelled:
            return 503;
        case ErrorKind::timeout:
            return 504;
        case ErrorKind::io:
        case ErrorKind::closed:
        case ErrorKind::protocol:
        case ErrorKind::tls:
        case ErrorKind::internal:
            return 500;
    }
    return 500;
}

ApiResponse ok(const json::object& body, int status = 200) {
    ApiResponse response;
    response.status = status;
    response.body = json::serialize(body);
    response.body += '\n';
    return response;
}

ApiResponse failed(const base::Error& error) {
    return error_response(http_status(error.kind), kind_word(error.kind), error.message);
}

// The store shows messages of its history too.
bool is_in_queue(const queue::MessageRow& message) {
    return std::ranges::any_of(message.recipients, [](const queue::RecipientRow& recipient) {
        return !queue::has_ended(recipient.state);
    });
}

// Those of the mailboxes that are paused: a retry through them waits all the same, and its caller should
// know.
json::array paused_among(const std::vector<delivery::MailboxStatus>& mailboxes,
                         const std::set<std::string>* wanted) {
    json::array paused;
    for (const delivery::MailboxStatus& mailbox : mailboxes) {
        if (mailbox.paused && (wanted == nullptr || wanted->contains(mailbox.name))) {
            paused.emplace_back(base::printable(mailbox.name, base::log_value_bytes_max));
        }
    }
    return paused;
}

// Those of the mailboxes that the message waits for and that do not try anything now.
json::array standing_among(const std::vector<delivery::MailboxStatus>& mailboxes,
                           const queue::MessageRow& message) {
    json::array standing;
    for (const delivery::MailboxStatus& mailbox : mailboxes) {
        if (!mailbox.paused && !mailbox.resting_until) continue;
        const bool used = std::ranges::any_of(message.recipients, [&mailbox](const queue::RecipientRow& row) {
            return row.mailbox == mailbox.name && !queue::has_ended(row.state);
        });
        if (used) standing.push_back(mailbox_view(mailbox));
    }
    return standing;
}

}  // namespace

bool is_safe_method(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool is_on_record(const ApiRequest& request) {
    if (!is_safe_method(request.method)) return true;
    const auto target = parse_target(request.target);
    if (!target || find_route(request.method, *target).action != Action::read_content) return false;
    const auto offset = read_offset(*target);
    return !offset || *offset == 0;
}

ApiResponse error_response(int status, std::string_view kind, std::string_view message) {
    return ok(error_view(kind, message), status);
}

Api::Api(const AdminOptions& options, AdminContext context)
    : options_(options),
      context_(std::move(context)),
      started_(context_.clock.wall()),
      started_steady_(context_.clock.steady()) {}

io::Task<ApiResponse> Api::answer(ApiRequest request) {
    auto target = parse_target(request.target);
    if (!target) co_return failed(target.error());
    const Route route = find_route(request.method, *target);
    switch (route.match) {
        case Route::Match::found:
            break;
        case Route::Match::no_such_path:
            co_return error_response(404, "not_found", "there is nothing at " + request.target);
        case Route::Match::method_not_allowed: {
            ApiResponse response =
                error_response(405, "method_not_allowed",
                               request.method + " is not possible here, but " + route.allowed_methods);
            response.allow = route.allowed_methods;
            co_return response;
        }
    }
    co_return co_await run(route.action, std::move(*target), route.argument, std::move(request.by));
}

io::Task<ApiResponse> Api::run(Action action, Target target, std::string argument, std::string by) {
    using queue::Verb;
    switch (action) {
        case Action::status:
            co_return co_await status();
        case Action::list_messages:
            co_return co_await list_messages(std::move(target));
        case Action::count_messages:
            co_return co_await order_many(Verb::count, std::move(target), std::move(by));
        case Action::show_message:
            co_return co_await show_message(std::move(argument));
        case Action::trace_message:
            co_return co_await trace_message(std::move(argument));
        case Action::read_content:
            co_return co_await read_content(std::move(argument), std::move(target));
        case Action::retry_message:
            co_return co_await order_one(Verb::retry, std::move(argument), std::move(by));
        case Action::hold_message:
            co_return co_await order_one(Verb::hold, std::move(argument), std::move(by));
        case Action::release_message:
            co_return co_await order_one(Verb::release, std::move(argument), std::move(by));
        case Action::delete_message:
            co_return co_await order_one(Verb::remove, std::move(argument), std::move(by));
        case Action::retry_messages:
            co_return co_await order_many(Verb::retry, std::move(target), std::move(by));
        case Action::hold_messages:
            co_return co_await order_many(Verb::hold, std::move(target), std::move(by));
        case Action::release_messages:
            co_return co_await order_many(Verb::release, std::move(target), std::move(by));
        case Action::delete_messages:
            co_return co_await order_many(Verb::remove, std::move(target), std::move(by));
        case Action::list_history:
            co_return co_await list_history(std::move(target));
        case Action::pause_mailbox:
            co_return pause_mailbox(argument, target, by);
        case Action::resume_mailbox:
            co_return resume_mailbox(argument);
        case Action::test_alerts:
            co_return co_await test_alerts();
        case Action::health:
            co_return health();
    }
    co_return error_response(500, "internal", "a route without an action");
}

io::Task<ApiResponse> Api::status() {
    // The store itself would not answer a question while its disk does not.
    const std::optional<StalledQueue> stalled = stalled_queue();
    json::object queue;
    if (stalled) {
        queue = stalled_view(*stalled, context_.store.health());
    } else {
        const auto counts = co_await context_.store.counts();
        if (!counts) co_return failed(counts.error());
        queue = queue_view(*counts, context_.store.health());
    }
    json::array listeners;
    for (const std::string& name : context_.listeners())
        listeners.emplace_back(name);
    json::array mailboxes;
    for (const delivery::MailboxStatus& mailbox : context_.mailboxes())
        mailboxes.push_back(mailbox_view(mailbox));
    json::array tokens;
    for (const TokenState& token : context_.tokens())
        tokens.push_back(token_view(token));
    const auto uptime =
        std::chrono::duration_cast<std::chrono::seconds>(context_.clock.steady() - started_steady_);
    json::object body;
    body["version"] = context_.version;
    body["pid"] = ::getpid();
    body["now"] = time_view(context_.clock.wall());
    body["started"] = time_view(started_);
    body["uptime_seconds"] = uptime.count();
    body["listeners"] = std::move(listeners);
    body["queue"] = std::move(queue);
    body["mailboxes"] = std::move(mailboxes);
    body["tokens"] = std::move(tokens);
    json::array certificates;
    if (context_.certificates)
        for (const CertificateState& certificate : context_.certificates())
            certificates.push_back(certificate_view(certificate));
    body["certificates"] = std::move(certificates);
    json::array targets;
    if (context_.alert_targets)
        for (const alert::TargetStatus& target : context_.alert_targets())
            targets.push_back(alert_target_view(target));
    body["alert_targets"] = std::move(targets);
    body["counters"] = counters_view(context_.counters());
    co_return ok(body);
}

io::Task<ApiResponse> Api::list_messages(Target target) {
    auto request = read_list_request(target, options_);
    if (!request) co_return failed(request.error());
    const auto page = co_await context_.store.list(std::move(*request));
    if (!page) co_return failed(page.error());
    json::array messages;
    for (const queue::MessageRow& message : page->messages) {
        messages.push_back(message_view(message, options_.list_recipients_max, context_.explain));
    }
    json::object body;
    body["now"] = time_view(context_.clock.wall());
    body["messages"] = std::move(messages);
    body["next"] = nullptr;
    if (page->next) body["next"] = page->next->text();
    co_return ok(body);
}

io::Task<ApiResponse> Api::show_message(std::string id_text) {
    const auto id = read_id(id_text);
    if (!id) co_return failed(id.error());
    const auto message = co_await context_.store.show(*id);
    if (!message) co_return failed(message.error());
    json::object body = message_view(*message, message->recipients.size(), context_.explain);
    body["now"] = time_view(context_.clock.wall());
    co_return ok(body);
}

io::Task<ApiResponse> Api::trace_message(std::string id_text) {
    const auto id = read_id(id_text);
    if (!id) co_return failed(id.error());
    const auto trace = co_await context_.store.trace(*id);
    if (!trace) co_return failed(trace.error());
    json::object body = trace_view(*trace, context_.explain);
    body["standing_mailboxes"] = standing_among(context_.mailboxes(), trace->message);
    body["now"] = time_view(context_.clock.wall());
    co_return ok(body);
}

// A piece: nobody has to hold a large message in memory, neither here nor there. An empty one is the end.
io::Task<ApiResponse> Api::read_content(std::string id_text, Target target) {
    const auto id = read_id(id_text);
    if (!id) co_return failed(id.error());
    const auto offset = read_offset(target);
    if (!offset) co_return failed(offset.error());
    auto piece = co_await context_.store.read(*id, *offset, content_piece_bytes);
    if (!piece) {
        base::Error error = piece.error();
        // To the store it is the content that is invalid, to the client it would be the request.
        if (error.kind == ErrorKind::invalid) error.kind = ErrorKind::io;
        co_return failed(error);
    }
    ApiResponse response;
    response.body = std::move(*piece);
    response.content_type = "message/rfc822";
    co_return response;
}

io::Task<ApiResponse> Api::order_one(queue::Verb verb, std::string id_text, std::string by) {
    const auto id = read_id(id_text);
    if (!id) co_return failed(id.error());
    const auto message = co_await context_.store.show(*id);
    if (!message) co_return failed(message.error());
    if (!is_in_queue(*message)) {
        co_return error_response(404, "not_found", "message " + id->text() + " is not in the queue any more");
    }
    const bool sends = verb == queue::Verb::retry || verb == queue::Verb::release;
    if (sends) context_.try_senders_again();
    queue::Order order;
    order.verb = verb;
    order.id = *id;
    order.by = std::move(by);
    order.now = context_.clock.wall();
    const auto result = co_await context_.store.operate(std::move(order));
    if (!result) co_return failed(result.error());
    json::object body = order_view(*result);
    body["id"] = id->text();
    body.erase("next");
    if (sends) {
        std::set<std::string> used;
        for (const queue::RecipientRow& recipient : message->recipients)
            used.insert(recipient.mailbox);
        body["paused_mailboxes"] = paused_among(context_.mailboxes(), &used);
    }
    co_return ok(body);
}

io::Task<ApiResponse> Api::order_many(queue::Verb verb, Target target, std::string by) {
    auto order = read_order(target, verb);
    if (!order) co_return failed(order.error());
    const bool sends = verb == queue::Verb::retry || verb == queue::Verb::release;
    if (sends) context_.try_senders_again();
    order->by = std::move(by);
    order->now = context_.clock.wall();
    const auto result = co_await context_.store.operate(std::move(*order));
    if (!result) co_return failed(result.error());
    json::object body = order_view(*result);
    if (sends) body["paused_mailboxes"] = paused_among(context_.mailboxes(), nullptr);
    co_return ok(body);
}

io::Task<ApiResponse> Api::list_history(Target target) {
    auto request = read_history_request(target, options_);
    if (!request) co_return failed(request.error());
    const auto page = co_await context_.store.history(std::move(*request));
    if (!page) co_return failed(page.error());
    json::array recipients;
    for (const queue::HistoryRow& row : page->rows)
        recipients.push_back(history_view(row, context_.explain));
    json::object body;
    body["now"] = time_view(context_.clock.wall());
    body["recipients"] = std::move(recipients);
    body["next"] = nullptr;
    if (page->next) body["next"] = *page->next;
    co_return ok(body);
}

ApiResponse Api::pause_mailbox(const std::string& name, const Target& target, const std::string& by) {
    const auto reason = read_reason(target);
    if (!reason) return failed(reason.error());
    const std::string cause = by + " paused it" + (reason->empty() ? std::string() : ": " + *reason);
    if (const auto paused = context_.pause_mailbox(name, cause); !paused) return failed(paused.error());
    json::object body;
    body["mailbox"] = base::printable(name, base::log_value_bytes_max);
    return ok(body);
}

ApiResponse Api::resume_mailbox(const std::string& name) {
    if (const auto resumed = context_.resume_mailbox(name); !resumed) return failed(resumed.error());
    json::object body;
    body["mailbox"] = base::printable(name, base::log_value_bytes_max);
    return ok(body);
}

io::Task<ApiResponse> Api::test_alerts() {
    std::vector<alert::Trial> trials;
    if (context_.try_alerts) trials = co_await context_.try_alerts();
    if (trials.empty())
        co_return error_response(409, "conflict",
                                 "nobody is told: alert.webhook and alert.exec are not configured");
    json::array targets;
    for (const alert::Trial& trial : trials)
        targets.push_back(trial_view(trial));
    json::object body;
    body["targets"] = std::move(targets);
    co_return ok(body);
}

std::optional<StalledQueue> Api::stalled_queue() const {
    return context_.stalled_queue ? context_.stalled_queue() : std::nullopt;
}

ApiResponse Api::health() const {
    if (const auto stalled = stalled_queue()) return ok(health_view(*stalled), 503);
    const queue::StoreHealth health = context_.store.health();
    return ok(health_view(health), health.state == queue::StoreState::open ? 200 : 503);
}

}  // namespace mailramp::admin
