#include "sandbox/control.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

namespace json = boost::json;

HttpAnswer with_json(int status, const json::value& value) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = json::serialize(value) + "\n";
    return answer;
}

HttpAnswer refused(int status, std::string_view why) {
    return with_json(status, json::object{{"error", why}});
}

base::Result<Fault> fault_of(const std::string& text) {
    const auto wrong = [] {
        return base::fail(base::ErrorKind::invalid,
                          R"(expected {"name": "451", "count": 2, "mailbox": "a@b"})");
    };
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error);
    if (error || !parsed.is_object()) return wrong();
    Fault fault;
    for (const auto& [key, value] : parsed.get_object()) {
        if (key == "name" && value.is_string()) {
            fault.name = value.get_string();
        } else if (key == "mailbox" && value.is_string()) {
            fault.mailbox = base::to_lower(value.get_string());
        } else if (key == "count" && value.is_int64() && value.get_int64() > 0) {
            fault.times_left = static_cast<std::uint64_t>(value.get_int64());
        } else {
            return wrong();
        }
    }
    return fault;
}

json::array armed(const Faults& faults) {
    json::array list;
    for (const Fault& fault : faults.armed()) {
        json::object entry{{"name", fault.name}};
        if (fault.times_left) entry["count"] = *fault.times_left;
        if (!fault.mailbox.empty()) entry["mailbox"] = fault.mailbox;
        list.push_back(std::move(entry));
    }
    return list;
}

HttpAnswer change_faults(Faults& faults, const HttpCall& call, std::string_view query) {
    if (call.method == "PUT") {
        auto fault = fault_of(call.body);
        if (!fault) return refused(400, fault.error().message);
        if (auto done = faults.arm(std::move(*fault)); !done) return refused(400, done.error().message);
    } else if (call.method == "DELETE") {
        const auto names = parse_form(query);
        const auto name = names.find("name");
        if (name == names.end()) {
            faults.clear();
        } else {
            faults.clear(name->second);
        }
    } else if (call.method != "GET") {
        return refused(405, "GET, PUT or DELETE");
    }
    return with_json(200, armed(faults));
}

json::object state_of(const Control& control) {
    std::size_t busiest = 0;
    json::object mailboxes;
    for (const auto& [name, use] : control.limits.uses()) {
        busiest = std::max(busiest, use.messages_in_window_max);
        mailboxes[name] = json::object{{"connections_now", use.sessions.size()},
                                       {"connections_max", use.connections_max},
                                       {"messages", use.messages},
                                       {"messages_in_60_s_max", use.messages_in_window_max}};
    }
    const SessionCounters& sessions = control.sessions;
    const TokenService::Counters& tokens = control.tokens.counters();
    return json::object{{"connections", sessions.connections},
                        {"connections_now", sessions.connections_now},
                        {"connections_now_max", sessions.connections_now_max},
                        {"tls_handshakes", sessions.tls_handshakes},
                        {"auths", sessions.auths},
                        {"auths_refused", sessions.auths_refused},
                        {"last_auth_refusal", sessions.last_auth_refusal},
                        {"auth_lines_over_512", sessions.auth_lines_over_512},
                        {"commands_before_tls", sessions.commands_before_tls},
                        {"octets_after_starttls", sessions.octets_after_starttls},
                        {"messages", sessions.messages},
                        {"messages_in_60_s_max", busiest},
                        {"token_calls", tokens.calls},
                        {"tokens", tokens.tokens},
                        {"token_errors", tokens.errors},
                        {"mailboxes", std::move(mailboxes)},
                        {"faults", armed(control.faults)}};
}

}  // namespace

HttpAnswer Control::answer(const HttpCall& call) const {
    const std::string_view target = call.target;
    const std::size_t question = std::min(target.find('?'), target.size());
    const std::string_view path = target.substr(0, question);
    const std::string_view query = target.substr(std::min(question + 1, target.size()));
    if (path == "/control/fail") return change_faults(faults, call, query);
    if (path != "/control/messages" && path != "/control/state") return refused(404, "no such page");
    if (call.method != "GET") return refused(405, "GET only");
    if (path == "/control/messages") return with_json(200, recorder.listing());
    return with_json(200, state_of(*this));
}

}  // namespace mailramp::sandbox
