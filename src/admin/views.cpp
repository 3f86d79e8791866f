#include "admin/views.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "admin/receipt.h"
#include "mailramp/base/text.h"

namespace mailramp::admin {
namespace {

namespace json = boost::json;

// Longer than anything that the store keeps; a limit against surprises.
constexpr std::size_t shown_text_bytes_max = 1024;
// Beside the words of the store's own states, which it could not say now.
constexpr std::string_view stalled_word = "stalled";

json::string shown(std::string_view text) {
    return json::string(base::printable(text, shown_text_bytes_max));
}

std::int64_t seconds_in(base::Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

const char* word_of(oauth::TokenFailureClass kind) {
    switch (kind) {
        case oauth::TokenFailureClass::configuration:
            return "configuration";
        case oauth::TokenFailureClass::transient:
            return "transient";
        case oauth::TokenFailureClass::cancelled:
            return "cancelled";
    }
    return "";
}

json::value failure_view(const std::optional<oauth::TokenFailure>& failure) {
    if (!failure) return nullptr;
    return json::object{{"kind", word_of(failure->kind)},     {"http_status", failure->http_status},
                        {"error", shown(failure->error)},     {"aadsts", failure->aadsts},
                        {"message", shown(failure->message)}, {"cause", shown(failure->cause)},
                        {"remedy", shown(failure->remedy)},   {"trace", shown(failure->trace)}};
}

json::object recipient_view(const queue::RecipientRow& recipient, const Explain& explain) {
    const bool waits = recipient.state == queue::RecipientState::queued ||
                       recipient.state == queue::RecipientState::uncertain;
    const bool held = recipient.state == queue::RecipientState::held;
    const bool ended = queue::has_ended(recipient.state);
    const Receipt receipt = read_receipt(recipient.receipt);
    const bool answered = recipient.answer.channel != mail::Channel::none;
    const Explanation why = (answered || held) && explain ? explain(recipient) : Explanation{};
    return {
        {"address", shown(recipient.address)},
        {"state", queue::to_string(recipient.state)},
        {"hold_reason", held ? json::value(queue::to_string(recipient.hold_reason)) : json::value(nullptr)},
        {"due", waits ? time_view(recipient.due) : json::value(nullptr)},
        {"ended", ended ? time_view(recipient.due) : json::value(nullptr)},
        {"attempts", recipient.attempts},
        {"maybe_delivered", recipient.maybe_delivered},
        {"mailbox", shown(recipient.mailbox)},
        {"route", shown(recipient.route)},
        {"notify", shown(recipient.notify)},
        {"orcpt", shown(recipient.orcpt)},
        {"receipt", shown(recipient.receipt)},
        {"internal_id", shown(receipt.internal_id)},
        {"hostname", shown(receipt.hostname)},
        {"answer", answer_view(recipient.answer)},
        {"cause", shown(why.cause)},
        {"remedy", shown(why.remedy)}};
}

const char* ret_word(mail::DsnReturn ret) {
    switch (ret) {
        case mail::DsnReturn::unset:
            return "";
        case mail::DsnReturn::full:
            return "FULL";
        case mail::DsnReturn::headers:
            return "HDRS";
    }
    return "";
}

}  // namespace

json::value time_view(base::WallTime time) {
    if (time == base::WallTime{}) return nullptr;
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
    std::array<char, 40> text{};
    const int length = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return json::string(text.data(), static_cast<std::size_t>(std::max(length, 0)));
}

json::value time_view(const std::optional<base::WallTime>& time) {
    if (!time) return nullptr;
    return time_view(*time);
}

json::value answer_view(const mail::Answer& answer) {
    if (answer.channel == mail::Channel::none) return nullptr;
    return json::object{{"channel", mail::to_string(answer.channel)},
                        {"phase", mail::to_string(answer.phase)},
                        {"code", answer.code},
                        {"enhanced", shown(answer.enhanced)},
                        {"text", shown(answer.text)}};
}

json::object message_view(const queue::MessageRow& message, std::size_t recipients_max,
                          const Explain& explain) {
    json::array recipients;
    for (const queue::RecipientRow& recipient : message.recipients) {
        if (recipients.size() >= recipients_max) break;
        recipients.push_back(recipient_view(recipient, explain));
    }
    return {{"id", message.id.text()},
            {"sender", shown(message.sender)},
            {"header_from", shown(message.header_from)},
            {"message_id", shown(message.message_id)},
            {"client", shown(message.client_address)},
            {"listener", shown(message.listener)},
            {"size_bytes", message.size_bytes},
            {"accepted", time_view(message.accepted)},
            {"eight_bit", message.body == mail::BodyType::eight_bit_mime},
            {"smtputf8", message.smtputf8},
            {"ret", ret_word(message.ret)},
            {"envid", shown(message.envid)},
            {"recipients_total", message.recipients.size()},
            {"recipients", std::move(recipients)}};
}

json::object history_view(const queue::HistoryRow& row, const Explain& explain) {
    json::object view = message_view(row.message, 0, explain);
    for (const char* of_the_queue :
         {"recipients", "recipients_total", "eight_bit", "smtputf8", "ret", "envid"})
        view.erase(of_the_queue);
    for (const queue::RecipientRow& recipient : row.message.recipients)
        for (const auto& field : recipient_view(recipient, explain))
            view[field.key()] = field.value();
    for (const char* of_the_queue : {"due", "hold_reason", "notify", "orcpt"})
        view.erase(of_the_queue);
    return view;
}

json::object order_view(const queue::OrderResult& result) {
    return {{"messages", result.messages},
            {"recipients", result.recipients},
            {"busy", result.busy},
            {"next", result.next ? json::value(*result.next) : json::value(nullptr)}};
}

json::object queue_view(const queue::QueueCounts& counts, const queue::StoreHealth& health) {
    json::object recipients{{"queued", counts.queued},
                            {"claimed", counts.claimed},
                            {"held", counts.held},
                            {"uncertain", counts.uncertain}};
    return {{"state", state_word(health.state)},
            {"reason", shown(health.reason)},
            {"counting", !counts.complete},
            {"messages", counts.messages},
            {"bytes", counts.bytes},
            {"oldest_accepted", time_view(counts.oldest_accepted)},
            {"recipients", std::move(recipients)},
            {"commits", health.commits},
            {"commits_failed", health.commits_failed},
            {"messages_accepted", health.messages_accepted},
            {"messages_settled", health.messages_settled},
            {"refused_but_maybe_sent", health.refused_but_maybe_sent},
            {"wal_bytes", health.wal_bytes}};
}

json::object stalled_view(const StalledQueue& stalled, const queue::StoreHealth& health) {
    json::object view = queue_view(stalled.last_counts, health);
    view["state"] = stalled_word;
    view["reason"] = shown(stalled.reason);
    return view;
}

json::object mailbox_view(const delivery::MailboxStatus& mailbox) {
    return {{"name", shown(mailbox.name)},
            {"paused", mailbox.paused},
            {"paused_by_operator", mailbox.paused_by_operator},
            {"paused_since", time_view(mailbox.paused_since)},
            {"next_probe", time_view(mailbox.next_probe)},
            {"resting_until", time_view(mailbox.resting_until)},
            {"cause", shown(mailbox.cause)},
            {"remedy", shown(mailbox.remedy)},
            {"answer", answer_view(mailbox.pause_answer)},
            {"in_flight", mailbox.in_flight},
            {"concurrency", mailbox.concurrency},
            {"budget", json::object{{"messages", mailbox.budget.messages},
                                    {"messages_max", mailbox.budget.messages_max},
                                    {"connections", mailbox.budget.connections},
                                    {"connections_max", mailbox.budget.connections_max}}}};
}

json::object token_view(const TokenState& token) {
    const oauth::TokenStatus& status = token.status;
    return {{"credential", shown(token.credential)},
            {"usable", status.usable},
            {"expires_in_seconds", status.usable ? seconds_in(status.expires_in) : 0},
            {"fetches", status.fetches},
            {"failures", status.failures},
            {"last_failure", failure_view(status.last_failure)},
            {"secret_expires", time_view(token.secret_expires)}};
}

json::object certificate_view(const CertificateState& certificate) {
    return {
        {"file", shown(certificate.file)}, {"ends", time_view(certificate.ends)}, {"own", certificate.own}};
}

json::object alert_target_view(const alert::TargetStatus& target) {
    return {{"target", shown(target.target)},
            {"taken", target.taken},
            {"lost", target.lost},
            {"waiting", target.waiting},
            {"trouble", shown(target.trouble)}};
}

json::object trial_view(const alert::Trial& trial) {
    return {{"target", shown(trial.target)}, {"taken", trial.taken}, {"words", shown(trial.words)}};
}

json::object counters_view(std::span<const CounterGroup> groups) {
    json::object out;
    for (const CounterGroup& group : groups) {
        json::object counters;
        for (const Counter& counter : group.counters)
            counters[counter.name] = counter.value;
        out[group.name] = std::move(counters);
    }
    return out;
}

json::object health_view(const queue::StoreHealth& health) {
    return {{"healthy", health.state == queue::StoreState::open},
            {"state", state_word(health.state)},
            {"reason", shown(health.reason)}};
}

json::object health_view(const StalledQueue& stalled) {
    return {{"healthy", false}, {"state", stalled_word}, {"reason", shown(stalled.reason)}};
}

json::object error_view(std::string_view kind, std::string_view message) {
    return {{"error", json::object{{"kind", kind}, {"message", shown(message)}}}};
}

std::string_view kind_word(base::ErrorKind kind) {
    switch (kind) {
        case base::ErrorKind::invalid:
            return "invalid";
        case base::ErrorKind::not_found:
            return "not_found";
        case base::ErrorKind::conflict:
            return "conflict";
        case base::ErrorKind::limit:
            return "limit";
        case base::ErrorKind::io:
            return "io";
        case base::ErrorKind::timeout:
            return "timeout";
        case base::ErrorKind::closed:
            return "closed";
        case base::ErrorKind::protocol:
            return "protocol";
        case base::ErrorKind::tls:
            return "tls";
        case base::ErrorKind::unavailable:
            return "unavailable";
        case base::ErrorKind::cancelled:
            return "cancelled";
        case base::ErrorKind::internal:
            return "internal";
    }
    return "internal";
}

std::string_view state_word(queue::StoreState state) {
    switch (state) {
        case queue::StoreState::open:
            return "open";
        case queue::StoreState::full:
            return "full";
        case queue::StoreState::failed:
            return "failed";
    }
    return "failed";
}

}  // namespace mailramp::admin
