// mailramp/provider/reply_catalogue.h: what a server's answer means, how far it reaches, and what to do about
// it.
//
// Knowledge is data: one row a fact, each with cause and remedy; a new reply is a new row. What no row knows
// is judged by its first digit and its phase (the basic code decides; the enhanced code and the text only
// refine, since Exchange mixes their classes). Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/mail/answer.h"
#include "mailramp/provider/preset.h"

namespace mailramp::provider {

enum class Action {
    accept,             // the server took it
    retry,              // back off and try again
    requeue,            // try the recipient again at once, in another transaction; nothing failed
    lower_concurrency,  // retry with one connection less for this mailbox
    slow_down,          // retry; nothing of this mailbox goes before `wait_min` has passed
    pause,              // stop the whole mailbox or tenant, keep its mail, tell a human, probe now and then
    hold,               // keep this message (or recipient) until a human has changed something
    reject,             // final for this message (or recipient)
};

// How far an answer reaches. What reaches further than the message never counts as an attempt of it, never
// ages it and never fails it.
enum class Radius {
    recipient,
    message,
    sender,  // every message that this mailbox would submit in the name of the same address
    connection,
    mailbox,
    tenant,
};

enum class TokenRefresh {
    keep,
    force
};  // force: drop the token that was used and log in once with a new one

struct Verdict {
    Action action = Action::retry;
    Radius radius = Radius::message;
    TokenRefresh token = TokenRefresh::keep;
    base::Duration wait_min{};         // before the next try or probe; zero leaves it to the retry policy
    std::string_view cause{};          // plain words, one sentence; lives as long as the program
    std::string_view remedy{};         // what to do; may hold the placeholders of fill()
    std::optional<std::size_t> row{};  // of the catalogue; nothing: the general rule
};

[[nodiscard]] const char* to_string(Action action);
[[nodiscard]] const char* to_string(Radius radius);

// Never fails: what is unknown gets the general rule. Answers of Channel::http are judged by the AADSTS
// catalogue, answers of Channel::local by the rows that every dialect shares.
[[nodiscard]] Verdict classify(Dialect dialect, const mail::Answer& answer);

// The same answer when the sender it refuses is the mailbox's own address: no other message will fare better,
// so the mailbox pauses instead. Its radius stays the sender: the one message that was tried waits longer
// than the others, in case something in it is to blame after all.
[[nodiscard]] Verdict of_own_address(Verdict verdict);

// The names that stand in a remedy as <mailbox>, <app id> and <tenant>. An empty one stays a placeholder.
struct Names {
    std::string mailbox;
    std::string app_id;
    std::string tenant;
};
[[nodiscard]] std::string fill(std::string_view remedy, const Names& names);

// One fact. Empty or zero fields match everything.
struct Row {
    Dialect dialect = Dialect::any;
    std::span<const mail::Phase> phases;
    int code = 0;               // 535; 4 and 5: the class
    std::string_view enhanced;  // '?' stands for one digit: "4.7.5??"
    std::string_view text;      // somewhere in the text, case ignored
    Verdict verdict;
};
// The first row that matches counts.
[[nodiscard]] std::span<const Row> catalogue();

}  // namespace mailramp::provider
