#include "alert/command.h"

#include <chrono>
#include <vector>

#include "alert/body.h"
#include "mailramp/base/text.h"

namespace mailramp::alert {
namespace {

constexpr const char* search_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t path_bytes_shown_max = 300;

std::string variable(std::string_view name, std::string_view value) {
    return std::string(name).append("=").append(base::printable(value, text_field_bytes_max));
}

std::vector<std::string> environment_of(const Alert& alert, std::string_view host) {
    const Condition& condition = alert.condition;
    return {search_path,
            "LANG=C.UTF-8",
            variable("MAILRAMP_ALERT_EVENT", to_string(condition.event)),
            variable("MAILRAMP_ALERT_SUBJECT", condition.subject),
            variable("MAILRAMP_ALERT_RESOLVED", alert.kind == Alert::Kind::resolved ? "true" : "false"),
            variable("MAILRAMP_ALERT_SEVERITY", to_string(condition.severity)),
            variable("MAILRAMP_ALERT_SUMMARY", summary_of(alert)),
            variable("MAILRAMP_ALERT_MAILBOX", condition.mailbox),
            variable("MAILRAMP_ALERT_HOST", host)};
}

Sent judged(const io::CommandEnd& end, base::Duration timeout) {
    Sent sent;
    switch (end.how) {
        case io::CommandEnd::How::exited:
            if (end.number == 0) sent.end = Sent::End::taken;
            sent.words = "it ended with status " + std::to_string(end.number);
            break;
        case io::CommandEnd::How::killed:
            sent.words = "it was ended by signal " + std::to_string(end.number);
            break;
        case io::CommandEnd::How::timed_out:
            sent.words = "it was killed after " +
                         std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count()) +
                         " s (alert.timeout)";
            break;
    }
    if (!end.first_error_line.empty()) sent.words += ", saying: " + end.first_error_line;
    return sent;
}

}  // namespace

io::Task<Sent> Command::send(Alert alert) {
    io::CommandRequest request;
    request.words = options_.exec;
    request.environment = environment_of(alert, host_);
    request.input = json_body(alert, host_) + "\n";
    request.timeout = options_.timeout;
    const base::Result<io::CommandEnd> end = co_await runner_.run(std::move(request));
    if (end) co_return judged(*end, options_.timeout);
    Sent sent;
    sent.words = end.error().message;
    co_return sent;
}

std::string Command::name() const {
    return "exec " + base::printable(options_.exec.front(), path_bytes_shown_max);
}

}  // namespace mailramp::alert
