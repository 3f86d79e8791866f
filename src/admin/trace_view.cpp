// The story of one message, composed of what the queue, its history and the table of events know.
#include <algorithm>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "admin/receipt.h"
#include "admin/views.h"
#include "mailramp/base/text.h"

namespace mailramp::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t told_text_bytes_max = 1024;

json::string told(std::string_view text) {
    return json::string(base::printable(text, told_text_bytes_max));
}

using Told = std::pair<base::WallTime, json::object>;

Told acceptance(const queue::MessageRow& message) {
    return {message.accepted,
            {{"at", time_view(message.accepted)},
             {"kind", "accepted"},
             {"client", told(message.client_address)},
             {"listener", told(message.listener)},
             {"sender", told(message.sender)},
             {"recipients", message.recipients.size()},
             {"size_bytes", message.size_bytes}}};
}

const char* word_for(queue::Event::Kind kind) {
    switch (kind) {
        case queue::Event::Kind::tried:
            return "tried";
        case queue::Event::Kind::interrupted:
            return "interrupted";
        case queue::Event::Kind::ordered:
            return "ordered";
    }
    return "";
}

Told event_told(const queue::Event& event, const Explain& explain) {
    const bool held = event.state == queue::RecipientState::held;
    const bool waits =
        event.state == queue::RecipientState::queued || event.state == queue::RecipientState::uncertain;
    json::object view{{"at", time_view(event.at)},
                      {"kind", word_for(event.kind)},
                      {"state", queue::to_string(event.state)},
                      {"recipients", event.recipients},
                      {"mailbox", told(event.mailbox)}};
    if (event.kind == queue::Event::Kind::ordered) {
        view["verb"] = event.verb;
        view["by"] = told(event.by);
        view["scope"] = told(event.scope);
        return {event.at, std::move(view)};
    }
    queue::RecipientRow as_row;
    as_row.mailbox = event.mailbox;
    as_row.state = event.state;
    as_row.hold_reason = event.hold_reason;
    as_row.answer = event.answer;
    const bool answered = event.answer.channel != mail::Channel::none;
    const Explanation why = (answered || held) && explain ? explain(as_row) : Explanation{};
    view["address"] = told(event.address);
    view["hold_reason"] = held ? json::value(queue::to_string(event.hold_reason)) : json::value(nullptr);
    view["due"] = waits ? time_view(event.due) : json::value(nullptr);
    view["answer"] = answer_view(event.answer);
    view["cause"] = told(why.cause);
    view["remedy"] = told(why.remedy);
    return {event.at, std::move(view)};
}

Told end_told(const queue::RecipientRow& recipient) {
    const Receipt receipt = read_receipt(recipient.receipt);
    return {recipient.due,
            {{"at", time_view(recipient.due)},
             {"kind", queue::to_string(recipient.state)},
             {"address", told(recipient.address)},
             {"mailbox", told(recipient.mailbox)},
             {"attempts", recipient.attempts},
             {"maybe_delivered", recipient.maybe_delivered},
             {"answer", answer_view(recipient.answer)},
             {"receipt", told(recipient.receipt)},
             {"internal_id", told(receipt.internal_id)},
             {"hostname", told(receipt.hostname)}}};
}

}  // namespace

json::object trace_view(const queue::MessageTrace& trace, const Explain& explain) {
    std::vector<Told> story{acceptance(trace.message)};
    for (const queue::Event& event : trace.events)
        story.push_back(event_told(event, explain));
    for (const queue::RecipientRow& recipient : trace.message.recipients) {
        const bool ended = queue::has_ended(recipient.state);
        if (ended) story.push_back(end_told(recipient));
    }
    std::ranges::stable_sort(story, {}, &Told::first);
    json::array events;
    for (auto& [at, view] : story)
        events.push_back(std::move(view));
    json::object view = message_view(trace.message, trace.message.recipients.size(), explain);
    view["events"] = std::move(events);
    return view;
}

}  // namespace mailramp::admin
