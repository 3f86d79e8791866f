#include "cli/daemon.h"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "cli/reading.h"

namespace mailramp::cli {
namespace {

ExitStatus status_of(int http_status, std::string_view kind) {
    switch (http_status) {
        case 400:
        case 404:
            return ExitStatus::data;
        case 409:
        case 503:
        case 504:
            return ExitStatus::try_again;
        case 500:
            return kind == "io" ? ExitStatus::io_error : ExitStatus::software;
        default:
            return ExitStatus::software;
    }
}

}  // namespace

Reply read_reply(int http_status, std::string_view body) {
    boost::system::error_code error;
    boost::json::value parsed = boost::json::parse(body, error);
    if (error || !parsed.is_object()) {
        return std::unexpected(
            Failure{ExitStatus::software,
                    "what answers on the socket is not mailramp (HTTP " + std::to_string(http_status) + ")"});
    }
    if (http_status >= 200 && http_status < 300) return std::move(parsed.get_object());
    const boost::json::object& problem = object_at(parsed.get_object(), "error");
    std::string message = text_at(problem, "message");
    if (message.empty()) message = text_at(parsed.get_object(), "reason");  // of /healthz, which is no error
    if (message.empty()) message = "the daemon answered HTTP " + std::to_string(http_status);
    return std::unexpected(Failure{status_of(http_status, text_at(problem, "kind")), std::move(message)});
}

}  // namespace mailramp::cli
