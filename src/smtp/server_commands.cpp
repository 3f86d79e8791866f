// What each command of ServerProtocol does (RFC 5321 §4.1.1); the flow is in server_protocol.cpp.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/mail/dsn.h"
#include "mailramp/smtp/server_protocol.h"
#include "smtp/foreign_protocol.h"
#include "smtp/server_reply.h"

namespace mailramp::smtp {
namespace {

enum class Command {
    ehlo,
    helo,
    mail,
    rcpt,
    data,
    rset,
    noop,
    vrfy,
    help,
    quit,
    bdat,
    auth,
    starttls,
    unoffered,
    unknown
};

Command command_of(std::string_view verb) {
    struct Row {
        std::string_view verb;
        Command command;
    };
    constexpr std::array rows{
        Row{"EHLO", Command::ehlo},         Row{"HELO", Command::helo},      Row{"MAIL", Command::mail},
        Row{"RCPT", Command::rcpt},         Row{"DATA", Command::data},      Row{"RSET", Command::rset},
        Row{"NOOP", Command::noop},         Row{"VRFY", Command::vrfy},      Row{"HELP", Command::help},
        Row{"QUIT", Command::quit},         Row{"BDAT", Command::bdat},      Row{"AUTH", Command::auth},
        Row{"STARTTLS", Command::starttls}, Row{"EXPN", Command::unoffered}, Row{"ETRN", Command::unoffered},
        Row{"TURN", Command::unoffered},    Row{"SEND", Command::unoffered}, Row{"SOML", Command::unoffered},
        Row{"SAML", Command::unoffered},
    };
    const auto* const row =
        std::ranges::find_if(rows, [verb](const Row& r) { return base::equals_ignoring_case(r.verb, verb); });
    return row == rows.end() ? Command::unknown : row->command;
}

bool has_control(std::string_view line) {
    return std::ranges::any_of(line,
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

// "FROM" off "FROM:<a@b>" and "from : a@b": what follows the colon.
std::optional<std::string_view> behind_keyword(std::string_view arguments, std::string_view keyword) {
    if (!base::starts_with_ignoring_case(arguments, keyword)) return {};
    const std::string_view rest = base::trim(arguments.substr(keyword.size()));
    if (!rest.starts_with(':')) return {};
    return rest.substr(1);
}

ServerReply not_offered(std::string_view parameter) {
    constexpr std::size_t shown_bytes_max = 40;
    return {555, "5.5.4", "Parameter not offered: " + base::printable(parameter, shown_bytes_max)};
}

}  // namespace

ServerProtocol::Next ServerProtocol::run_line(std::string_view line) {
    if (looks_like_http(line))
        return end_session({421, "4.7.0", "This port speaks SMTP, not HTTP; closing the connection"}, "HTTP");
    if (++commands_without_mail_ > options_.commands_without_mail_max)
        return end_session({421, "4.7.0", "Too many commands without a message; closing the connection"},
                           "too many commands without a message");
    if (has_control(line)) return unknown({501, "5.5.2", "The command has a control character"});
    line = base::trim(line);
    const std::string_view verb = line.substr(0, line.find(' '));
    return run_command(verb, base::trim(line.substr(verb.size())));
}

ServerProtocol::Next ServerProtocol::run_command(std::string_view verb, std::string_view arguments) {
    const Command command = command_of(verb);
    if (command == Command::quit) {
        say({221, "2.0.0", "Bye"});
        state_ = State::closed;
        return forget_message();
    }
    if (shutting_down_)
        return end_session({421, "4.3.2", "mailramp is stopping; try again soon"}, "shutdown");
    if (command == Command::bdat)
        return end_session({502, "5.5.1", "BDAT is not offered; closing the connection"}, "BDAT");
    if (command == Command::unknown) return unknown({500, "5.5.1", "Unknown command"});
    data_refused_ = false;
    if (refused_ && command == Command::auth)
        return mistake({554, "5.7.1", refusal_ + "; no user name and password change that"});
    if (refused_) return mistake({503, "5.5.1", refusal_});
    switch (command) {
        case Command::ehlo:
            return hello(arguments, true);
        case Command::helo:
            return hello(arguments, false);
        case Command::mail:
            return mail_from(arguments);
        case Command::rcpt:
            return rcpt_to(arguments);
        case Command::data:
            return begin_data(arguments);
        case Command::rset: {
            say({250, "2.0.0", "OK"});
            return forget_message();
        }
        case Command::noop:
            return say_and_go_on({250, "2.0.0", "OK"});
        case Command::vrfy:
            return say_and_go_on({252, "2.5.0", "Cannot verify; send the message and see"});
        case Command::help:
            return say_and_go_on({214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"});
        case Command::auth:
            return auth(arguments);
        case Command::starttls:
            return starttls(arguments);
        case Command::unoffered:
            return mistake({502, "5.5.1", "This command is not offered"});
        case Command::quit:
        case Command::bdat:
        case Command::unknown:
            break;  // handled above
    }
    return {};
}

// An empty name is accepted: some old programs do not know their own.
ServerProtocol::Next ServerProtocol::hello(std::string_view name, bool extended) {
    constexpr std::size_t name_bytes_max = 255;
    helo_ = base::printable(name, name_bytes_max);
    greeted_ = true;
    extended_ = extended;
    if (extended) {
        std::vector<std::string> lines{
            options_.host_name, "PIPELINING", "SIZE " + std::to_string(options_.message_bytes_max),
            "8BITMIME",         "SMTPUTF8",   "DSN"};
        if (offers_starttls()) lines.emplace_back("STARTTLS");
        // The second form is older than RFC 2554, and there are devices that look for it only.
        if (offers_auth()) lines.insert(lines.end(), {"AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"});
        lines.emplace_back("ENHANCEDSTATUSCODES");
        output_ += format_lines(250, lines);
    } else {
        output_ += format_lines(250, {options_.host_name});
    }
    return forget_message();  // RFC 5321 §4.1.4: as if RSET had been said
}

ServerProtocol::Next ServerProtocol::mail_from(std::string_view arguments) {
    if (!greeted_) return mistake({503, "5.5.1", "Send EHLO or HELO first"});
    if (mail_given_) return mistake({503, "5.5.1", "A message is under way; send RSET first"});
    if (const auto missing = login_missing()) return mistake(*missing);
    const auto text = behind_keyword(arguments, "FROM");
    if (!text) return mistake({501, "5.5.4", "Send MAIL FROM:<user@example.com>"});

    // What SMTPUTF8 permits is known only when the parameters behind the address are read.
    const mail::PathRules rules{mail::Utf8::allowed, options_.domain_if_missing};
    auto path = mail::parse_reverse_path(*text, rules);
    if (!path) return say_and_go_on({501, "5.1.7", "Sender: " + path.error().message});
    forget_message();
    if (const auto fault = take_mail_parameters(path->rest)) {
        forget_message();
        return fault->code == 552 ? say_and_go_on(*fault) : mistake(*fault);
    }
    if (!envelope_.smtputf8 && !base::is_ascii(path->address)) {
        forget_message();
        return say_and_go_on({553, "5.6.7", "The sender is not ASCII; that needs the parameter SMTPUTF8"});
    }
    envelope_.sender = std::move(path->address);
    return ask(Asked::mail, Step::mail);
}

std::optional<ServerReply> ServerProtocol::take_mail_parameters(std::string_view parameters) {
    while (!parameters.empty()) {
        const std::string_view parameter = parameters.substr(0, parameters.find(' '));
        if (auto fault = take_mail_parameter(parameter)) return fault;
        parameters = base::trim(parameters.substr(parameter.size()));
    }
    if (declared_bytes_ > options_.message_bytes_max) {
        const bool countable = declared_bytes_ < std::numeric_limits<std::uint64_t>::max();
        return ServerReply{
            552, "5.3.4",
            "A message " + (countable ? "of " + std::to_string(*declared_bytes_) + " octets" : "so large") +
                " is over the limit of " + std::to_string(options_.message_bytes_max) +
                " here; make it smaller or raise mailramp's limit"};
    }
    return {};
}

std::optional<ServerReply> ServerProtocol::take_mail_parameter(std::string_view parameter) {
    const std::size_t equals = parameter.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::string_view key = parameter.substr(0, equals);
    const std::string_view value = has_value ? parameter.substr(equals + 1) : std::string_view();
    if (base::equals_ignoring_case(key, "SIZE")) {
        const bool digits = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
        if (value.empty() || !digits || declared_bytes_)
            return ServerReply{501, "5.5.4", "SIZE takes a number, once"};
        // A number that does not fit is larger than every limit.
        declared_bytes_ = base::parse_number(value).value_or(std::numeric_limits<std::uint64_t>::max());
        return {};
    }
    if (base::equals_ignoring_case(key, "BODY")) {
        const bool eight_bit = base::equals_ignoring_case(value, "8BITMIME");
        if (!eight_bit && !base::equals_ignoring_case(value, "7BIT"))
            return ServerReply{501, "5.5.4", "BODY is 7BIT or 8BITMIME here"};
        envelope_.body = eight_bit ? mail::BodyType::eight_bit_mime : mail::BodyType::seven_bit;
        return {};
    }
    if (base::equals_ignoring_case(key, "SMTPUTF8")) {
        if (has_value) return ServerReply{501, "5.5.4", "SMTPUTF8 takes no value"};
        envelope_.smtputf8 = true;
        return {};
    }
    // RFC 4954 §5: who submitted it elsewhere, which nobody here would believe.
    if (base::equals_ignoring_case(key, "AUTH")) {
        if (value.empty()) return ServerReply{501, "5.5.4", "AUTH takes an address or <>"};
        return {};
    }
    if (base::equals_ignoring_case(key, "RET")) {
        const bool full = base::equals_ignoring_case(value, "FULL");
        if (envelope_.ret != mail::DsnReturn::unset || (!full && !base::equals_ignoring_case(value, "HDRS")))
            return ServerReply{501, "5.5.4", "RET is FULL or HDRS, once"};
        envelope_.ret = full ? mail::DsnReturn::full : mail::DsnReturn::headers;
        return {};
    }
    if (base::equals_ignoring_case(key, "ENVID")) {
        auto envid = mail::parse_envid(value);
        if (!envid) return ServerReply{501, "5.5.4", envid.error().message};
        if (!envelope_.envid.empty()) return ServerReply{501, "5.5.4", "ENVID is given once"};
        envelope_.envid = *std::move(envid);
        return {};
    }
    return not_offered(key);
}

ServerProtocol::Next ServerProtocol::rcpt_to(std::string_view arguments) {
    if (!mail_given_) return mistake({503, "5.5.1", "Send MAIL first"});
    const auto text = behind_keyword(arguments, "TO");
    if (!text) return mistake({501, "5.5.4", "Send RCPT TO:<user@example.com>"});
    rcpt_tried_ = true;
    const mail::PathRules rules{mail::Utf8::allowed, {}, mail::BareName::kept};
    auto path = mail::parse_forward_path(*text, rules);
    if (!path) return say_and_go_on({501, "5.1.3", "Recipient: " + path.error().message});
    recipient_ = {};
    if (const auto fault = take_rcpt_parameters(path->rest)) return mistake(*fault);
    if (!envelope_.smtputf8 && !base::is_ascii(path->address))
        return say_and_go_on(
            {553, "5.6.7", "The recipient is not ASCII; that needs SMTPUTF8 in the MAIL command"});
    if (envelope_.recipients.size() >= options_.recipients_max)
        return say_and_go_on({452, "4.5.3", "Too many recipients; send the rest in another message"});
    recipient_.address = std::move(path->address);
    return ask(Asked::rcpt, Step::rcpt);
}

// RFC 3461 §4.1 and §4.2.
std::optional<ServerReply> ServerProtocol::take_rcpt_parameters(std::string_view parameters) {
    const mail::Utf8 utf8 = envelope_.smtputf8 ? mail::Utf8::allowed : mail::Utf8::refused;
    while (!parameters.empty()) {
        const std::string_view parameter = parameters.substr(0, parameters.find(' '));
        parameters = base::trim(parameters.substr(parameter.size()));
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const std::string_view key = parameter.substr(0, equals);
        const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
        const bool notify = base::equals_ignoring_case(key, "NOTIFY");
        if (!notify && !base::equals_ignoring_case(key, "ORCPT")) return not_offered(key);
        auto taken = notify ? mail::parse_notify(value) : mail::parse_orcpt(value, utf8);
        if (!taken) return ServerReply{501, "5.5.4", taken.error().message};
        std::string& place = notify ? recipient_.notify : recipient_.orcpt;
        if (!place.empty()) return ServerReply{501, "5.5.4", "NOTIFY and ORCPT are given once"};
        place = *std::move(taken);
    }
    return {};
}

ServerProtocol::Next ServerProtocol::begin_data(std::string_view arguments) {
    if (!arguments.empty()) return mistake({501, "5.5.4", "DATA takes no arguments"});
    if (mail_given_ && !envelope_.recipients.empty()) return ask(Asked::data, Step::data);
    data_refused_ = true;
    // RFC 5321 §3.3: 554 where all recipients were refused.
    if (mail_given_ && rcpt_tried_) return say_and_go_on({554, "5.5.1", "No valid recipients"});
    return mistake({503, "5.5.1", mail_given_ ? "Send RCPT first" : "Send MAIL first"});
}

// Behind a refused DATA this is the first line of a message whose sender did not wait for 354. The lines that
// follow must not be run as commands: some of them may be ones.
ServerProtocol::Next ServerProtocol::unknown(const ServerReply& reply) {
    if (data_refused_)
        return end_session({421, "4.7.0", "DATA was refused, but a message came; closing the connection"},
                           "a message came after a refused DATA");
    return mistake(reply);
}

ServerProtocol::Next ServerProtocol::say_and_go_on(const ServerReply& reply) {
    say(reply);
    return {};
}

}  // namespace mailramp::smtp
