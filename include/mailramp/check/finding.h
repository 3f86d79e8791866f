// mailramp/check/finding.h: what one step of `mailramp check` has found, for a human and for scripts. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailramp::check {

// In the order in which they are taken. docs/check.md explains each.
enum class Step {
    configuration,
    port,
    secret,
    token_host,
    token_server,
    clock,
    token,
    audience,
    tenant,
    application,
    role,
    object_id,
    lifetime,
    mail_host,
    connection,
    starttls,
    login,
    message,
};

enum class Outcome { passed, failed, skipped };

// Where the set-up is explained: a heading of docs/setup-microsoft-365.md, and the place in the article
// "Azure SMTP mail server with Oauth2", which many installations were made by. Both live as long as the
// program.
struct SetupPlace {
    std::string_view heading{};
    std::string_view article{};  // "1.2, steps 5 and 12"; empty: the article does not say it
};

// One thing to do.
struct Advice {
    std::string words;      // what for, or all that there is to say
    std::string command{};  // to be typed as it stands, all names filled in; may be empty
};

struct Finding {
    Step step = Step::configuration;
    Outcome outcome = Outcome::passed;
    std::string subject;         // which credential, server, mailbox or address; may be empty
    std::string text;            // what was found, in one line
    std::string cause;           // of a failure, in words
    std::vector<Advice> remedy;  // of a failure: what to do, in this order
    SetupPlace setup;
    std::vector<std::string> notes;  // what should be changed although it works
};

// "token_server": stable, for scripts.
[[nodiscard]] std::string_view to_string(Step step);
// "token server": for people.
[[nodiscard]] std::string_view title_of(Step step);
// "passed", "failed", "skipped".
[[nodiscard]] std::string_view to_string(Outcome outcome);

[[nodiscard]] Finding passed(Step step, std::string subject, std::string text);
[[nodiscard]] Finding skipped(Step step, std::string subject, std::string text);

}  // namespace mailramp::check
