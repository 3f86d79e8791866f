#include "check/machine.h"

#include <chrono>
#include <utility>

#include "check/setup_places.h"
#include "mailramp/base/http_date.h"
#include "mailramp/base/text.h"

namespace mailramp::check {
namespace {

constexpr std::string_view daemon_program = "mailramp";
constexpr std::string_view daemon_greeting = "ESMTP mailramp";
constexpr std::string_view service_manager = "systemd";
constexpr std::size_t date_bytes_shown_max = 64;

std::string place_of(const config::ConfigError& error) {
    if (!error.variable.empty()) return error.variable + ": ";
    if (error.line == 0) return {};
    return std::to_string(error.line) + ":" + std::to_string(error.column) + ": ";
}

std::string in_one_line(const config::ConfigError& error) {
    std::string text = place_of(error);
    if (!error.key.empty()) text += error.key + ": ";
    text += error.what;
    if (!error.allowed.empty()) text += "; " + error.allowed;
    return text;
}

std::string place_of_secret(const oauth::SecretReference& reference) {
    switch (reference.place) {
        case oauth::SecretPlace::file:
            return reference.describe() + ", closed to other users";
        case oauth::SecretPlace::environment:
        case oauth::SecretPlace::credential:
        case oauth::SecretPlace::configuration:
        case oauth::SecretPlace::none:
            break;
    }
    return reference.describe();
}

// A credential of systemd is there for the service only: somebody at a shell has to say where it comes from.
std::vector<Advice> remedy_of_secret(const oauth::SecretReference& reference, const base::Error& error) {
    const std::string name = base::printable(reference.name, base::log_value_bytes_max);
    if (reference.place == oauth::SecretPlace::credential && error.kind == base::ErrorKind::not_found)
        return {{"the unit needs the line LoadCredential=" + name + ":/etc/mailramp/" + name},
                {"at a shell, say in which folder that file lies",
                 "env CREDENTIALS_DIRECTORY=/etc/mailramp mailramp check"}};
    if (reference.place == oauth::SecretPlace::environment)
        return {{"set " + name + " in the environment of the daemon, and of this command"}};
    return {{"do what the first line says; a changed secret is read without a restart"}};
}

}  // namespace

// ------------------------------------------------------------------ configuration

bool is_about_a_secret(const config::ConfigError& error) {
    return error.key.ends_with("client_secret");
}

Finding judge_configuration(const std::string& source, const std::vector<config::ConfigError>& errors,
                            const std::vector<config::ConfigWarning>& warnings) {
    Finding finding = passed(Step::configuration, {}, source);
    for (const config::ConfigWarning& warning : warnings) {
        std::string note = warning.line == 0 ? std::string() : "line " + std::to_string(warning.line) + ": ";
        if (!warning.variable.empty()) note = warning.variable + ": ";
        if (!warning.key.empty()) note += warning.key + ": ";
        finding.notes.push_back(note + warning.message);
    }
    if (errors.empty()) return finding;
    finding.outcome = Outcome::failed;
    finding.cause = "the daemon does not start with it";
    for (const config::ConfigError& error : errors)
        finding.remedy.emplace_back(in_one_line(error));
    finding.setup = places::server;
    return finding;
}

// ------------------------------------------------------------------ secret

Finding judge_secret(const std::string& credential, const oauth::SecretReference& reference,
                     const std::optional<base::Error>& failure) {
    Finding finding = passed(Step::secret, credential, place_of_secret(reference));
    if (!failure) return finding;
    finding.outcome = Outcome::failed;
    finding.text = failure->message;
    finding.cause = "without its secret the application gets no token";
    finding.remedy = remedy_of_secret(reference, *failure);
    finding.setup = places::secret_file;
    return finding;
}

// ------------------------------------------------------------------ port

std::string name_of(const io::Endpoint& endpoint) {
    const bool ipv6 = endpoint.address.find(':') != std::string::npos;
    return (ipv6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

Finding judge_port(const PortFacts& facts) {
    const std::string name = name_of(facts.endpoint);
    if (facts.endpoint.port == 0) return passed(Step::port, name, "any free port");
    if (!facts.taken) return passed(Step::port, name, "free; the daemon does not listen there at the moment");
    if (facts.owner) {
        const std::string process = " (process " + std::to_string(facts.owner->pid) + ")";
        if (facts.owner->program == daemon_program)
            return passed(Step::port, name, "the running mailramp has it" + process);
        if (facts.owner->program == service_manager)
            return skipped(Step::port, name,
                           "systemd holds it for a socket unit; `systemctl list-sockets` says for whom");
    } else if (facts.greeting.find(daemon_greeting) != std::string::npos) {
        return passed(Step::port, name, "a running mailramp answers there");
    }
    Finding finding = passed(Step::port, name, "taken by another program");
    finding.outcome = Outcome::failed;
    if (facts.owner)
        finding.text = "taken by " + facts.owner->program + " (process " + std::to_string(facts.owner->pid) +
                       (facts.owner->unit.empty() ? "" : ", " + facts.owner->unit) + ")";
    else if (!facts.greeting.empty())
        finding.text += ", which says: " + facts.greeting;
    finding.cause =
        "mailramp cannot listen where another program does; programs that send there do not reach it";
    finding.remedy.emplace_back(io::port_in_use_advice(facts.endpoint.port, facts.owner));
    finding.setup = places::first_message;
    return finding;
}

// ------------------------------------------------------------------ clock

std::string rough_span(base::Duration span) {
    constexpr auto second = std::chrono::seconds(1);
    constexpr auto minute = std::chrono::minutes(1);
    constexpr auto hour = std::chrono::hours(1);
    constexpr auto day = std::chrono::days(1);
    const base::Duration size = std::chrono::abs(span);
    if (size < 2 * minute) return std::to_string(size / second) + " s";
    if (size < 2 * hour) return std::to_string(size / minute) + " min";
    if (size < 2 * day) return std::to_string(size / hour) + " h";
    return std::to_string(size / day) + " days";
}

std::vector<Advice> set_the_clock() {
    return {{"let the clock be set from the network", "timedatectl set-ntp true"},
            {"see whether it is (a server of the network may have to be named)", "timedatectl status"}};
}

Finding judge_clock(const ClockFacts& facts) {
    if (facts.date.empty()) return skipped(Step::clock, {}, facts.host + " does not say what time it is");
    const auto theirs = base::parse_http_date(facts.date);
    if (!theirs)
        return skipped(
            Step::clock, {},
            facts.host + " says a time that is none: " + base::printable(facts.date, date_bytes_shown_max));
    const base::Duration behind = *theirs - facts.now;
    Finding finding = passed(Step::clock, {}, "within " + rough_span(facts.tolerance) + " of " + facts.host);
    if (std::chrono::abs(behind) <= facts.tolerance) return finding;
    finding.outcome = Outcome::failed;
    finding.text = "this machine is " + rough_span(behind) +
                   (behind > base::Duration::zero() ? " behind " : " ahead of ") + facts.host;
    finding.cause =
        "with a wrong clock certificates seem not to be valid, tokens end at the wrong time, and mail has "
        "wrong "
        "dates";
    finding.remedy = set_the_clock();
    finding.setup = places::server;
    return finding;
}

// ------------------------------------------------------------------ time

Finding judge_lateness(Step step, const std::string& subject, base::Duration total_timeout) {
    Finding finding =
        passed(step, subject, "not tried: it has taken " + rough_span(total_timeout) + " so far");
    finding.outcome = Outcome::failed;
    finding.cause = "the steps above wait for servers that answer slowly or not at all";
    finding.remedy = {{"repair what failed above, then repeat mailramp check"},
                      {"with many mailboxes, try one at a time", "mailramp check --mailbox NAME"}};
    finding.setup = places::errors;
    return finding;
}

}  // namespace mailramp::check
