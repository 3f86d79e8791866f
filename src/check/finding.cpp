#include "mailramp/check/finding.h"

#include <utility>

namespace mailramp::check {

std::string_view to_string(Step step) {
    switch (step) {
        case Step::configuration:
            return "configuration";
        case Step::port:
            return "port";
        case Step::secret:
            return "secret";
        case Step::token_host:
            return "token_host";
        case Step::token_server:
            return "token_server";
        case Step::clock:
            return "clock";
        case Step::token:
            return "token";
        case Step::audience:
            return "audience";
        case Step::tenant:
            return "tenant";
        case Step::application:
            return "application";
        case Step::role:
            return "role";
        case Step::object_id:
            return "object_id";
        case Step::lifetime:
            return "lifetime";
        case Step::mail_host:
            return "mail_host";
        case Step::connection:
            return "connection";
        case Step::starttls:
            return "starttls";
        case Step::login:
            return "login";
        case Step::message:
            return "message";
    }
    return {};
}

std::string_view title_of(Step step) {
    switch (step) {
        case Step::token_host:
            return "token host";
        case Step::token_server:
            return "token server";
        case Step::object_id:
            return "object ID";
        case Step::mail_host:
            return "mail host";
        case Step::starttls:
            return "STARTTLS";
        case Step::configuration:
        case Step::port:
        case Step::secret:
        case Step::clock:
        case Step::token:
        case Step::audience:
        case Step::tenant:
        case Step::application:
        case Step::role:
        case Step::lifetime:
        case Step::connection:
        case Step::login:
        case Step::message:
            break;
    }
    return to_string(step);
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::passed:
            return "passed";
        case Outcome::failed:
            return "failed";
        case Outcome::skipped:
            return "skipped";
    }
    return {};
}

Finding passed(Step step, std::string subject, std::string text) {
    Finding finding;
    finding.step = step;
    finding.subject = std::move(subject);
    finding.text = std::move(text);
    return finding;
}

Finding skipped(Step step, std::string subject, std::string text) {
    Finding finding = passed(step, std::move(subject), std::move(text));
    finding.outcome = Outcome::skipped;
    return finding;
}

}  // namespace mailramp::check
