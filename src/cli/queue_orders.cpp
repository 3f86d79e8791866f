#include "cli/queue_orders.h"

#include <cstdint>
#include <set>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "cli/reading.h"
#include "cli/words.h"
#include "mailramp/base/text.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

// An answer comes about once a second while a long order is carried out.
constexpr std::uint64_t answers_between_news = 5;

std::string_view word_of(OrderVerb verb) {
    switch (verb) {
        case OrderVerb::retry:
            return "retry";
        case OrderVerb::hold:
            return "hold";
        case OrderVerb::release:
            return "release";
        case OrderVerb::remove:
            return "delete";
    }
    return "";
}

// What the answers to an order come to.
struct Sum {
    std::uint64_t messages = 0, recipients = 0, busy = 0;
    std::set<std::string> paused_mailboxes;

    void add(const json::object& reply) {
        messages += number_at(reply, "messages");
        recipients += number_at(reply, "recipients");
        busy += number_at(reply, "busy");
        for (const json::value& name : array_at(reply, "paused_mailboxes"))
            if (name.is_string())
                paused_mailboxes.insert(
                    base::printable(std::string(name.get_string()), shown_word_bytes_max));
    }
    [[nodiscard]] json::object view() const {
        json::array paused;
        for (const std::string& name : paused_mailboxes)
            paused.emplace_back(name);
        return {{"messages", messages},
                {"recipients", recipients},
                {"busy", busy},
                {"paused_mailboxes", std::move(paused)}};
    }
};

std::string paused_text(const Sum& sum) {
    std::string out;
    for (const std::string& name : sum.paused_mailboxes) {
        out += "Mailbox " + name +
               " is paused, and what goes through it still waits. mailramp status says why; " +
               "mailramp mailbox resume " + name + " tries it now.\n";
    }
    return out;
}

std::string are_due(const Sum& sum) {
    return counted(sum.recipients, "recipient") + (sum.recipients == 1 ? " is" : " are") + " due now.\n" +
           paused_text(sum);
}

std::string nothing_done(OrderVerb verb, const Which& which, const Sum& sum) {
    if (sum.busy > 0) return {};
    const std::string none = which.all ? "Nothing waits in the queue.\n" : "Nothing in the queue matches.\n";
    if (verb == OrderVerb::release)
        return "Nothing that an operator holds was found. What is held for another reason is sent by: "
               "mailramp "
               "queue retry\n";
    if (verb == OrderVerb::hold && !which.id.empty()) return "It is held already.\n";
    return none;
}

std::string done_text(OrderVerb verb, const Which& which, const Sum& sum) {
    const std::string recipients = counted(sum.recipients, "recipient");
    switch (verb) {
        case OrderVerb::retry:
        case OrderVerb::release:
            return are_due(sum);
        case OrderVerb::hold:
            return recipients + (sum.recipients == 1 ? " waits" : " wait") +
                   " until: mailramp queue release\n";
        case OrderVerb::remove:
            if (!which.id.empty())
                return "Message " + which.id + " was deleted; " + recipients + " will not get it.\n";
            return counted(sum.messages, "message") + (sum.messages == 1 ? " was" : " were") + " deleted; " +
                   recipients + " will not get " + (sum.messages == 1 ? "it" : "them") + ".\n";
    }
    return {};
}

std::string text_of(OrderVerb verb, const Which& which, const Sum& sum) {
    std::string out = sum.recipients > 0 ? done_text(verb, which, sum) : nothing_done(verb, which, sum);
    if (sum.busy > 0)
        out += counted(sum.busy, "recipient") + (sum.busy == 1 ? " is" : " are") +
               " being sent at this moment, and " + (sum.busy == 1 ? "was" : "were") + " left alone.\n";
    return out;
}

struct Request {
    std::string method;
    std::string path;
    std::string query;
};

// As often as it takes. What was done before something went wrong stays done, and is told.
std::optional<ExitStatus> repeat(const Daemon& daemon, const Console& console, const Request& request,
                                 Sum& sum) {
    std::string after;
    for (std::uint64_t answers = 1;; ++answers) {
        std::string query = request.query;
        if (!after.empty()) add_field(query, "after", after);
        const Reply reply = daemon(request.method, with_query(request.path, query));
        if (!reply) {
            if (sum.recipients > 0)
                console.err << counted(sum.recipients, "recipient") << " had been dealt with before:\n";
            return complain(console, reply.error());
        }
        sum.add(*reply);
        const std::uint64_t next = number_at(*reply, "next");
        if (next == 0) return {};
        if (std::to_string(next) == after)
            return complain(console, {ExitStatus::software, "the daemon does not get on with it"});
        after = std::to_string(next);
        if (answers % answers_between_news == 0)
            console.err << counted(sum.recipients, "recipient") << " so far ...\n";
    }
}

std::string query_of(const Which& which, const View& view) {
    return which.all ? "all=true" : which.filter.query(view);
}

// Nothing: go on. What the human is asked names the message, since ids look alike, or the number of them.
std::optional<ExitStatus> ask_to_delete(const Daemon& daemon, const Console& console, const Which& which) {
    std::string question;
    if (!which.id.empty()) {
        const Reply message = daemon("GET", message_target(which.id));
        if (!message) return complain(console, message.error());
        const std::string sender = text_at(*message, "sender");
        question = "Delete message " + text_at(*message, "id") + " from " + (sender.empty() ? "<>" : sender) +
                   " to " + counted(number_at(*message, "recipients_total"), "recipient") + " (" +
                   size_text(number_at(*message, "size_bytes")) + ")? It will not be sent. [y/N] ";
    } else {
        Sum sum;
        const Request count{"GET", "/v1/messages/count", query_of(which, console.view)};
        if (const auto end = repeat(daemon, console, count, sum)) return end;
        if (sum.recipients == 0) return print(console, sum.view(), text_of(OrderVerb::remove, which, sum));
        question = "Delete " + counted(sum.messages, "message") + " to " +
                   counted(sum.recipients, "recipient") + "? " + (sum.messages == 1 ? "It" : "They") +
                   " will not be sent. [y/N] ";
    }
    const std::optional<bool> consent = console.ask(question);
    if (!consent) {
        return complain(
            console, {ExitStatus::usage, "nobody is there to be asked; to delete without asking, add --yes"});
    }
    if (*consent) return {};
    console.err << "Nothing was deleted.\n";
    return ExitStatus::done;
}

}  // namespace

std::optional<Failure> unclear(const std::string& command, const Which& which) {
    const int said = (which.id.empty() ? 0 : 1) + (which.all ? 1 : 0) + (which.filter.all() ? 0 : 1);
    if (said == 1) return {};
    return Failure{ExitStatus::usage, command +
                                          " wants one queue id, or --all, or options such as --mailbox that "
                                          "say which messages are meant"};
}

ExitStatus queue_order(const Daemon& daemon, const Console& console, OrderVerb verb, const Which& which,
                       Consent consent) {
    const std::string word(word_of(verb));
    if (const auto wrong = unclear("queue " + word, which)) return complain(console, *wrong);
    if (!which.id.empty())
        if (const auto bad = bad_id(which.id)) return complain(console, *bad);
    if (verb == OrderVerb::remove && consent == Consent::ask)
        if (const auto end = ask_to_delete(daemon, console, which)) return *end;
    const bool removes = verb == OrderVerb::remove;
    Request request{removes ? "DELETE" : "POST", "/v1/messages", {}};
    if (which.id.empty()) {
        request.query = query_of(which, console.view);
    } else {
        request.path = message_target(which.id);
    }
    if (!removes) request.path += "/" + word;
    Sum sum;
    if (const auto end = repeat(daemon, console, request, sum)) return *end;
    return print(console, sum.view(), text_of(verb, which, sum));
}

}  // namespace mailramp::cli
